"""Answers every request: finds its handler, runs it, and turns errors into JSON."""

import asyncio
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from urllib.parse import unquote

from job.log import log
from job.serving import docs_page, limits, open_inference, openapi, predict_api, tensorflow_serving, try_it_page
from job.serving.connection import Answer, Connection
from job.serving.content_coding import CODING, decompress
from job.serving.engine import NAME, Engine
from job.serving.messages import Handler, HttpError, Request, Response, json_response, unavailable
from job.serving.metrics import Metrics
from job.serving.served_model import ServedModel
from job.serving.work_queue import WorkQueue

INLINE_BYTES = 2**15
INLINE_MULTIPLICATIONS = 2**20
"""Smaller requests for smaller networks are answered at once: passing them to a thread would take longer."""

DRAINING = "the server is stopping; send the request to another one, or again in a few seconds"


@dataclass(frozen=True)
class Route:
    """What happens with requests for one path.

    Attributes:
        label: What the metrics call the path.
        predicts: Whether the handlers compute.
    """

    label: str
    handlers: Mapping[str, Handler]
    predicts: bool = False


class Application:
    """What all connections of a server share: the model, the limits and the metrics."""

    def __init__(
        self,
        model: ServedModel,
        n_threads: int,
        allowed_origin: str | None = None,
        max_pixels: int = limits.MAX_PIXELS,
    ) -> None:
        self.connections: set[Connection] = set()
        self.max_connections = limits.MAX_CONNECTIONS
        self.n_buffered_bytes = 0
        self.is_draining = False
        self.n_answers = 0
        self.queue = WorkQueue(n_threads)
        self._metrics = Metrics(NAME)
        self._metrics.watch("connections", "Open connections.", lambda: len(self.connections))
        self._metrics.watch("waiting_requests", "Requests that wait for a thread.", lambda: self.queue.n_waiting)
        self._engine = Engine(model, self._metrics, max_pixels)
        self._version = model.version
        self._allowed_origin = allowed_origin
        self._is_small = self._engine.n_multiplications <= INLINE_MULTIPLICATIONS
        self._routes = self._create_routes(model)

    def answer(self, request: Request) -> Answer:
        """Answer a request, at once or in a task; never raises."""
        path = unquote(request.path) if "%" in request.path else request.path
        route = self._routes.get(path)
        label = route.label if route else "other"
        try:
            handler = self._find_handler(route, path, request)
        except HttpError as error:
            return self._finish(request, error.response(), label)
        if route and route.predicts and not self._is_quick(request, label):
            return asyncio.get_running_loop().create_task(self._answer_later(request, label, handler))
        return self._finish(request, _call(handler, request), label)

    def refuse(self, error: HttpError, headers: Mapping[str, str]) -> Response:
        """Answer what is not a request, or exceeds a limit, and may have headers."""
        log.debug("refused: %s", error)
        return self._count(error.response(), "other", headers)

    async def _answer_later(self, request: Request, label: str, handler: Handler) -> Response:
        try:
            response = await self.queue.run(lambda: _call(lambda each: handler(decompress(each)), request))
        except HttpError as error:
            response = error.response()
        return self._finish(request, response, label)

    def _finish(self, request: Request, response: Response, label: str) -> Response:
        log.debug("%s %.200s: %d", request.method, request.path, response.status)  # llhttp lets no control character in
        return self._count(response, label, request.headers)

    def _count(self, response: Response, label: str, headers: Mapping[str, str]) -> Response:
        """Count an answer, and let pages of the allowed origin read it."""
        self.n_answers += 1
        self._metrics.count_request(label, response.status)
        if self._allowed_origin is None:
            return response
        if self._allowed_origin not in {"*", headers.get("origin")}:
            return response
        added = {
            "Access-Control-Allow-Origin": self._allowed_origin,
            "Access-Control-Expose-Headers": f"{open_inference.HEAD_LENGTH}, Retry-After",
            "Vary": "Origin",
        }
        return replace(response, headers={**response.headers, **added})

    def _is_quick(self, request: Request, label: str) -> bool:
        is_photo = label == predict_api.PATH and not predict_api.is_json(request)
        is_plain = CODING not in request.headers and not is_photo
        return is_plain and self._is_small and len(request.body) <= INLINE_BYTES

    def _find_handler(self, route: Route | None, path: str, request: Request) -> Handler:
        """The handler of a request.

        Raises:
            HttpError: If the path has none for its method, or the server takes no more requests.
        """
        if route is None:
            raise self._unknown_path(path)
        if route.predicts and request.is_late:
            raise unavailable(DRAINING)
        method = "GET" if request.method == "HEAD" else request.method
        if handler := route.handlers.get(method):
            return handler
        names = [*route.handlers, *(["HEAD"] if "GET" in route.handlers else [])]
        if method == "OPTIONS" and self._allowed_origin is not None:
            return lambda _: _allow(names)
        text = f"{request.method} is not possible here; use {' or '.join(names)}"
        raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, text, {"Allow": ", ".join(names)})

    def _unknown_path(self, path: str) -> HttpError:
        text = f"the model is named {NAME}, version {self._version}; " if "/models/" in path else ""
        return HttpError(HTTPStatus.NOT_FOUND, f"{path[:200]!r} does not exist; {text}see /docs for all paths")

    def _create_routes(self, model: ServedModel) -> dict[str, Route]:
        engine = self._engine
        routes = {path: _get("report", partial(_send_page, *page)) for path, page in model.pages.items()}
        routes.setdefault("/try-it.html", _get("report", try_it_page.send_try_it(model)))
        routes[predict_api.PATH] = _post(predict_api.PATH, partial(predict_api.predict, engine))
        routes["/metrics"] = _get("/metrics", lambda _: self._metrics.describe())
        api = openapi.describe_api(model, engine.max_pixels)
        routes["/openapi.json"] = _get("/openapi.json", lambda _: json_response(api))
        routes["/docs"] = _get("/docs", docs_page.send_docs(api))
        routes |= {
            "/v2": _get("/v2", lambda _: open_inference.describe_server()),
            "/v2/health/live": _get("/v2/health/live", lambda _: self._describe_health("live")),
            "/v2/health/ready": _get("/v2/health/ready", lambda _: self._describe_health("ready")),
        }
        for version in ("", f"/versions/{model.version}"):
            base = f"/v2/models/{NAME}{version}"
            routes[base] = _get("/v2/models", lambda _: open_inference.describe_model(engine))
            routes[f"{base}/ready"] = _get("/v2/models/ready", lambda _: self._describe_health("ready", name=NAME))
            routes[f"{base}/infer"] = _post("/v2/models/infer", partial(open_inference.infer, engine))
            base = f"/v1/models/{NAME}{version}"
            routes[base] = _get("/v1/models", lambda _: tensorflow_serving.describe_status(engine))
            routes[f"{base}/metadata"] = _get(
                "/v1/models/metadata", lambda _: tensorflow_serving.describe_model(engine)
            )
            routes[f"{base}:predict"] = _post("/v1/models:predict", partial(tensorflow_serving.predict, engine))
        return routes

    def _describe_health(self, word: str, **content: str) -> Response:
        if self.is_draining:
            raise unavailable(DRAINING)
        return json_response({**content, word: True})


def _send_page(content: bytes, content_type: str, _: Request) -> Response:
    return Response(content, content_type)


def _get(label: str, handler: Handler) -> Route:
    return Route(label, {"GET": handler})


def _post(label: str, handler: Handler) -> Route:
    return Route(label, {"POST": handler}, predicts=True)


def _allow(methods: list[str]) -> Response:
    """Answer the question of a browser before a request from another origin."""
    headers = {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": f"Content-Type, Content-Encoding, {open_inference.HEAD_LENGTH}",
        "Access-Control-Max-Age": "600",
    }
    return Response(b"", status=HTTPStatus.NO_CONTENT, headers=headers)


def _call(handler: Handler, request: Request) -> Response:
    """What a handler answers; its errors become answers, too."""
    try:
        return handler(request)
    except HttpError as error:
        return error.response()
    except Exception as error:  # noqa: BLE001 - any other exception is our bug
        log.error("a request failed; this is a bug, please report it:\n%s", "".join(traceback.format_exception(error)))
        text = "the server failed because of a bug; its log says more"
        return json_response({"error": text}, HTTPStatus.INTERNAL_SERVER_ERROR)
