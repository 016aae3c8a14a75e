from typing import Any

import numpy as np
import pytest
from first_screen_reading import words
from support import make_predictions, make_run

from job.evaluation.predictions import Predictions
from job.report.first_screen.statements import Level
from job.report.first_screen.top_findings import MOST_FINDINGS, list_findings
from job.results.run import Run


def predict(y_true: Any, y_pred: Any, n_classes: int) -> Predictions:  # noqa: ANN401 - any array
    """Predictions with a confidence of 91 %."""
    probabilities = np.full((len(y_true), n_classes), 0.09 / (n_classes - 1), np.float32)
    probabilities[np.arange(len(y_true)), y_pred] = 0.91
    return Predictions(np.asarray(y_true, np.int16), probabilities)


def labels(n: int, n_classes: int) -> Any:  # noqa: ANN401 - an array
    return np.arange(n) % n_classes


@pytest.mark.parametrize(
    "run",
    [
        make_run(n=2000, with_reference=True, runs=2),
        make_run(n=20),
        make_run(n=100, n_classes=2),
        make_run(n=200, n_classes=100),
        make_run(n=100, trained=False, is_fashion_mnist=False),
        make_run(predictions=predict(labels(100, 10), (labels(100, 10) + 1) % 10, 10)),
        make_run(predictions=predict(labels(100, 10), labels(100, 10), 10)),
        make_run(predictions=predict(labels(2, 2), labels(2, 2), 2)),
    ],
    ids=["many", "n = 20", "two classes", "100 classes", "untrained", "none right", "all right", "n = 2"],
)
def test_at_most_five_findings_in_order(run: Run) -> None:
    """By level, then by the share of the images; each a whole sentence."""
    found = list_findings(run)
    assert len(found) <= MOST_FINDINGS
    assert found == sorted(found, key=lambda finding: (-finding.level, -finding.share))
    assert len({words(finding) for finding in found}) == len(found)
    for finding in found:
        assert words(finding)[0].isupper() or words(finding).startswith("class ") or words(finding)[0].isdigit()
        assert words(finding).endswith(".")
        assert 0 <= finding.share <= 1


def test_a_useless_model_has_no_insights() -> None:
    """Where its errors are does not matter."""
    found = list_findings(make_run(predictions=predict(labels(100, 10), np.full(100, 8), 10)))
    assert [words(finding) for finding in found] == ["The model predicts Bag for each of the 100 test images."]
    shifted = predict(labels(100, 10), (labels(100, 10) + 1) % 10, 10)
    assert all(finding.level > Level.INSIGHT for finding in list_findings(make_run(predictions=shifted)))


def test_swapped_classes_are_said_once() -> None:
    """Before where the errors are; if the model is worse than chance, too, only this names the labels."""
    swapped = np.array([0, 2, 1, 3, 4, 5, 6, 7, 8, 9])[labels(1000, 10)]
    found = [words(finding) for finding in list_findings(make_run(predictions=predict(labels(1000, 10), swapped, 10)))]
    assert found[0].endswith("and most of Pullover as Trouser: their labels may be swapped.")
    inverted = make_run(predictions=predict(labels(100, 2), 1 - labels(100, 2), 2))
    found = [words(finding) for finding in list_findings(inverted)]
    assert found[0].endswith("significantly less often than by chance (50.0%).")
    assert found[1].endswith(": their labels may be swapped.")


def test_a_perfect_model_has_no_errors_to_speak_of() -> None:
    """It says so first; the other findings are about training and confidence."""
    first, *others = list_findings(make_run(predictions=predict(labels(100, 10), labels(100, 10), 10), epochs=1))
    assert words(first).startswith("All 100 test images are classified correctly")
    assert {finding.anchor for finding in others} <= {"calibration"}


def test_an_ordinary_model() -> None:
    """Confusions that concentrate on three classes, found among ordinary noise."""
    y_true = labels(3000, 10)
    random = np.random.default_rng(5)
    predictions = make_predictions(3000)
    y_pred = np.where(np.isin(y_true, [2, 4, 6]) & (random.random(3000) < 0.4), random.choice([2, 4, 6], 3000), y_true)
    run = make_run(predictions=predict(y_true, y_pred, 10), epochs=1)
    assert len(predictions.y_true) == run.evaluation.n_test
    sentences = [words(finding) for finding in list_findings(run)]
    assert sentences[0].startswith("All ")
    assert all(name in sentences[0] for name in ("Pullover", "Coat", "Shirt"))
