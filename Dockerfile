# To build without a registry, name a local base image: make image BASE=debian:trixie-slim
ARG BASE=pinned
FROM debian:trixie-slim@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f AS pinned

# What both images have. tini is PID 1: it forwards SIGTERM even before Python has installed a handler.
# Versions are not pinned: a Debian suite keeps only the newest one, so a pin would break the build at the next update.
FROM ${BASE} AS runtime
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --no-create-home job
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FASHION_JOB_HOST=0.0.0.0

FROM ${BASE} AS tools
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils ca-certificates dataset-fashion-mnist python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/venv

FROM tools AS build
# cpu or gpu: selects the lock file
ARG DEVICE=cpu
# yes: also installs the packages for --export onnx
ARG EXPORT=no
# yes: also installs Ray, for sweeps on a cluster
ARG CLUSTER=no
# yes: also installs Optuna, for searches
ARG SEARCH=no
COPY requirements.txt requirements-gpu.txt requirements-export.txt requirements-cluster.txt requirements-search.txt /tmp/
# The wheels are in a cache mount: after a change of a lock file, a build downloads only new ones. The image has none.
RUN --mount=type=cache,target=/wheels,sharing=locked \
    case "$DEVICE" in \
        cpu) lock=/tmp/requirements.txt ;; \
        gpu) lock=/tmp/requirements-gpu.txt ;; \
        *) echo "DEVICE is '$DEVICE', but must be cpu or gpu" >&2; exit 64 ;; \
    esac \
    && set -- --no-cache-dir --require-hashes --only-binary :all: --requirement "$lock" \
    && case "$EXPORT" in \
        no) ;; \
        yes) set -- "$@" --requirement /tmp/requirements-export.txt ;; \
        *) echo "EXPORT is '$EXPORT', but must be yes or no" >&2; exit 64 ;; \
    esac \
    && case "$CLUSTER" in \
        no) ;; \
        yes) set -- "$@" --requirement /tmp/requirements-cluster.txt ;; \
        *) echo "CLUSTER is '$CLUSTER', but must be yes or no" >&2; exit 64 ;; \
    esac \
    && case "$SEARCH" in \
        no) ;; \
        yes) set -- "$@" --requirement /tmp/requirements-search.txt ;; \
        *) echo "SEARCH is '$SEARCH', but must be yes or no" >&2; exit 64 ;; \
    esac \
    && /opt/venv/bin/pip download --dest /wheels "$@" \
    && /opt/venv/bin/pip install --no-index --find-links /wheels "$@" \
    && /opt/venv/bin/pip uninstall --yes pip
# Remove more than half a gigabyte that the job does not use: TensorFlow's C++ headers, the symbol tables of its two
# large libraries and of uvloop, libclang, and the tests of other libraries. TensorFlow and Keras keep theirs, because
# they import modules named test. The self-check below fails if the job needs a removed file.
RUN site=$(echo /opt/venv/lib/python3*/site-packages) \
    && rm -r "$site/tensorflow/include" "$site/clang/native" \
    && strip --strip-unneeded "$site"/tensorflow/libtensorflow_*.so.2 "$site"/uvloop/*.so \
    && find "$site" -type d \( -path "$site/tensorflow" -o -path "$site/keras" -o -name tests -o -name test \) -prune \
        -name 'test*' -exec rm -r {} +

FROM tools AS build-serve
COPY requirements-serve.txt /tmp/
RUN --mount=type=cache,target=/wheels,sharing=locked \
    set -- --no-cache-dir --require-hashes --only-binary :all: --requirement /tmp/requirements-serve.txt \
    && /opt/venv/bin/pip download --dest /wheels "$@" \
    && /opt/venv/bin/pip install --no-index --find-links /wheels "$@" \
    && /opt/venv/bin/pip uninstall --yes pip \
    && strip --strip-unneeded /opt/venv/lib/python3*/site-packages/uvloop/*.so \
    && find /opt/venv -type d -name tests -prune -exec rm -r {} +

# The job itself, which is a layer of its own: after a change of the code, the layer of its packages stays the same.
# Every user can read it, whatever the builder's umask.
FROM tools AS job
COPY requirements-build.txt /tmp/
RUN --mount=type=cache,target=/wheels,sharing=locked \
    set -- --no-cache-dir --require-hashes --only-binary :all: --requirement /tmp/requirements-build.txt \
    && /opt/venv/bin/pip download --dest /wheels "$@" \
    && /opt/venv/bin/pip install --no-index --find-links /wheels "$@"
WORKDIR /source
COPY pyproject.toml ./
COPY templates templates
COPY job job
RUN umask 022 \
    && /opt/venv/bin/pip wheel --quiet --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir /tmp . \
    && /opt/venv/bin/pip install --quiet --no-index --no-deps --no-compile --root /installed /tmp/fashion_job-*.whl \
    && python3 -m compileall -q -s /installed /installed \
    && chmod -R a+rX /installed

# docker build --target serve: an image that only serves, without TensorFlow
FROM runtime AS serve
COPY --from=build-serve /opt/venv /opt/venv
COPY --from=job /installed /
USER 1000
# Self-check: everything that serving imports.
RUN python -c "import job.serving.docs_page, job.data.photo, job.serving.server, job.serving.try_it_page, uvloop"
EXPOSE 8000
ENTRYPOINT ["tini", "-s", "--", "fashion-job", "serve"]
ARG REVISION VERSION SOURCE
LABEL org.opencontainers.image.title="fashion-job-serve" \
    org.opencontainers.image.description="Serve a Fashion-MNIST classifier and its report" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.source="$SOURCE" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"

FROM runtime
COPY --from=tools /usr/share/datasets/fashion-mnist /usr/share/datasets/fashion-mnist
COPY --from=build /opt/venv /opt/venv
COPY --from=job /installed /
ENV MPLCONFIGDIR=/tmp/matplotlib
# Every user can write to report/, also on a new named volume.
RUN install --directory --mode=777 report
USER 1000
# Self-check: everything that serving imports, and a whole job of one epoch, which imports everything else.
RUN python -c "import job.serving.docs_page, job.data.photo, job.serving.server, job.serving.try_it_page, uvloop" \
    && fashion-job --epochs 1 --batch-size 256 --output /tmp/report && find /tmp -mindepth 1 -delete
EXPOSE 8000
ENTRYPOINT ["tini", "-s", "--", "fashion-job"]
ARG REVISION VERSION SOURCE
ENV FASHION_JOB_IMAGE_REVISION=$REVISION
LABEL org.opencontainers.image.title="fashion-job" \
    org.opencontainers.image.description="Train, evaluate and explain a Fashion-MNIST classifier with one command" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.source="$SOURCE" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"
