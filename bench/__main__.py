"""Measures fashion-job and other ways to train the same network, each in its own process; writes medians and ratios.

`make bench` calls it. It prints the tables, and writes them to bench/results.md and all measurements to
bench/results.json. A peer is another way to train the same network.
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

from bench import curves, serve
from bench.peers import IN_OWN_ENVIRONMENT, PEERS
from job.system.processors import count_processors
from job.text import count_noun
from job.training import resources

ROOT = Path(__file__).parents[1]
PEERS_PYTHON = os.environ.get("PEERS_PYTHON", sys.executable)
PACKAGES = ("tensorflow-cpu", "tensorflow", "keras", "torch", "jax", "scikit-learn", "numpy")
OURS, KERAS = "fashion-job", "Keras, plain fit"
JOB, NEWCOMER = "fashion-job, whole job", "newcomer's script"
RESULTS = ROOT / "bench" / "results.json"
SEEDS = {"recipe mlp": 5, "recipe cnn": 3}
"""Number of seeds that each recipe is trained with, for any number of rounds."""

Measurements = dict[str, list[dict[str, Any]]]
"""The measurements of each peer, one dictionary a run."""

Table = dict[str, Any]
"""Content of a table: `machine`, `n_rounds` and `measurements`."""


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description="Compare the job with other libraries.")
    parser.add_argument("--rounds", type=int, default=3, help="number of measurements of each peer (3)")
    parser.add_argument(
        "--only",
        choices=("fit", "job", "growth", "recipes", "serve"),
        help="measure one of the five tables and keep the others",
    )
    options = parser.parse_args()
    measures = {
        "fit": _measure_fits,
        "job": _measure_jobs,
        "growth": _measure_growth,
        "recipes": _measure_recipes,
        "serve": serve.measure,
    }
    tables: dict[str, Table] = json.loads(RESULTS.read_text("utf-8")) if options.only else {}
    for name, measure in measures.items():
        if options.only in (None, name):
            machine = _describe_machine()
            tables[name] = {"machine": machine, "n_rounds": options.rounds, "measurements": measure(options.rounds)}
    tables = {name: tables[name] for name in measures if name in tables}
    text = format_tables(tables)
    print(text)
    RESULTS.with_suffix(".md").write_text(text, encoding="utf-8")
    RESULTS.write_text(json.dumps(tables, indent=1) + "\n", "utf-8")
    if "recipes" in tables:
        curves.draw_curves(RESULTS.with_name("recipes.svg"), tables["recipes"]["measurements"])


def _describe_machine() -> dict[str, Any]:
    return {
        "processor": resources.detect_resources().processor,
        "n_processors": count_processors(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load_before": round(os.getloadavg()[0], 2),
        "packages": _find_versions(),
    }


def _measure_fits(n_rounds: int) -> Measurements:
    measured: Measurements = defaultdict(list)
    for number in range(n_rounds):
        for name in PEERS:
            measured[name].append(_measure_peer(name, "--seed", str(number)))
    return measured


def _measure_recipes(n_rounds: int) -> Measurements:
    """Measure the recipes seed by seed, and in each round plain `fit` of the baseline between them."""
    measured: Measurements = defaultdict(list)
    for seed in range(max(n_rounds, *SEEDS.values())):
        if seed < n_rounds:
            measured[KERAS].append(_measure_peer(KERAS, "--seed", str(seed)))
        for name, n_seeds in SEEDS.items():
            if seed < n_seeds:
                measured[name].append(_measure_peer(name, "--seed", str(seed)))
    return measured


def _measure_growth(n_rounds: int) -> Measurements:
    threads = str(count_processors())
    cases = [(factor, 32, threads) for factor in (1, 2, 5, 10)]
    cases += [(1, batch_size, threads) for batch_size in (128, 512, 1024, 4096)]
    cases += [(1, batch_size, "1") for batch_size in (32, 512)]
    measured: Measurements = defaultdict(list)
    for _ in range(n_rounds):
        for factor, batch_size, n_threads in cases:
            words = ("--factor", str(factor), "--batch-size", str(batch_size), "--threads", n_threads)
            measured[f"{54_000 * factor:,} images, batch {batch_size}, threads {n_threads}"].append(
                _measure_peer(OURS, *words)
            )
    return measured


def _measure_jobs(n_rounds: int) -> Measurements:
    measured: Measurements = defaultdict(list)
    for _ in range(n_rounds):
        with tempfile.TemporaryDirectory() as folder:
            measured[JOB].append(_measure_process("job", "--output", folder, "--device", "cpu"))
            measured[NEWCOMER].append(_measure_process("bench.newcomer", folder))
    return measured


def _measure_peer(name: str, *words: str) -> dict[str, float]:
    """Run a peer, which measures itself."""
    _log(f"{name} {' '.join(words)}")
    python = PEERS_PYTHON if name in IN_OWN_ENVIRONMENT else sys.executable
    command = [python, "-m", "bench.peers", name, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stderr}bench: error: {' '.join(command)} ended with status {done.returncode}")
    measurement: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measurement


def _measure_process(module: str, *words: str) -> dict[str, float]:
    """Measure wall time, processor time and peak memory of a process, and peak memory with its children."""
    _log(f"python -m {module}")
    tree_mib = 0.0
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", module, *words], cwd=ROOT, stdout=output, stderr=output)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            tree_mib = max(tree_mib, _tree_mib(process.pid))
            time.sleep(0.5)  # reading more often would slow the process down
        wall_s = time.perf_counter() - begun
        _, status, usage = ended
        output.seek(0)
        if status:
            sys.exit(f"{output.read().decode()}bench: error: python -m {module} ended with status {status}")
    peak_mib = usage.ru_maxrss / 1024 / (1024 if sys.platform == "darwin" else 1)
    cpu_s = usage.ru_utime + usage.ru_stime
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mib": peak_mib, "tree_mib": max(tree_mib, peak_mib)}


def _tree_mib(pid: int) -> float:
    """Memory of a process and its children, shared pages counted once; 0 on a system without /proc."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        rollups = [Path(f"/proc/{number}/smaps_rollup").read_text(encoding="ascii") for number in (pid, *children)]
    except OSError:
        return 0.0
    return sum(int(kib) for rollup in rollups for kib in re.findall(r"^Pss: +(\d+)", rollup, re.MULTILINE)) / 1024


