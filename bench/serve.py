"""Measures `serve` and other servers of the same network with wrk and hey, two public load generators, on loopback.

The servers run in turn. Each is warmed up, and measured with one image and with 64 images a request, on one connection
and on 64. Then hey sends single images at half of the rate that the server reached, and measures the latency.
"""

import contextlib
import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).parents[1]
PYTHON = os.environ.get("SERVERS_PYTHON", sys.executable)
OURS, NEWCOMER = "fashion-job serve", "newcomer: Flask's server, model.predict"
SERVERS = {
    NEWCOMER: "newcomer",
    "Flask on waitress": "flask_waitress",
    "FastAPI on uvicorn": "fastapi_uvicorn",
    "LitServe": "lit_serve",
    "BentoML": "bento_ml",
}
"""Modules in bench/servers/."""
OUR_PATH, THEIR_PATH = "/v1/models/fashion-job:predict", "/predict"
DURATION_S, WARM_UP_S = 5, 1
BATCH, N_CONNECTIONS, N_WORKERS = 64, 64, 16
CASES = {f"{n} x {c}": (n, c) for n in (1, BATCH) for c in (1, N_CONNECTIONS)}
"""Images a request and connections."""
READY_S = 120
SETTLED_S = 0.3
ROUNDING = 1e-3
UNANSWERED = "†"
LOWEST_PER_S = 1 / DURATION_S
"""What wrk can measure."""
LUA = 'wrk.method="POST"\nlocal f=io.open("{}","rb")\nwrk.body=f:read("*a")\nf:close()\n'
LUA += 'wrk.headers["Content-Type"]="application/json"\n'

Measurement = dict[str, float]


