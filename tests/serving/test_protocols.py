import gzip
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plain_forward import predict
from served import PAGE_TEXT, Answer, Server, make_images, make_network, running, write_served
from support import FASHION_NAMES

INFER = "/v2/models/fashion-job/infer"
PREDICT = "/v1/models/fashion-job:predict"
TensorOf = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of a small network."""
    with running(write_served(tmp_path_factory.mktemp("protocols") / "report")) as server:
        yield server


IMAGES = make_images(3)
PIXELS = (IMAGES / np.float32(255)).astype(np.float32)
EXPECTED = predict(make_network(), IMAGES)


def tensor(**changes: Any) -> TensorOf:  # noqa: ANN401 - JSON
    return {"name": "images", "shape": [3, 28, 28], "datatype": "FP32", "data": PIXELS.ravel().tolist(), **changes}


def infer(server: Server, **changes: Any) -> Answer:  # noqa: ANN401 - JSON
    return server.post(INFER, {"inputs": [tensor(**changes)]})


def test_the_report(server: Server) -> None:
    """It is the start page, and stays what it was; HEAD sends no body."""
    for path in ("/", "/index.html"):
        answer = server.get(path)
        assert (answer.status, answer.body.decode()) == (200, PAGE_TEXT)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
    answer = server.ask("HEAD", "/")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", str(len(PAGE_TEXT)))


def test_the_results_are_not_served(server: Server) -> None:
    """Only the report is, and nothing outside the folder."""
    for path in ("/metrics.json", "/network.npz", "/../etc/passwd", "/%2e%2e/etc/passwd", "//etc/passwd"):
        assert "does not exist; see /docs for all paths" in server.get(path).error


def test_predict_with_json(server: Server) -> None:
    """The answer has the class, all probabilities, and the pixels that the model saw."""
    content = server.post("/predict", {"images": IMAGES.tolist()}).content
    assert content["model"]["name"] == "fashion-job"
    assert len(content["predictions"]) == 3
    for row, image, prediction in zip(EXPECTED, IMAGES, content["predictions"], strict=True):
        assert prediction["class"] == FASHION_NAMES[row.argmax()]
        assert prediction["probability"] == max(prediction["probabilities"].values())
        assert list(prediction["probabilities"]) == list(FASHION_NAMES)
        np.testing.assert_allclose(list(prediction["probabilities"].values()), row, atol=2e-6)
        assert prediction["pixels"] == image.tolist()


def test_predict_warns_of_an_unlike_image(server: Server) -> None:
    """The distance to the nearest mean image decides."""
    means = make_network().class_means
    alike = np.rint(means[4] * 255).astype(int).repeat(2, axis=0).repeat(2, axis=1).tolist()
    predictions = server.post("/predict", {"images": [alike, np.zeros((28, 28)).tolist()]}).content["predictions"]
    assert predictions[0]["warnings"] == []
    assert predictions[1]["warnings"] == [
        "the picture has a single colour",
        "This is unlike the data: 99% of the test images are closer to the mean image of a class.",
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "the body is not valid: Input data was truncated"),
        (b"{}", "Object missing required field `images`"),
        (b'{"images": 3}', "`images` must be lists of numbers, of shape (n, 28, 28), but are no lists"),
        (b'{"images": [[[[1]]]]}', "of shape (n, 28, 28), but have 4 dimensions"),
        (b'{"images": [[["a"]]]}', "Expected `float`, got `str`"),
        (b'{"images": [[[true]]]}', "Expected `float`, got `bool`"),
        (b'{"images": [[[1, 2], [3]]]}', "the lists differ in length"),
        (b'{"images": [[1, 2], [3, 4]]}', "but has (2, 2)"),
        (b'{"images": []}', "but has (0,)"),
        (b"[" * 100_000, "the body is not valid"),
        (b'{"images": ' + b"[" * 100_000, "the body is not valid"),
        (b"\xff\xfe", "the body is not valid"),
        (b'{"images": [[[1e999]]]}', "`images` must"),
        (json.dumps({"images": [[[0] * 28] * 28]}).replace("0", "1e99", 1).encode(), "are from 0 to inf"),
        (json.dumps({"images": [[[0.5] * 28] * 28]}).encode(), "are fractions up to 1; multiply them by 255"),
        (json.dumps({"images": [[0] * 28] * 28}).encode(), "but has (28, 28); n is 1 for a single image"),
    ],
)
def test_predict_with_bad_json(server: Server, body: bytes, expected: str) -> None:
    """The error says what is wrong."""
    answer = server.post("/predict", body, {"Content-Type": "application/json"})
    assert answer.status == 400
    assert expected in answer.error


def test_pixels_out_of_range(server: Server) -> None:
    """A mistake in the scale does not give a wrong prediction."""
    assert (
        "from 0 (black) to 255 (white), but are from 0 to 256"
        in server.post("/predict", {"images": [[[256] * 28] * 28, [[0] * 28] * 28]}).error
    )
    assert (
        "from 0 (black) to 1 (white), but are from 0 to 255"
        in server.post(PREDICT, {"instances": IMAGES.tolist()}).error
    )
    assert "from -1 to" in infer(server, shape=[1, 28, 28], data=[-1.0] * 784).error


def test_open_inference_health_and_metadata(server: Server) -> None:
    """As the protocol describes them."""
    assert server.get("/v2/health/live").content == {"live": True}
    assert server.get("/v2/health/ready").content == {"ready": True}
    assert server.get("/v2").content["extensions"] == ["binary_tensor_data"]
    model = server.get("/v2/models/fashion-job").content
    assert (model["name"], model["inputs"], model["outputs"]) == (
        "fashion-job",
        [{"name": "images", "datatype": "FP32", "shape": [-1, 28, 28]}],
        [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}],
    )
    (version,) = model["versions"]
    assert server.get(f"/v2/models/fashion-job/versions/{version}").content == model
    assert server.get("/v2/models/fashion-job/ready").content == {"name": "fashion-job", "ready": True}
    assert server.get(f"/v2/models/fashion-job/versions/{version}/ready").status == 200
    assert "the model is named fashion-job" in server.get("/v2/models/other").error
    assert server.get("/v2/models/fashion-job/versions/2").status == 404


def test_infer_with_json(server: Server) -> None:
    """Flat and nested data and both datatypes give the same; the `id` comes back."""
    for changes in (
        {},
        {"data": PIXELS.tolist()},
        {"datatype": "UINT8", "data": IMAGES.ravel().tolist()},
    ):
        content = server.post(INFER, {"id": "seven", "inputs": [tensor(**changes)]}).content
        assert (content["id"], content["model_name"]) == ("seven", "fashion-job")
        (output,) = content["outputs"]
        assert (output["name"], output["shape"], output["datatype"]) == ("probabilities", [3, 10], "FP32")
        np.testing.assert_allclose(np.reshape(output["data"], (3, 10)), EXPECTED, atol=1e-6)
    assert "id" not in infer(server).content


def post_binary(server: Server, content: dict[str, Any], tensors: bytes, length: str | None = None) -> Answer:
    head = json.dumps(content).encode()
    headers = {"Inference-Header-Content-Length": str(len(head)) if length is None else length}
    return server.post(INFER, head + tensors, headers)


def test_infer_with_binary_tensors(server: Server) -> None:
    """Little-endian tensors after the JSON, in both directions."""
    for datatype, values in (("FP32", PIXELS.astype("<f4")), ("UINT8", IMAGES)):
        parameters = {"binary_data_size": values.nbytes}
        sent = {"name": "images", "shape": [3, 28, 28], "datatype": datatype, "parameters": parameters}
        query = {"inputs": [sent], "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}]}
        answer = post_binary(server, query, values.tobytes())
        n_head = int(answer.headers["inference-header-content-length"])
        (output,) = json.loads(answer.body[:n_head])["outputs"]
        assert output["parameters"] == {"binary_data_size": 120}
        received = np.array(struct.unpack("<30f", answer.body[n_head:])).reshape(3, 10)
        np.testing.assert_allclose(received, EXPECTED, atol=1e-6)


def test_which_output_is_binary(server: Server) -> None:
    """The parameter of the output overrides that of the request."""
    for parameters, outputs, is_binary in (
        ({}, [], False),
        ({"binary_data_output": True}, [], True),
        ({"binary_data_output": True}, [{"name": "probabilities", "parameters": {"binary_data": False}}], False),
        ({}, [{"name": "probabilities"}], False),
    ):
        query = {"inputs": [tensor()], "parameters": parameters, "outputs": outputs}
        answer = server.post(INFER, query)
        assert ("inference-header-content-length" in answer.headers) == is_binary


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "pixels"}, "`inputs` must be one tensor named images, but has ['pixels']"),
        ({"datatype": "FP64"}, "must be FP32 or UINT8, not 'FP64'"),
        ({"shape": [3, 784]}, "images must have the shape (n, 28, 28), but has (3, 784)"),
        ({"shape": [2, 28, 28]}, "has 2,352 values, which is not what its shape [2, 28, 28] says"),
        ({"shape": [28, 28]}, "but has (28, 28); n is 1 for a single image"),
        ({"shape": [-3, 28, 28]}, "from 1 to 256 images, but this one has -3"),
        ({"shape": []}, "must have the shape (n, 28, 28), but has ()"),
        ({"shape": [10**40] * 100_000}, ", ...)"),
        ({"datatype": "UINT8"}, "pixels of UINT8 must be whole numbers; send fractions as FP32"),
        ({"shape": "large"}, "the body is not valid: Expected `array`, got `str`"),
        ({"data": ["a"] * 2352}, "Expected `float`, got `str`"),
        ({"parameters": {"binary_data_size": 4}}, "both `data` and `binary_data_size`"),
    ],
)
def test_bad_tensors(server: Server, changes: TensorOf, expected: str) -> None:
    """The error says what is wrong."""
    answer = infer(server, **changes)
    assert answer.status == 400
    assert expected in answer.error


def test_bad_binary_tensors(server: Server) -> None:
    """The error says what is wrong."""
    sent = {"name": "images", "shape": [1, 28, 28], "datatype": "FP32", "parameters": {"binary_data_size": 3136}}
    for content, length, expected in (
        (bytes(3135), None, "`binary_data_size` is 3136, but 3,135 bytes follow the JSON"),
        (bytes(3136), "-1", "must be the length of the JSON"),
        (bytes(3136), "99999", "must be the length of the JSON"),
        (bytes(3136), "٣", "must be the length of the JSON"),
        (bytes(3136), "20", "the body is not valid"),
        (np.full(784, np.nan, "<f4").tobytes(), None, "but are from nan to nan"),
    ):
        length_bytes = length.encode() if length else None
        answer = post_binary(server, {"inputs": [sent]}, content, length_bytes)  # type: ignore[arg-type]
        assert expected in answer.error
    del sent["parameters"]
    assert "neither `data` nor `binary_data_size`" in post_binary(server, {"inputs": [sent]}, b"").error


def test_bad_outputs(server: Server) -> None:
    """Only the one output can be asked for."""
    for outputs in ([{"name": "other"}], [{"name": "probabilities"}] * 2):
        assert "`outputs` may only name" in server.post(INFER, {"inputs": [tensor()], "outputs": outputs}).error
    parameters = {"binary_data_output": "yes"}
    assert "must be true or false" in server.post(INFER, {"inputs": [tensor()], "parameters": parameters}).error


def test_tensorflow_serving(server: Server) -> None:
    """Rows, rows by name, columns and columns by name give the same."""
    pixels = PIXELS.tolist()
    for query, key in (
        ({"instances": pixels}, "predictions"),
        ({"instances": [{"images": image} for image in pixels], "signature_name": "serving_default"}, "predictions"),
        ({"inputs": pixels}, "outputs"),
        ({"inputs": {"images": pixels}}, "outputs"),
    ):
        content = server.post(PREDICT, query).content
        assert list(content) == [key]
        np.testing.assert_allclose(content[key], EXPECTED, atol=1e-6)


def test_tensorflow_serving_metadata(server: Server) -> None:
    """Status and metadata have the fields that clients read."""
    status = server.get("/v1/models/fashion-job").content
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    assert (status["name"], status["ready"]) == ("fashion-job", True)  # KServe's
    version = status["model_version_status"][0]["version"]
    assert (
        server.post(f"/v1/models/fashion-job/versions/{version}:predict", {"instances": PIXELS.tolist()}).status == 200
    )
    signature = server.get("/v1/models/fashion-job/metadata").content["metadata"]["signature_def"]["signature_def"]
    sizes = [each["size"] for each in signature["serving_default"]["inputs"]["images"]["tensor_shape"]["dim"]]
    assert sizes == ["-1", "28", "28"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "either `instances` or `inputs`"),
        ({"instances": [], "inputs": []}, "either `instances` or `inputs`"),
        ({"instances": PIXELS.tolist(), "signature_name": "other"}, "the only signature is serving_default"),
        ({"instances": [{"pixels": []}]}, "missing required field `images`"),
        ({"instances": [{"images": [[1]]}]}, "must be an image of 28 x 28 pixels"),
        ({"instances": PIXELS.reshape(3, 784).tolist()}, "but has (3, 784)"),
    ],
)
def test_tensorflow_serving_errors(server: Server, query: dict[str, Any], expected: str) -> None:
    """The error says what is wrong."""
    assert expected in server.post(PREDICT, query).error


def test_compressed_bodies(server: Server) -> None:
    """gzip and deflate, which clients of the protocols may use; a bomb is not unpacked."""
    import zlib

    body = json.dumps({"instances": PIXELS.tolist()}).encode()
    for coding, compressed in (("gzip", gzip.compress(body)), ("deflate", zlib.compress(body))):
        assert server.post(PREDICT, compressed, {"Content-Encoding": coding}).status == 200
    assert "not in the format gzip" in server.post(PREDICT, body, {"Content-Encoding": "gzip"}).error
    assert "not complete" in server.post(PREDICT, gzip.compress(body)[:-20], {"Content-Encoding": "gzip"}).error
    bomb = gzip.compress(bytes(2**24 + 1))
    answer = server.post(PREDICT, bomb, {"Content-Encoding": "gzip"})
    assert (answer.status, "decompressed body has more than" in answer.error) == (413, True)
    answer = server.post(PREDICT, body, {"Content-Encoding": "br"})
    assert (answer.status, "must be gzip, deflate or identity" in answer.error) == (415, True)


def test_methods(server: Server) -> None:
    """Another method than the path has is refused, and the answer names those that it has."""
    answer = server.get("/predict")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert answer.error == "GET is not possible here; use POST"
    answer = server.ask("DELETE", "/v2")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert server.ask("OPTIONS", "/predict").status == 405


def test_the_number_of_images(server: Server) -> None:
    """A request may have 256."""
    image = np.zeros((28, 28), int).tolist()
    assert server.post("/predict", {"images": [image] * 256}).status == 200
    assert "from 1 to 256 images, but this one has 257" in server.post("/predict", {"images": [image] * 257}).error


def test_long_json(server: Server) -> None:
    """The images that a request may have fit, with all digits; more is refused before it is decoded."""
    longest = f"[{','.join(['1.12345678901234567'] * 28)}]"
    image = f"[{','.join([longest] * 28)}]"
    body = f'{{"images": [{",".join([image] * 256)}]}}'.encode()
    assert server.post("/predict", body, {"Content-Type": "application/json"}).status == 200
    for long in (body + b" " * 2**21, b'{"images": [[' + b"[]," * 2**19):
        answer = server.post("/predict", long, {"Content-Type": "application/json"})
        assert (answer.status, "may have 5,242,880 and 262,144; send fewer images" in answer.error) == (413, True)


def test_space_in_json(server: Server) -> None:
    """Any indentation is possible, and a newcomer need not know the header: `curl --data` calls JSON a form."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for indent in (None, 1, 20, "\t"):
        for path, content in (
            ("/predict", {"images": IMAGES.tolist()}),
            (PREDICT, {"instances": PIXELS.tolist()}),
            (PREDICT, {"instances": [{"images": image} for image in PIXELS.tolist()]}),
            (PREDICT, {"inputs": {"images": PIXELS.tolist()}}),
            (INFER, {"inputs": [tensor(data=PIXELS.tolist())]}),
        ):
            assert server.post(path, json.dumps(content, indent=indent).encode(), form).status == 200


