"""LitServe. Arguments: output folder of a run, port."""

import sys
from typing import Any

import litserve

from bench.servers.network import load


class Classifier(litserve.LitAPI):
    """The network."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's signature
        """Load the network."""
        self.classify = load(sys.argv[1])

    def decode_request(self, request: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """The images."""
        return request["instances"]

    def predict(self, x: Any) -> list[list[float]]:  # noqa: ANN401 - JSON
        """Classify images."""
        return self.classify(x)

    def encode_response(self, output: list[list[float]]) -> dict[str, Any]:
        """The answer."""
        return {"predictions": output}


if __name__ == "__main__":
    server = litserve.LitServer(Classifier(), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, log_level="error")
