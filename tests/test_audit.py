import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import edited

from job import audit
from job.results import run
from job.results.schema import Results


def shuffled(indices: list[int]) -> list[int]:
    return [*indices[1:], indices[0]]


def test_the_audit_agrees_with_a_sound_run(finished_run: Path, finished_results: Results) -> None:
    """scikit-learn finds the same figures."""
    assert audit.differences(finished_results, run.read_predictions(finished_run, 10, [])) == []


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda c: c.update(accuracy=c["accuracy"] - 0.01), "accuracy is .*, but predictions.csv gives"),
        (lambda c: c["accuracy_interval"].update(lower=0.123), "accuracy_interval.lower is 0.123"),
        (lambda c: c.update(loss=c["loss"] * 1.001), "loss is"),
        (lambda c: c["loss_interval"].update(upper=9), "loss_interval.upper is 9"),
        (lambda c: c["macro"].update(f1=0.123), "macro.f1 is 0.123"),
        (lambda c: c["macro"]["recall_interval"].update(lower=0.123), "macro.recall_interval.lower is 0.123"),
        (lambda c: c["weighted"]["recall_interval"].update(upper=0.123), "weighted.recall_interval.upper is 0.123"),
        (lambda c: c["per_class"][3].update(recall=0.123), r"per_class\[3\].recall is 0.123"),
        (lambda c: c["per_class"][3].update(support=7), r"per_class\[3\].support is 7, but predictions.csv gives 10"),
        (lambda c: c["per_class"][3]["f1_interval"].update(lower=0.01), r"per_class\[3\].f1_interval.lower is 0.01"),
        (lambda c: c["confusion_matrix"][2].__setitem__(5, 99), r"confusion_matrix\[2\]\[5\] is 99"),
        (lambda c: c["confusion_matrix"][2].__setitem__(5, -99), r"confusion_matrix\[2\]\[5\] is -99"),
        (lambda c: c["calibration"].update(ece=0.5), "calibration.ece is 0.5"),
        (lambda c: c["calibration"]["ece_interval"].update(upper=0.9), "calibration.ece_interval.upper is 0.9"),
        (lambda c: c["calibration"]["bins"][0].update(accuracy=0.3), r"calibration.bins\[0\].accuracy is 0.3"),
        (lambda c: c["calibration"]["overconfidence"].update(n=101), "calibration.overconfidence.n is 101"),
        (lambda c: c["calibration"]["coverage"][2].update(n_right=0), r"calibration.coverage\[2\].n_right is 0"),
        (lambda c: c.update(n_resamples=1), "n_resamples is 1, but predictions.csv gives 1000"),
        (lambda c: c["samples"].update(right=c["samples"]["wrong"]), "the samples are not those"),
        (lambda c: c["samples"].update(right=c["samples"]["right"][:1] * 9), "the samples are not those"),
        (lambda c: c["samples"].update(right=c["samples"]["right"][:8]), "the samples are not those"),
        (lambda c: c["samples"]["least_certain"].append(5), r"samples.least_certain\[9\] is 5, but .* gives nothing"),
        (lambda c: c["samples"]["confident_mistakes"].pop(), r"samples.confident_mistakes\[11\] is nothing, but"),
        (lambda c: c["samples"]["cells"][0].update(true=77), r"samples.cells\[0\].true is 77"),
        (lambda c: c["data"].update(n_test=101), "predictions.csv does not hold each of the 101 test images once"),
    ],
)
def test_the_audit_finds_a_changed_figure(run_copy: Path, edit: Callable[[dict[str, Any]], object], words: str) -> None:
    """A figure that does not follow from the predictions is named."""
    path = run_copy / "metrics.json"
    path.write_text(edited(edit)(path.read_text()))
    found = audit.differences(run.read_metrics(run_copy), run.read_predictions(run_copy, 10, []))
    assert len(found) == 1
    assert re.match(words, found[0])


