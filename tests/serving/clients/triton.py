"""Talks to the server with Triton's client; its environment has neither the job nor pytest.

Arguments: host and port, and a file with `images` (uint8) and `probabilities`.
"""

import sys
from collections.abc import Callable

import numpy as np
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

MODEL = "fashion-job"


def main(address: str, path: str) -> None:
    with np.load(path) as arrays:
        images, expected = arrays["images"], arrays["probabilities"]
    client = InferenceServerClient(address)
    check(client.is_server_live() and client.is_server_ready() and client.is_model_ready(MODEL), "health")
    check("binary_tensor_data" in client.get_server_metadata()["extensions"], "extensions")
    metadata = client.get_model_metadata(MODEL)
    check(metadata["inputs"][0]["shape"] == [-1, 28, 28], "shape")
    version = metadata["versions"][0]
    for dtype, datatype in ((np.float32, "FP32"), (np.uint8, "UINT8")):
        for is_sent_binary in (True, False):
            for is_received_binary in (True, False):
                for compression in (None, "gzip", "deflate"):
                    tensor = InferInput(metadata["inputs"][0]["name"], images.shape, datatype)
                    values = images if dtype is np.uint8 else (images / np.float32(255)).astype(np.float32)
                    tensor.set_data_from_numpy(values, binary_data=is_sent_binary)
                    result = client.infer(
                        MODEL,
                        [tensor],
                        model_version=version if compression else "",
                        outputs=[InferRequestedOutput("probabilities", binary_data=is_received_binary)],
                        request_id="7",
                        request_compression_algorithm=compression,
                        response_compression_algorithm=compression,
                    )
                    check(result.get_response()["id"] == "7", "id")
                    np.testing.assert_allclose(result.as_numpy("probabilities"), expected, atol=1e-6)
    result = client.infer(MODEL, [tensor])  # the output as the client asks for it by default
    np.testing.assert_allclose(result.as_numpy("probabilities"), expected, atol=1e-6)
    check_error(lambda: client.infer("other", [tensor]), "the model is named fashion-job")
    wrong = InferInput("pixels", images.shape, "UINT8")
    wrong.set_data_from_numpy(images)
    check_error(lambda: client.infer(MODEL, [wrong]), "must be one tensor named images")


def check(is_right: object, name: str) -> None:
    if not is_right:
        raise SystemExit(f"{name} is wrong")


def check_error(call: Callable[[], object], expected: str) -> None:
    try:
        call()
    except InferenceServerException as error:
        check(expected in error.message(), f"the error {error.message()!r}")
    else:
        raise SystemExit(f"no error: {expected}")


if __name__ == "__main__":
    main(*sys.argv[1:])
    print("ok")
