"""Connects to a Ray cluster, and explains in one line why that fails."""

import importlib
import logging
import os
import re
import socket
import threading
from typing import Any

from job.config.sweep_config import CLUSTER
from job.errors import DeviceError, PackageError
from job.system.packages import write_install

TIMEOUT_S = 30.0
"""How long a cluster may take to answer."""

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
"""Ray's variables without which it prints, or sends reports about its use."""


def connect(address: str) -> Any:  # noqa: ANN401 - Ray is not installed everywhere, so nothing checks its types
    """Connect to the cluster at `auto`, `HOST:PORT` or `ray://HOST:PORT`; returns the module `ray`.

    Raises:
        PackageError: If Ray is not installed here, or the cluster has another version of it.
        DeviceError: If the cluster does not answer within `TIMEOUT_S`.
    """
    os.environ.update(QUIET)
    try:
        ray: Any = importlib.import_module("ray")
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        remedy = f"run `make cluster` or {write_install('ray')}"
        raise PackageError(f"--cluster needs Ray, which is not installed; {remedy}") from error
    match = CLUSTER.fullmatch(address)
    if match and match["host"]:
        _require_answer(address, match["host"].strip("[]"), int(match["port"]))
    _call(address, lambda: ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL))
    return ray


def _require_answer(address: str, host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), timeout=TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        reason = "it did not answer in time" if isinstance(error, TimeoutError) else error
        raise _unreachable(address, str(reason)) from error


def _call(address: str, connect_to: Any) -> None:  # noqa: ANN401
    """Connect in another thread: Ray has no time limit of its own, and would replace the handlers of signals."""
    errors: list[BaseException | None] = []

    def run() -> None:
        try:
            connect_to()
        except BaseException as error:  # noqa: BLE001 - Ray also raises SystemExit
            errors.append(error)
        else:
            errors.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    if not errors:
        raise _unreachable(address, f"it did not answer within {TIMEOUT_S:.0f} s")
    if error := errors[0]:
        raise _explain(address, error) from error


def _explain(address: str, error: BaseException) -> PackageError | DeviceError:
    text = " ".join(str(error).split())
    if "ersion mismatch" in text or "versions do not match" in text:
        versions = re.findall(r"Ray: ?([0-9][\w.]*)|Python: ?([0-9][\w.]*)", text)
        words = ", ".join(f"{'Ray' if ray else 'Python'} {ray or python}" for ray, python in versions)
        return PackageError(
            f"--cluster {address}: the cluster has another version of Ray or Python than this machine ({words}); "
            "install the same versions on both"
        )
    return _unreachable(address, text[:200])


def _unreachable(address: str, reason: str) -> DeviceError:
    remedy = "start a cluster (ray start --head), or name the address of a running one"
    if re.match(r"(?!ray://|auto).", address):
        remedy = f"on a machine outside the cluster, use ray://HOST:10001; otherwise {remedy}"
    return DeviceError(f"--cluster {address}: cannot connect ({reason}); {remedy}")