def format_tables(tables: dict[str, Table]) -> str:
    """Write the tables in Markdown."""
    lines = [
        "# Benchmark",
        "",
        "Each number is a median, with minimum and maximum in parentheses. The methods run in turn, each in a process",
        "of its own. Compare the ratios; the seconds are specific to the machine.",
        "",
    ]
    for name, format_table in {
        "fit": _format_fits,
        "job": _format_jobs,
        "growth": _format_growth,
        "recipes": _format_recipes,
        "serve": serve.format_table,
    }.items():
        if table := tables.get(name):
            title, *rest = format_table(table["measurements"])
            lines += [title, "", *_describe_conditions(table), "", *rest, ""]
    return "\n".join(lines)


def _describe_conditions(table: Table) -> list[str]:
    """Describe the machine and the packages that a table was measured with."""
    machine = table["machine"]
    processors = count_noun(machine["n_processors"], "processor")
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    rounds = count_noun(table["n_rounds"], "round")
    place = f"{machine['processor']}, {processors}, {machine['system']}"
    return [f"{rounds} on {place}; load average before the start {machine['load_before']}.", f"{packages}."]


def _format_fits(fits: Measurements) -> list[str]:
    lines = ["## Five epochs of the baseline, from arrays in memory to trained parameters"]
    lines += ["| | training time | relative to fashion-job | accuracy (n = 10,000) |", "|---|---|---|---|"]
    ours = _median(fits[OURS], "fit_s")
    for name, runs in sorted(fits.items(), key=lambda item: _median(item[1], "fit_s")):
        ratio = _median(runs, "fit_s") / ours
        lines.append(
            f"| {name} | {_format_range(runs, 'fit_s')} s | {ratio:.1f} | {_format_range(runs, 'accuracy', 4)} |"
        )
    ratio = median(run["epoch_s"] / run["products_s"] for run in fits[OURS])
    return [
        *lines,
        "",
        f"After compilation and without validation, an epoch of fashion-job takes {ratio:.2f} times as long as its",
        "matrix multiplications alone (24.5 GFLOP; same batches, threads and process):",
        f"{_format_range(fits[OURS], 'epoch_s', 2)} s and {_format_range(fits[OURS], 'products_s', 2)} s.",
    ]


