"""Declares the options of `serve`."""

import ipaddress
import re
from dataclasses import dataclass

from job.config.options import describe_options, option
from job.config.run_config import FOLDER

MAX_HOST = 253  # characters of a name in DNS
ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.:\[\]-]{1,253}")


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", text) is not None and len(text) <= MAX_HOST
    return True


@dataclass(frozen=True, kw_only=True)
class ServeConfig:
    """The settings of `serve`.

    Raises:
        UsageError: If a value is out of range.
    """

    host: str = option(
        "127.0.0.1",
        "run",
        "Address to listen on; 0.0.0.0 stands for all IPv4 addresses of this machine.",
        metavar="HOST",
        accepts=_is_host,
        rule="an IP address or the name of this machine",
    )
    port: int = option(8000, "run", "Port to listen on; 0 picks a free one.", minimum=0, maximum=65535)
    threads: int | None = option(
        None, "run", "Number of threads for predictions.", unset="the available processors", minimum=1, maximum=1024
    )
    allow_origin: str | None = option(
        None,
        "run",
        "Origin whose web pages may read the answers; * allows all web pages.",
        unset="only its own pages",
        metavar="ORIGIN",
        accepts=lambda text: ORIGIN.fullmatch(text) is not None,
        rule="an origin such as https://example.org, or *",
    )
    output: str = option("report", "run", "Output folder of the run.", **FOLDER)

    def __post_init__(self) -> None:
        for name, description in SERVE_OPTIONS.items():
            description.check(getattr(self, name), description.flag)


SERVE_OPTIONS = describe_options(ServeConfig)
"""The options by field name, in the order of `--help`."""
