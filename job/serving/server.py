"""Listens for connections until the process is told to stop, and then answers what is under way."""

import asyncio
import errno
import os
import resource
import signal
import socket
from collections.abc import Iterable
from pathlib import Path

from job.config.serve_config import ServeConfig
from job.errors import ResourceError
from job.log import log, log_stage
from job.serving import limits
from job.serving.application import Application
from job.serving.connection import Connection
from job.serving.photo_formats import limit_pixels
from job.serving.served_model import ServedModel, read_model
from job.system import signals
from job.system.processors import count_processors
from job.text import count_noun
from job.training.resources import read_memory_limit

SWEEP_S = 0.25
"""Time between two checks for connections that take too long."""
POLL_S = 0.02
"""Time between two checks of a stopping server for requests under way."""
N_OTHER_FILES = 64
"""Files that the process may open, apart from connections."""


def serve(config: ServeConfig) -> str:
    """Serve the model in the output folder until SIGTERM, SIGINT or SIGHUP; return the result in one line.

    Raises:
        DataError: If the folder is not that of a finished run, or a file in it was edited.
        ResourceError: If the address is not available.
    """
    model = read_model(Path(config.output))
    n_threads = config.threads or count_processors()
    with _create_runner() as runner:
        application = runner.run(_serve(config, model, n_threads))
    return f"answered {count_noun(application.n_answers, 'request')}"


def _create_runner() -> asyncio.Runner:
    try:
        import uvloop
    except ModuleNotFoundError:  # it does not exist for this system
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def _serve(config: ServeConfig, model: ServedModel, n_threads: int) -> Application:
    loop = asyncio.get_running_loop()
    application = Application(model, n_threads, config.allow_origin, limit_pixels(read_memory_limit(), n_threads))
    application.max_connections = _raise_limit_on_files()
    stop = asyncio.Event()
    server = await _listen(config, application)
    _stop_on_signal(loop, stop)
    sweeper = loop.create_task(_sweep(application))
    log_stage("serving", f"{list_urls(server.sockets)} with {count_noun(n_threads, 'thread')}; Ctrl-C stops it")
    await stop.wait()
    await _drain(application)
    server.close()
    sweeper.cancel()
    application.queue.stop()
    for connection in [*application.connections]:
        connection.abort()
    return application


async def _listen(config: ServeConfig, application: Application) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(
            lambda: Connection(application), config.host, config.port, backlog=limits.MAX_CONNECTIONS
        )
    except OSError as error:  # its text repeats the address, except that of gaierror
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or errno.EINVAL)
        text = f"--host {config.host} --port {config.port}: cannot listen there ({reason})"
        raise ResourceError(f"{text}; choose another port, or the address of this machine") from error


def list_urls(sockets: Iterable[socket.socket]) -> str:
    """The URLs of a server; a name may have several addresses, each with a port of its own if the system chooses it."""
    addresses = (each.getsockname()[:2] for each in sockets)
    return " and ".join(
        f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/" for host, port in addresses
    )


async def _drain(application: Application) -> None:
    """Answer what is under way, for a limited time; meanwhile, probes learn that the server is not ready."""
    application.is_draining = True
    loop = asyncio.get_running_loop()
    end = loop.time() + limits.DRAIN_S
    while (n_busy := sum(each.is_busy for each in application.connections)) and loop.time() < end:  # noqa: ASYNC110 - many places would have to set an event
        await asyncio.sleep(POLL_S)
    if n_busy:
        log.warning("%s had not ended after %.0f s", count_noun(n_busy, "request"), limits.DRAIN_S)


async def _sweep(application: Application) -> None:
    """Close connections that exceed a limit on time."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_S)
        now = loop.time()
        for connection in [each for each in application.connections if each.deadline < now]:
            connection.expire()


def _stop_on_signal(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Set `stop` on the first signal; a second one ends the process at once, as everywhere in the job."""

    def handle() -> None:
        stop.set()
        signals.install()

    for number in signals.SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores SIGHUP
            loop.add_signal_handler(number, handle)


def _raise_limit_on_files() -> int:
    """Let this process open as many files as it may; return how many connections are possible."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * limits.MAX_CONNECTIONS + N_OTHER_FILES  # the server also needs one to refuse a connection
    possible = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if possible > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
    return min(limits.MAX_CONNECTIONS, max(1, (max(soft, possible) - N_OTHER_FILES) // 2))
