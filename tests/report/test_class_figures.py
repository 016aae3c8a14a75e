import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score
from support import make_run, predictions_of

from job.evaluation.predictions import Predictions
from job.report.class_figures import CURVE_COLUMNS, N_CURVES, view_clusters, view_curves


def test_curves_of_the_weakest_classes() -> None:
    """At most ten, the lowest average precision first, with the values of scikit-learn."""
    run = make_run(n=600, n_classes=30)
    is_class = np.eye(30)[run.predictions.y_true]
    expected = average_precision_score(is_class, predictions_of(run).probabilities, average=None)
    views = view_curves(run)
    order = np.argsort(expected)[:N_CURVES]
    assert [view.name for view in views] == [f"class {label}" for label in order]
    assert [view.average_precision for view in views] == pytest.approx(expected[order].tolist())
    areas = [roc_auc_score(is_class[:, label], predictions_of(run).probabilities[:, label]) for label in order]
    assert [view.roc_auc for view in views] == pytest.approx(areas)
    assert [view.n for view in views] == [20] * N_CURVES


def test_the_curves_of_ten_classes_are_small() -> None:
    """Less than 27 kB together."""
    assert sum(len(view.chart) for view in view_curves(make_run(n=10_000))) < 27_000


def test_a_row_of_the_table_has_its_columns() -> None:
    """The name, both areas, and two values of each curve."""
    (view, *_) = view_curves(make_run())
    assert len(CURVE_COLUMNS) == 3 + len(view.recalls) + len(view.precisions)
    assert CURVE_COLUMNS[2] == "Recall at 1% false positives"
    assert CURVE_COLUMNS[-1] == "Precision at 95% recall"


def test_a_class_without_images_has_no_curve() -> None:
    """Nothing can be drawn against the rest."""
    y_true = np.arange(40) % 3
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), 40).astype(np.float32)
    assert {view.name for view in view_curves(make_run(predictions=Predictions(y_true, probabilities)))} == {
        "class 0",
        "class 1",
        "class 2",
    }


def test_clusters_name_their_classes() -> None:
    """Every class once, and the closest pairs by name."""
    run = make_run(n=500)
    clusters = view_clusters(run)
    assert clusters
    assert sorted(clusters.names) == sorted(run.evaluation.class_names)
    first, second, pair = clusters.pairs[0]
    names = run.evaluation.class_names
    assert (first, second) == (names[pair.first], names[pair.second])
    matrix = run.evaluation.matrix
    assert pair.n == matrix[pair.first, pair.second] + matrix[pair.second, pair.first]


def test_nothing_to_cluster() -> None:
    """Two classes, or no error."""
    assert view_clusters(make_run(n_classes=2)) is None
    labels = np.arange(40) % 4
    right = Predictions(labels, np.eye(4, dtype=np.float32)[labels] * 0.9 + 0.025)
    assert view_clusters(make_run(predictions=right)) is None