def _format_jobs(jobs: Measurements) -> list[str]:
    lines = ["## Whole job, from the start to the end of the process"]
    lines += [
        "| | wall time | processor time | peak memory of the largest process | with its children |",
        "|---|---|---|---|---|",
    ]
    for name, runs in jobs.items():
        times = (f"{_format_range(runs, key)} s" for key in ("wall_s", "cpu_s"))
        sizes = (f"{_format_range(runs, key, 0)} MiB" for key in ("peak_mib", "tree_mib"))
        lines.append(f"| {' | '.join((name, *times, *sizes))} |")
    keys = ("wall_s", "cpu_s", "peak_mib", "tree_mib")
    ratios = (_median(jobs[NEWCOMER], key) / _median(jobs[JOB], key) for key in keys)
    return [*lines, f"| ratio | {' | '.join(f'{ratio:.1f}' for ratio in ratios)} |"]


def _format_growth(growth: Measurements) -> list[str]:
    lines = [
        "## Growth: five epochs of fashion-job",
        "| | training time | time per epoch | peak memory |",
        "|---|---|---|---|",
    ]
    for name, runs in growth.items():
        columns = (f"{_format_range(runs, 'fit_s')} s", f"{_format_range(runs, 'epoch_s', 2)} s")
        lines.append(f"| {name} | {' | '.join(columns)} | {_format_range(runs, 'peak_mib', 0)} MiB |")
    return lines


def _format_recipes(recipes: Measurements) -> list[str]:
    plain = _median(recipes[KERAS], "fit_s")
    lines = ["## Recipes: accuracy and training time"]
    lines += [
        "| | test accuracy (n = 10,000) | seeds | training time | relative to plain fit | parameters |",
        "|---|---|---|---|---|---|",
    ]
    for name, runs in recipes.items():
        accuracies = [run["accuracy"] for run in runs]
        deviation = f" ± {100 * stdev(accuracies):.2f}" if len(accuracies) > 1 else ""
        cells = (
            f"{100 * mean(accuracies):.2f}{deviation} % ({100 * min(accuracies):.2f}–{100 * max(accuracies):.2f})",
            f"{len(accuracies)}",
            f"{_format_range(runs, 'fit_s')} s",
            f"{_median(runs, 'fit_s') / plain:.1f}",
            f"{runs[0].get('n_parameters', 109_386):,}",
        )
        lines.append(f"| {name}{', the baseline' if name == KERAS else ''} | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "The accuracy is the mean and standard deviation over the seeds from 0 on, with the range in parentheses; the",
        "training time is a median. recipes.svg shows the validation accuracy over time.",
    ]


def _median(runs: list[dict[str, float]], key: str) -> float:
    return median(run[key] for run in runs)


def _format_range(runs: list[dict[str, float]], key: str, n_digits: int = 1) -> str:
    values = [run[key] for run in runs]
    return f"{median(values):,.{n_digits}f} ({min(values):,.{n_digits}f}–{max(values):,.{n_digits}f})"


def _find_versions() -> dict[str, str]:
    """Find the versions of the packages in both environments."""
    names = "{package.name.replace('_', '-'): package.version for package in metadata.distributions()}"
    code = f"import json; from importlib import metadata; print(json.dumps({names}))"
    versions: dict[str, str] = {}
    for python in (PEERS_PYTHON, sys.executable):
        versions |= json.loads(subprocess.run([python, "-c", code], capture_output=True, check=True).stdout)
    return {name: versions[name] for name in PACKAGES if name in versions}


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
