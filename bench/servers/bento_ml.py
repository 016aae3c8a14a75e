"""BentoML. Arguments: output folder of a run, port."""

import os
import sys

import bentoml

from bench.servers.network import load


@bentoml.service
class Classifier:
    """The network."""

    def __init__(self) -> None:
        self.classify = load(os.environ["BENCH_FOLDER"])

    @bentoml.api
    def predict(self, instances: list[list[list[float]]]) -> dict[str, list[list[float]]]:
        """Classify images."""
        return {"predictions": self.classify(instances)}


if __name__ == "__main__":
    os.environ["BENCH_FOLDER"] = sys.argv[1]
    words = ("serve", "bench.servers.bento_ml:Classifier", "--host", "127.0.0.1", "--port", sys.argv[2], "--quiet")
    os.execv(sys.executable, (sys.executable, "-m", "bentoml", *words))  # noqa: S606 - BentoML starts like this
