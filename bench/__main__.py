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
from statistics import mean, median, stdev
from typing import Any

from bench import curves
from bench.peers import OF_THEIR_OWN, PEERS
from job.text import count_noun
from job.training import resources

ROOT = Path(__file__).parents[1]
PEERS_PYTHON = os.environ.get("PEERS_PYTHON", sys.executable)
PACKAGES = ("tensorflow-cpu", "tensorflow", "keras", "torch", "jax", "scikit-learn", "numpy")
OURS, KERAS = "fashion-job", "Keras, plain fit"
JOB, NEWCOMER = "fashion-job, whole job", "newcomer's script"
RESULTS = ROOT / "bench" / "results.json"
SEEDS = {"recipe mlp": 5, "recipe cnn": 3}
"""How many seeds each recipe is trained with, whatever the rounds."""

Measured = dict[str, list[dict[str, Any]]]
Table = dict[str, Any]
"""One of the tables: `machine`, `n_rounds`, and `figures`, which are `Measured`."""


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description="Measure the job against its peers.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument(
        "--only",
        choices=("fit", "job", "growth", "recipes"),
        help="one of the four tables; the others stay as they are",
    )
    options = parser.parse_args()
    tables = {"fit": _fits, "job": _jobs, "growth": _growth, "recipes": _recipes}
    measured: dict[str, Table] = json.loads(RESULTS.read_text("utf-8")) if options.only else {}
    for name, table in tables.items():
        if options.only in (None, name):
            machine = _machine()
            measured[name] = {"machine": machine, "n_rounds": options.rounds, "figures": table(options.rounds)}
    measured = {name: measured[name] for name in tables if name in measured}
    text = report(measured)
    print(text)
    RESULTS.with_suffix(".md").write_text(text, encoding="utf-8")
    RESULTS.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
    if "recipes" in measured:
        curves.draw(RESULTS.with_name("recipes.svg"), measured["recipes"]["figures"])


def _machine() -> dict[str, Any]:
    return {
        "processor": resources.detect_resources().processor,
        "n_processors": resources.count_processors(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load_before": round(os.getloadavg()[0], 2),
        "packages": _versions(),
    }


def _fits(n_rounds: int) -> Measured:
    measured: Measured = defaultdict(list)
    for number in range(n_rounds):
        for name in PEERS:
            measured[name].append(_peer(name, "--seed", str(number)))
    return measured


def _recipes(n_rounds: int) -> Measured:
    """Seed by seed, with plain `fit` of the baseline in each round among them."""
    measured: Measured = defaultdict(list)
    for seed in range(max(n_rounds, *SEEDS.values())):
        if seed < n_rounds:
            measured[KERAS].append(_peer(KERAS, "--seed", str(seed)))
        for name, n_seeds in SEEDS.items():
            if seed < n_seeds:
                measured[name].append(_peer(name, "--seed", str(seed)))
    return measured


def _growth(n_rounds: int) -> Measured:
    threads = str(resources.count_processors())
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


def report(measured: dict[str, Table]) -> str:
    """The tables in Markdown."""
    lines = [
        "# Benchmark",
        "",
        "Medians, each peer in turn in a process of its own; least and most in brackets. Read the ratios: seconds are",
        "of one machine.",
        "",
    ]
    for name, write in {
        "fit": _fit_table,
        "job": _job_table,
        "growth": _growth_table,
        "recipes": _recipe_table,
    }.items():
        if table := measured.get(name):
            title, *rest = write(table["figures"])
            lines += [title, "", *_where(table), "", *rest, ""]
    return "\n".join(lines)


def _where(table: Table) -> list[str]:
    """When and where a table was measured."""
    machine = table["machine"]
    threads = count_noun(machine["n_processors"], "processor")
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    rounds = count_noun(table["n_rounds"], "round")
    return [
        f"{rounds} on {machine['processor']}, {threads}, {machine['system']}; load before it {machine['load_before']}.",
        f"{packages}.",
    ]


def _fit_table(fits: Measured) -> list[str]:
    lines = ["## Five epochs of the baseline, from arrays in memory to trained weights"]
    lines += ["| | fit | times fashion-job's | accuracy (n = 10,000) |", "|---|---|---|---|"]
    ours = _median(fits[OURS], "fit_s")
    for name, figures in sorted(fits.items(), key=lambda item: _median(item[1], "fit_s")):
        ratio = _median(figures, "fit_s") / ours
        lines.append(f"| {name} | {_spread(figures, 'fit_s')} s | {ratio:.1f} | {_spread(figures, 'accuracy', 4)} |")
    ratio = median(run["epoch_s"] / run["products_s"] for run in fits[OURS])
    return [
        *lines,
        "",
        f"An epoch of fashion-job, once compiled and without validation, takes {ratio:.2f} times its bare matrix",
        "products (24.5 GFLOP, same batches and threads, same process):",
        f"{_spread(fits[OURS], 'epoch_s', 2)} s against {_spread(fits[OURS], 'products_s', 2)} s.",
    ]


def _job_table(jobs: Measured) -> list[str]:
    lines = ["## The whole job, from the start of the process to its end"]
    lines += [
        "| | wall | processor | peak memory of the largest process | with its children |",
        "|---|---|---|---|---|",
    ]
    for name, figures in jobs.items():
        times = (f"{_spread(figures, key)} s" for key in ("wall_s", "cpu_s"))
        sizes = (f"{_spread(figures, key, 0)} MiB" for key in ("peak_mib", "tree_mib"))
        lines.append(f"| {' | '.join((name, *times, *sizes))} |")
    keys = ("wall_s", "cpu_s", "peak_mib", "tree_mib")
    ratios = (_median(jobs[NEWCOMER], key) / _median(jobs[JOB], key) for key in keys)
    return [*lines, f"| ratio | {' | '.join(f'{ratio:.1f}' for ratio in ratios)} |"]


def _growth_table(growth: Measured) -> list[str]:
    lines = ["## Growth: five epochs of fashion-job", "| | fit | an epoch | peak memory |", "|---|---|---|---|"]
    for name, figures in growth.items():
        columns = (f"{_spread(figures, 'fit_s')} s", f"{_spread(figures, 'epoch_s', 2)} s")
        lines.append(f"| {name} | {' | '.join(columns)} | {_spread(figures, 'peak_mib', 0)} MiB |")
    return lines


def _recipe_table(recipes: Measured) -> list[str]:
    plain = _median(recipes[KERAS], "fit_s")
    lines = ["## Recipes: accuracy and the time it takes"]
    lines += [
        "| | test accuracy (n = 10,000 each) | seeds | fit | times plain fit's | weights |",
        "|---|---|---|---|---|---|",
    ]
    for name, figures in recipes.items():
        accuracies = [run["accuracy"] for run in figures]
        deviation = f" ± {100 * stdev(accuracies):.2f}" if len(accuracies) > 1 else ""
        cells = (
            f"{100 * mean(accuracies):.2f}{deviation} % ({100 * min(accuracies):.2f}–{100 * max(accuracies):.2f})",
            f"{len(accuracies)}",
            f"{_spread(figures, 'fit_s')} s",
            f"{_median(figures, 'fit_s') / plain:.1f}",
            f"{figures[0].get('n_weights', 109_386):,}",
        )
        lines.append(f"| {name}{', the baseline' if name == KERAS else ''} | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "Mean and standard deviation over the seeds from 0 on; the fit as elsewhere. The curves: recipes.svg.",
    ]


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
