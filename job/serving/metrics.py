"""Counts and times requests for Prometheus, under the names of KServe."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from job.serving.messages import Response

BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
PREFIX = "fashion_job"


class Metrics:
    """The metrics of one server.

    KServe's dashboards for Grafana read the histograms `request_preprocess_seconds`, `request_predict_seconds` and
    `request_postprocess_seconds`.
    """

    def __init__(self, model_name: str) -> None:
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._steps = {
            step: Histogram(
                f"request_{step}_seconds",
                f"Time of the step {step} of a request for predictions.",
                ["model_name"],
                registry=self._registry,
                buckets=BUCKETS_S,
            ).labels(model_name)
            for step in ("preprocess", "predict", "postprocess")
        }
        self._requests = Counter(
            f"{PREFIX}_requests", "Requests by path and status.", ["path", "status"], registry=self._registry
        )
        self._images = Counter(f"{PREFIX}_images", "Images that were classified.", registry=self._registry)

    def preprocess(self) -> AbstractContextManager[object]:
        """Time the reading of a request."""
        return self._steps["preprocess"].time()

    def predict(self, n_images: int) -> AbstractContextManager[object]:
        """Time the forward pass of `n_images` images."""
        self._images.inc(n_images)
        return self._steps["predict"].time()

    def postprocess(self) -> AbstractContextManager[object]:
        """Time the writing of an answer."""
        return self._steps["postprocess"].time()

    def count_request(self, path: str, status: int) -> None:
        """Count an answer; `path` must be one of few."""
        self._requests.labels(path, status).inc()

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a value that `read` returns."""
        Gauge(f"{PREFIX}_{name}", text, registry=self._registry).set_function(read)

    def describe(self) -> Response:
        """Answer `GET /metrics`."""
        return Response(generate_latest(self._registry), CONTENT_TYPE_LATEST)