def test_null_is_nothing(server: Server) -> None:
    """Clients may write optional fields that they do not use."""
    query = {"id": None, "parameters": None, "outputs": None, "inputs": [tensor(parameters=None)]}
    assert "id" not in server.post(INFER, query).content
    query["outputs"] = [{"name": "probabilities", "parameters": None}]
    assert server.post(INFER, query).status == 200


def test_no_origin_is_allowed(server: Server) -> None:
    """Web pages elsewhere cannot read the answers."""
    answer = server.ask("GET", "/v2", headers={"Origin": "https://example.org"})
    assert "access-control-allow-origin" not in answer.headers


def test_an_allowed_origin(tmp_path: Path) -> None:
    """Pages of this origin can read the answers, also errors, and may ask before."""
    with running(write_served(tmp_path / "report"), allowed_origin="https://example.org") as server:
        for path, origin, allowed in (
            ("/v2", "https://example.org", "https://example.org"),
            ("/nothing", "https://example.org", "https://example.org"),
            ("/v2", "https://other.org", None),
        ):
            headers = server.ask("GET", path, headers={"Origin": origin}).headers
            assert headers.get("access-control-allow-origin") == allowed
            assert ("Inference-Header-Content-Length" in headers.get("access-control-expose-headers", "")) == bool(
                allowed
            )
        headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
        answer = server.ask("OPTIONS", "/predict", headers=headers)
        assert (answer.status, answer.headers["access-control-allow-methods"]) == (204, "POST")
        assert "Content-Type" in answer.headers["access-control-allow-headers"]


def test_an_allowed_origin_can_read_refusals(tmp_path: Path) -> None:
    """Also those of a request that is not read to its end; each counts as an answer."""
    origin = "https://example.org"
    with running(write_served(tmp_path / "report"), allowed_origin=origin) as server:
        for length, names, status in (("16777217", {}, 413), ("1", {"A": "a" * 20_000}, 431)):
            answer = server.ask("POST", "/predict", headers={"Origin": origin, "Content-Length": length, **names})
            assert (answer.status, answer.headers.get("access-control-allow-origin")) == (status, origin)
        assert server.application
        assert server.application.n_answers == 2