def measure(n_rounds: int) -> dict[str, list[Measurement]]:
    """Measure each server in each round."""
    if missing := [name for name in ("wrk", "hey") if not shutil.which(name)]:
        sys.exit(f"bench: error: {' and '.join(missing)} must be installed (Debian: apt-get install wrk hey)")
    measured: dict[str, list[Measurement]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train = (sys.executable, "-m", "job", "--epochs", "1", "--quiet", "--output", str(folder / "report"))
        subprocess.run(train, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        _write_bodies(folder)
        for _ in range(n_rounds):
            for server in (OURS, *SERVERS):
                measured[server].append(_measure_server(server, folder))
    return measured


def _write_bodies(folder: Path) -> None:
    random = np.random.default_rng(0)
    for n in (1, BATCH):
        images = random.integers(0, 256, (n, 28, 28)) * (random.random((n, 28, 28)) < 0.5)  # noqa: PLR2004 - half black
        rows = np.round(images / 255, 4).tolist()
        (folder / f"{n}.json").write_text(json.dumps({"instances": rows}), encoding="utf-8")
        (folder / f"{n}.lua").write_text(LUA.format(folder / f"{n}.json"), encoding="utf-8")


def _measure_server(server: str, folder: Path) -> Measurement:
    print(f"{server}", file=sys.stderr, flush=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    report = str(folder / "report")
    if server == OURS:
        command = [sys.executable, "-m", "job", "serve", "--output", report, "--port", str(port), "--quiet"]
    else:
        command = [PYTHON, "-m", f"bench.servers.{SERVERS[server]}", report, str(port)]
    url = f"http://127.0.0.1:{port}{OUR_PATH if server == OURS else THEIR_PATH}"
    begun = time.perf_counter()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_until_ready(process, url, folder)
        measurement = {"ready_s": time.perf_counter() - begun}
        for name, (n, n_connections) in CASES.items():
            _settle(url, folder)
            _run_wrk(url, folder, n, n_connections, WARM_UP_S)
            result = _run_wrk(url, folder, n, n_connections, DURATION_S)
            measurement |= {f"{name}: {key}": value for key, value in result.items()}
        _settle(url, folder)
        rate = measurement[f"1 x {N_CONNECTIONS}: per_s"] / 2
        return {**measurement, **_run_hey(url, folder, rate), "mib": _measure_memory(process.pid)}
    finally:
        for pid in _list_processes(process.pid):  # some have sessions of their own
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, folder: Path) -> None:
    """Wait until the server answers one image."""
    end = time.monotonic() + READY_S
    while time.monotonic() < end and process.poll() is None:
        try:
            _ask(url, folder)
        except OSError:
            time.sleep(0.01)
        else:
            return
    sys.exit(f"{(folder / 'log').read_text()}bench: error: {url} does not answer")


def _settle(url: str, folder: Path) -> None:
    """Wait until the server has answered what a load generator no longer waits for."""
    end = time.monotonic() + READY_S
    while time.monotonic() < end and max(_ask(url, folder) for _ in range(3)) > SETTLED_S:
        time.sleep(0.1)


def _ask(url: str, folder: Path) -> float:
    """Send one image; the seconds until the answer is there."""
    body, begun = (folder / "1.json").read_bytes(), time.perf_counter()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - http
    with urllib.request.urlopen(request, timeout=READY_S) as response:  # noqa: S310 - http
        (row,) = json.load(response)["predictions"]
    if abs(sum(row) - 1) > ROUNDING:
        sys.exit(f"bench: error: {url} answers {row}")
    return time.perf_counter() - begun


def _run_wrk(url: str, folder: Path, n: int, n_connections: int, duration_s: int) -> Measurement:
    options = ("-t1", f"-c{n_connections}", f"-d{duration_s}s", "--timeout", "10s")
    command = ("wrk", *options, "-s", str(folder / f"{n}.lua"), url)
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text:
        sys.exit(f"bench: error: {url} answers with errors\n{text}")
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    n_unanswered = sum(map(int, errors.groups())) if errors else 0
    return {"per_s": float(_find(r"Requests/sec: +([\d.]+)", text)), "n_unanswered": n_unanswered}


def _run_hey(url: str, folder: Path, rate: float) -> Measurement:
    """Send single images at a rate; the 99th percentile of the latency.

    hey waits for an answer before it sends the next request on a connection, so the latency leaves out the time that
    a request would have waited on the client.
    """
    options = ("-z", f"{DURATION_S}s", "-c", str(N_WORKERS), "-q", f"{rate / N_WORKERS:.3f}", "-o", "csv")
    command = ("hey", *options, "-m", "POST", "-T", "application/json", "-D", str(folder / "1.json"), url)
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = list(csv.DictReader(text.splitlines()))
    if wrong := [row["status-code"] for row in rows if row["status-code"] != "200"]:
        sys.exit(f"bench: error: {url} answers {len(wrong)} of {len(rows)} requests with {wrong[0]}")
    times_s = [float(row["response-time"]) for row in rows]
    return {"half_load_p99_s": float(np.quantile(times_s, 0.99)), "half_load_per_s": len(rows) / DURATION_S}


def _find(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if not match:
        sys.exit(f"bench: error: no {pattern} in\n{text}")
    return match[1]


def _measure_memory(pid: int) -> float:
    """Memory of a process and all below it in MiB, shared pages counted once."""
    kib = 0
    for each in _list_processes(pid):
        with contextlib.suppress(OSError):  # it has ended
            kib += int(_find(r"Pss: +(\d+)", Path(f"/proc/{each}/smaps_rollup").read_text(encoding="ascii")))
    return kib / 1024


def _list_processes(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        threads = [*Path(f"/proc/{pid}/task").iterdir()]
        children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    except OSError:  # it has ended
        return []
    return [pid, *(each for child in children for each in _list_processes(child))]


def format_table(measured: dict[str, list[Measurement]]) -> list[str]:
    """Write the table in Markdown."""
    head = [f"{n} image{'s' * (n > 1)}, {c} connection{'s' * (c > 1)}" for n, c in CASES.values()]
    lines = ["## Serving the baseline over HTTP: requests per second"]
    lines += [f"| | {' | '.join(head)} | p99 at half load | start to ready | memory |", "|---" * (len(head) + 4) + "|"]
    for server, runs in measured.items():
        rates = [f"{_median(runs, f'{name}: per_s'):,.0f}{_mark_unanswered(runs, name)}" for name in CASES]
        p99 = f"{1000 * _median(runs, 'half_load_p99_s'):.1f} ms"
        cells = (server, *rates, p99, f"{_median(runs, 'ready_s'):.2f} s", f"{_median(runs, 'mib'):.0f} MiB")
        lines.append(f"| {' | '.join(cells)} |")
    ratios = [
        _median(measured[OURS], f"1 x {c}: per_s") / max(_median(measured[NEWCOMER], f"1 x {c}: per_s"), LOWEST_PER_S)
        for c in (1, N_CONNECTIONS)
    ]
    return [
        *lines,
        "",
        f"With one image a request, `serve` answers {ratios[0]:.0f} times as many requests as the newcomer's server on",
        f"one connection, and {ratios[1]:.0f} times as many on {N_CONNECTIONS}. wrk measured the rates; hey measured",
        "the latency while it sent half of the requests of the second column, which differs between the servers. It",
        "sends the next request of a connection after the answer, so the latency leaves out the wait on the client.",
        f"Server and load generator share the processors. The memory is that after the load. {UNANSWERED}: wrk got no",
        "answer to some requests within 10 s. All servers but the newcomer's compute with the forward pass of the job.",
    ]


def _mark_unanswered(runs: list[Measurement], case: str) -> str:
    return UNANSWERED if any(run[f"{case}: n_unanswered"] for run in runs) else ""


def _median(runs: list[Measurement], key: str) -> float:
    return median(run[key] for run in runs)
