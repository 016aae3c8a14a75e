ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
# Versions are not pinned: a Debian suite keeps only its newest, so a pin would break the build at the next update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils ca-certificates dataset-fashion-mnist python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /tmp/
# TensorFlow's C++ headers and the symbol tables of its two large libraries are half a gigabyte that nothing here uses.
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /tmp/requirements.txt \
    && rm -r /opt/venv/lib/python3*/site-packages/tensorflow/include \
    && strip --strip-unneeded /opt/venv/lib/python3*/site-packages/tensorflow/libtensorflow_*.so.2

FROM ${BASE}
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home job \
    && install --directory --owner=job /app/report
COPY --from=build /usr/share/datasets/fashion-mnist /usr/share/datasets/fashion-mnist
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY templates templates
COPY job job
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib
RUN python -m compileall -q job && python -m job --help >/dev/null
USER 1000
ENTRYPOINT ["python", "-m", "job"]
