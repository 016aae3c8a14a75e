# Where no registry is in reach, another base can stand in: make image BASE=debian:trixie-slim
ARG BASE=pinned
FROM debian:trixie-slim@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f AS pinned

FROM ${BASE} AS build
# Versions are not pinned: a Debian suite keeps only its newest, so a pin would break the build at the next update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils ca-certificates dataset-fashion-mnist python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
# cpu or gpu: which of the two locks
ARG DEVICE=cpu
# yes: what --export onnx needs, too
ARG EXPORT=no
COPY requirements.txt requirements-gpu.txt requirements-export.txt /tmp/
# The wheels stay in a cache mount: a changed lock downloads only what is new, and none of them is in the image.
RUN --mount=type=cache,target=/wheels,sharing=locked \
    case "$DEVICE" in \
        cpu) lock=/tmp/requirements.txt ;; \
        gpu) lock=/tmp/requirements-gpu.txt ;; \
        *) echo "DEVICE is '$DEVICE', but must be cpu or gpu" >&2; exit 64 ;; \
    esac \
    && python3 -m venv /opt/venv \
    && set -- --no-cache-dir --require-hashes --only-binary :all: --requirement "$lock" \
    && case "$EXPORT" in \
        no) ;; \
        yes) set -- "$@" --requirement /tmp/requirements-export.txt ;; \
        *) echo "EXPORT is '$EXPORT', but must be yes or no" >&2; exit 64 ;; \
    esac \
    && /opt/venv/bin/pip download --dest /wheels "$@" \
    && /opt/venv/bin/pip install --no-index --find-links /wheels "$@" \
    && /opt/venv/bin/pip uninstall --yes pip
# What nothing here uses, more than half a gigabyte: TensorFlow's C++ headers, the symbol tables of its two large
# libraries, libclang, and other libraries' tests. TensorFlow and Keras import modules of theirs that are named test.
# That the rest still works is shown below.
RUN site=$(echo /opt/venv/lib/python3*/site-packages) \
    && rm -r "$site/tensorflow/include" "$site/clang/native" \
    && strip --strip-unneeded "$site"/tensorflow/libtensorflow_*.so.2 \
    && find "$site" -type d \( -path "$site/tensorflow" -o -path "$site/keras" -o -name tests -o -name test \) -prune \
        -name 'test*' -exec rm -r {} +

FROM ${BASE}
# tini is the first process: it passes SIGTERM on even before Python can answer.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --no-create-home job
COPY --from=build /usr/share/datasets/fashion-mnist /usr/share/datasets/fashion-mnist
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY templates templates
COPY job job
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib
# Everyone may read the code, whatever the builder's umask; any user may write a report, and so into a named volume.
RUN chmod -R a+rX . \
    && python -m compileall -q job \
    && install --directory --mode=777 report
USER 1000
# The self-check: a whole job of one epoch, which loads all that a run loads.
RUN python -m job --epochs 1 --batch-size 256 --output /tmp/report && find /tmp -mindepth 1 -delete
ENTRYPOINT ["tini", "-s", "--", "python", "-m", "job"]
ARG REVISION VERSION SOURCE
ENV FASHION_JOB_REVISION=$REVISION
LABEL org.opencontainers.image.title="fashion-job" \
    org.opencontainers.image.description="Train, judge and explain a Fashion-MNIST classifier with one command" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.source="$SOURCE" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"
