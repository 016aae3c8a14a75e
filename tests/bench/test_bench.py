import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import REPOSITORY

from bench import __main__ as bench
from bench import curves, serve
from bench.peers import PEERS


@pytest.mark.training
@pytest.mark.parametrize("peer", ["fashion-job", "Keras, steps_per_execution=422"])
def test_a_peer_trains_the_baseline(peer: str) -> None:
    """Each method prints its training time and accuracy as a line of JSON; the accuracy is that of the baseline."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.peers", peer], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    measurement = json.loads(done.stdout.splitlines()[-1])
    assert 0.85 < measurement["accuracy"] < 0.90
    assert measurement["fit_s"] > 0


def test_the_tables_have_medians_and_ratios(tmp_path: Path) -> None:
    """Medians of 2 s and 16 s give the ratio 8; an epoch of 0.3 s takes 1.5 times its products of 0.2 s."""
    ours = [{"fit_s": s, "accuracy": 0.87, "epoch_s": 0.3, "products_s": 0.2, "peak_mib": 700.0} for s in (1, 9, 2)]
    fits = dict.fromkeys(PEERS, ours) | {bench.KERAS: [{"fit_s": s, "accuracy": 0.87} for s in (16, 15, 40)]}
    jobs = {bench.JOB: [{"wall_s": 10.0, "cpu_s": 15.0, "peak_mib": 800.0, "tree_mib": 1000.0}]}
    jobs[bench.NEWCOMER] = [{"wall_s": 55.0, "cpu_s": 60.0, "peak_mib": 1600.0, "tree_mib": 1600.0}]
    machine = {"processor": "P", "n_processors": 2, "system": "S", "load_before": 0.1, "packages": {"keras": "3"}}
    curve = [(1.0, 0.85), (3.0, 0.9)]
    recipes: dict[str, list[dict[str, Any]]] = {
        "recipe mlp": [
            {"fit_s": s, "accuracy": a, "n_parameters": 109_386, "curve": curve} for s, a in ((8, 0.89), (8, 0.90))
        ],
        "recipe cnn": [{"fit_s": 80, "accuracy": 0.94, "n_parameters": 250_000, "curve": curve}],
        bench.KERAS: [{"fit_s": 16, "accuracy": 0.87}],
    }
    tables: dict[str, Any] = {"fit": fits, "job": jobs, "recipes": recipes}
    text = bench.format_tables(
        {name: {"machine": machine, "n_rounds": 3, "measurements": runs} for name, runs in tables.items()}
    )
    assert "3 rounds on P, 2 processors, S; load average before the start 0.1.\nkeras 3." in text
    assert (
        "| recipe mlp | 89.50 ± 0.71 % (89.00\N{EN DASH}90.00) | 2 | 8.0 (8.0\N{EN DASH}8.0) s | 0.5 | 109,386 |"
        in text
    )
    assert "| recipe cnn | 94.00 % (94.00\N{EN DASH}94.00) | 1 | 80.0 (80.0\N{EN DASH}80.0) s | 5.0 | 250,000 |" in text
    curves.draw_curves(tmp_path / "recipes.svg", recipes)
    assert "recipe cnn" in (tmp_path / "recipes.svg").read_text()
    assert "| Keras, plain fit | 16.0 (15.0\N{EN DASH}40.0) s | 8.0 | 0.8700 (0.8700\N{EN DASH}0.8700) |" in text
    assert "takes 1.50 times as long as its" in text
    assert "| ratio | 5.5 | 4.0 | 2.0 | 1.6 |" in text


def test_the_table_of_servers_has_medians_and_a_ratio() -> None:
    """A median of 900 requests per second is 30 times that of 30."""

    def measure(n_unanswered: int, *rates: int) -> list[serve.Measurement]:
        others = {"ready_s": 0.3, "mib": 48.0, "half_load_p99_s": 0.0021}
        others |= {f"{name}: n_unanswered": n_unanswered for name in serve.CASES}
        return [others | {f"{name}: per_s": rate for name in serve.CASES} for rate in rates]

    lines = serve.format_table({serve.OURS: measure(0, 900, 800, 1000), serve.NEWCOMER: measure(2, 30, 30, 40)})
    assert "| fashion-job serve | 900 | 900 | 900 | 900 | 2.1 ms | 0.30 s | 48 MiB |" in lines
    assert any("| 30† | 30† |" in line for line in lines)
    assert "answers 30 times as many requests as the newcomer's server on one connection, and 30" in " ".join(lines)


def test_the_stored_tables_are_up_to_date() -> None:
    """bench/results.md is generated from bench/results.json."""
    tables = json.loads(bench.RESULTS.read_text(encoding="utf-8"))
    assert bench.RESULTS.with_suffix(".md").read_text(encoding="utf-8") == bench.format_tables(tables)
