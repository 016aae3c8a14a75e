"""Runs every peer in turn, several rounds, each in a process of its own, and writes medians and ratios.

`make bench` calls it. It prints a table and writes it to bench/results.md, and all that was measured to
bench/results.json.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from bench.peers import OF_THEIR_OWN, PEERS
from job import resources

ROOT = Path(__file__).parents[1]
PEERS_PYTHON = os.environ.get("PEERS_PYTHON", sys.executable)
PACKAGES = ("tensorflow-cpu", "tensorflow", "keras", "torch", "jax", "scikit-learn", "numpy")
OURS, KERAS = "fashion-job", "Keras, plain fit"
JOB, NEWCOMER = "fashion-job, whole job", "newcomer's script"
Measured = dict[str, list[dict[str, float]]]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description="Measure the job against its peers.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument("--only", choices=("fit", "job", "growth"), help="one of the three tables")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    measured: dict[str, Measured] = {}
    for name, table in {"fit": _fits, "job": _jobs, "growth": _growth}.items():
        if options.only in (None, name):
            measured[name] = table(options.rounds)
    machine = {
        "processor": resources.find().processor,
        "n_processors": resources.n_processors(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load_before": round(load, 2),
        "packages": _versions(),
    }
    text = report(measured, machine, options.rounds)
    print(text)
    folder = ROOT / "bench"
    (folder / "results.md").write_text(text, encoding="utf-8")
    (folder / "results.json").write_text(json.dumps({"machine": machine, **measured}, indent=1) + "\n", "utf-8")


def _fits(n_rounds: int) -> Measured:
    measured: Measured = defaultdict(list)
    for number in range(n_rounds):
        for name in PEERS:
            measured[name].append(_peer(name, "--seed", str(number)))
    return measured


def _growth(n_rounds: int) -> Measured:
    threads = str(resources.n_processors())
    cases = [(factor, 32, threads) for factor in (1, 2, 5, 10)]
    cases += [(1, batch_size, threads) for batch_size in (128, 512, 1024, 4096)]
    cases += [(1, batch_size, "1") for batch_size in (32, 512)]
    measured: Measured = defaultdict(list)
    for _ in range(n_rounds):
        for factor, batch_size, n_threads in cases:
            words = ("--factor", str(factor), "--batch-size", str(batch_size), "--threads", n_threads)
            measured[f"{54_000 * factor:,} images, batch {batch_size}, threads {n_threads}"].append(_peer(OURS, *words))
    return measured


def _jobs(n_rounds: int) -> Measured:
    measured: Measured = defaultdict(list)
    for _ in range(n_rounds):
        with tempfile.TemporaryDirectory() as folder:
            measured[JOB].append(_process("job", "--output", folder, "--device", "cpu"))
            measured[NEWCOMER].append(_process("bench.newcomer", folder))
    return measured


def _peer(name: str, *words: str) -> dict[str, float]:
    """What one peer measures of itself."""
    _say(f"{name} {' '.join(words)}")
    python = PEERS_PYTHON if name in OF_THEIR_OWN else sys.executable
    command = [python, "-m", "bench.peers", name, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stderr}bench: error: {' '.join(command)} ended with status {done.returncode}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _process(module: str, *words: str) -> dict[str, float]:
    """Wall time, processor time and peak resident memory of a process, and that of it and its children at once."""
    _say(f"python -m {module}")
    tree_mib = 0.0
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", module, *words], cwd=ROOT, stdout=said, stderr=said)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            tree_mib = max(tree_mib, _tree_mib(process.pid))
            time.sleep(0.5)  # more often it would hold up what it measures
        wall_s = time.perf_counter() - begun
        _, status, usage = ended
        said.seek(0)
        if status:
            sys.exit(f"{said.read().decode()}bench: error: python -m {module} ended with status {status}")
    peak_mib = usage.ru_maxrss / 1024 / (1024 if sys.platform == "darwin" else 1)
    cpu_s = usage.ru_utime + usage.ru_stime
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mib": peak_mib, "tree_mib": max(tree_mib, peak_mib)}


def _tree_mib(pid: int) -> float:
    """Resident memory of a process and its children, what they share counted once; 0 where there is no /proc."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        rollups = [Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii") for one in (pid, *children)]
    except OSError:
        return 0.0
    return sum(int(kib) for rollup in rollups for kib in re.findall(r"^Pss: +(\d+)", rollup, re.MULTILINE)) / 1024