@pytest.mark.parametrize("choice", ["confident_mistakes", "least_certain"])
def test_the_audit_finds_another_order(run_copy: Path, choice: str) -> None:
    """The most and least confident images are so in their order."""
    path = run_copy / "metrics.json"
    edit = edited(lambda content: content["samples"].update({choice: shuffled(content["samples"][choice])}))
    path.write_text(edit(path.read_text()))
    found = audit.differences(run.read_metrics(run_copy), run.read_predictions(run_copy, 10, []))
    assert found[0].startswith(f"samples.{choice}[0] is ")


def test_the_audit_agrees_with_a_sound_comparison(compared_run: Path) -> None:
    """pandas and scipy find the same."""
    predictions = run.read_predictions(compared_run, 10, [], compared=True)
    assert audit.differences(run.read_metrics(compared_run), predictions) == []


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda c: c["pairs"].update(n_won=77), r"comparison.pairs.n_won is 77, but predictions.csv gives"),
        (lambda c: c["pairs"].update(difference=0.5), r"comparison.pairs.difference is 0.5"),
        (lambda c: c["pairs"]["interval"].update(upper=0.9), r"comparison.pairs.interval.upper is 0.9"),
        (lambda c: c.update(p_value=0.123), r"comparison.p_value is 0.123"),
        (lambda c: c["per_class"][3].update(n_lost=9), r"comparison.per_class\[3\].n_lost is 9"),
        (
            lambda c: c["per_class"][3]["interval"].update(lower=-0.9),
            r"comparison.per_class\[3\].interval.lower is -0.9",
        ),
        (lambda c: c["earlier"].update(accuracy=0.123), r"comparison.earlier.accuracy is 0.123"),
        (
            lambda c: c["earlier"]["accuracy_interval"].update(lower=0),
            r"comparison.earlier.accuracy_interval.lower is 0",
        ),
        (lambda c: c["won"].pop(), r"comparison.won\[\d+\] is nothing"),
        (lambda c: c["won"].append(7), r"comparison.won\[\d+\] is 7, but predictions.csv gives nothing"),
    ],
)
def test_the_audit_finds_a_changed_comparison(
    compared_copy: Path, edit: Callable[[dict[str, Any]], object], words: str
) -> None:
    """A figure that does not follow from the predictions of both models is named."""
    path = compared_copy / "metrics.json"
    path.write_text(edited(lambda content: edit(content["comparison"]))(path.read_text()))
    predictions = run.read_predictions(compared_copy, 10, [], compared=True)
    found = audit.differences(run.read_metrics(compared_copy), predictions)
    assert len(found) == 1
    assert re.match(words, found[0])


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda c: c["spread"].update(mean=0.5), "spread.mean is 0.5, but the runs give"),
        (lambda c: c["spread"].update(sd=0.5), "spread.sd is 0.5, but the runs give"),
        (lambda c: c["spread"]["trials"].pop(), "the runs are not those of the 3 seeds from 4 on"),
        (lambda c: c["spread"]["trials"][0].update(seed=9), "the runs are not those of the 3 seeds from 4 on"),
        (lambda c: c.update(spread=None), "the figures of 3 runs are missing"),
        (lambda c: c["spread"].update(reported=99), "the run reported, seed 99, is none of them"),
        (
            lambda c: c["spread"]["trials"][c["spread"]["reported"] - 4].update(loss=9),
            "the loss of the run reported is .*, but the runs give 9",
        ),
    ],
)
def test_the_audit_finds_another_spread(
    repeated_copy: Path, edit: Callable[[dict[str, Any]], object], words: str
) -> None:
    """Mean and deviation are those of the trials, and the model judged is the median one."""
    path = repeated_copy / "metrics.json"
    predictions = run.read_predictions(repeated_copy, 10, [])
    assert audit.differences(run.read_metrics(repeated_copy), predictions) == []
    path.write_text(edited(edit)(path.read_text()))
    found = audit.differences(run.read_metrics(repeated_copy), predictions)
    assert len(found) == 1
    assert re.match(words, found[0])