def report(measured: dict[str, Measured], machine: dict[str, Any], n_rounds: int) -> str:
    """The tables in Markdown: `measured` has a part for each, `machine` says where."""
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    threads = resources.count_of(machine["n_processors"], "processor")
    lines = [
        "# Benchmark",
        "",
        f"Medians of {resources.count_of(n_rounds, 'round')}, each peer in turn in a process of its own; least and",
        "most in brackets. Read the ratios: seconds are of one machine.",
        "",
        f"{machine['processor']}, {threads}, {machine['system']}; load before it {machine['load_before']}.",
        f"{packages}.",
        "",
    ]
    if fits := measured.get("fit"):
        lines += ["## Five epochs of the baseline, from arrays in memory to trained weights", ""]
        lines += ["| | fit | times fashion-job's | accuracy (n = 10,000) |", "|---|---|---|---|"]
        ours = _median(fits[OURS], "fit_s")
        for name, figures in sorted(fits.items(), key=lambda item: _median(item[1], "fit_s")):
            ratio = _median(figures, "fit_s") / ours
            lines.append(
                f"| {name} | {_spread(figures, 'fit_s')} s | {ratio:.1f} | {_spread(figures, 'accuracy', 4)} |"
            )
        ratio = median(run["epoch_s"] / run["products_s"] for run in fits[OURS])
        lines += [
            "",
            f"An epoch of fashion-job, once compiled and without validation, takes {ratio:.2f} times its bare matrix",
            "products (24.5 GFLOP, same batches and threads, same process):",
            f"{_spread(fits[OURS], 'epoch_s', 2)} s against {_spread(fits[OURS], 'products_s', 2)} s.",
            "",
        ]
    if jobs := measured.get("job"):
        lines += ["## The whole job, from the start of the process to its end", ""]
        lines += ["| | wall | processor | peak memory of the largest process | with its children |"]
        lines += ["|---|---|---|---|---|"]
        for name, figures in jobs.items():
            times = (f"{_spread(figures, key)} s" for key in ("wall_s", "cpu_s"))
            sizes = (f"{_spread(figures, key, 0)} MiB" for key in ("peak_mib", "tree_mib"))
            lines.append(f"| {' | '.join((name, *times, *sizes))} |")
        keys = ("wall_s", "cpu_s", "peak_mib", "tree_mib")
        ratios = (_median(jobs[NEWCOMER], key) / _median(jobs[JOB], key) for key in keys)
        lines += [f"| ratio | {' | '.join(f'{ratio:.1f}' for ratio in ratios)} |", ""]
    if growth := measured.get("growth"):
        lines += [
            "## Growth: five epochs of fashion-job",
            "",
            "| | fit | an epoch | peak memory |",
            "|---|---|---|---|",
        ]
        for name, figures in growth.items():
            columns = (f"{_spread(figures, 'fit_s')} s", f"{_spread(figures, 'epoch_s', 2)} s")
            lines.append(f"| {name} | {' | '.join(columns)} | {_spread(figures, 'peak_mib', 0)} MiB |")
        lines.append("")
    return "\n".join(lines)


def _median(figures: list[dict[str, float]], key: str) -> float:
    return median(run[key] for run in figures)


def _spread(figures: list[dict[str, float]], key: str, n_digits: int = 1) -> str:
    values = [run[key] for run in figures]
    return f"{median(values):,.{n_digits}f} ({min(values):,.{n_digits}f}–{max(values):,.{n_digits}f})"


def _versions() -> dict[str, str]:
    """Of the packages, each where it is used."""
    names = "{each.name.replace('_', '-'): each.version for each in metadata.distributions()}"
    code = f"import json; from importlib import metadata; print(json.dumps({names}))"
    found: dict[str, str] = {}
    for python in (PEERS_PYTHON, sys.executable):
        found |= json.loads(subprocess.run([python, "-c", code], capture_output=True, check=True).stdout)
    return {name: found[name] for name in PACKAGES if name in found}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
