from support import make_run

from job.evaluation.intervals import Interval
from job.report.published import (
    MOST_SIMILAR,
    N_TEST,
    PUBLISHED,
    SCIKIT_LEARN_MLP,
    is_comparable,
    locate,
    view_published,
)


def test_no_network_is_selected_by_its_accuracy() -> None:
    """All rows of the README of the data set; all regressions and MLPs of the paper's table, and two others."""
    entries = {group.name: [entry.accuracy for entry in group.entries] for group in PUBLISHED}
    assert entries == {
        "crowd workers": [0.835],
        "logistic regression": [0.842, 0.841, 0.839, 0.839, 0.836],
        "random forest, SVM": [0.873, 0.897],
        "MLPs, scikit-learn": [0.871, 0.870, 0.868, 0.863, 0.850, 0.848, 0.841, 0.840],
        "MLP 256-128-100": [0.8833],
        "2 to 5 convolutions": [
            *(0.876, 0.916, 0.903, 0.919, 0.925, 0.922, 0.932, 0.934, 0.934, 0.939),
            *(0.907, 0.903, 0.926, 0.921, 0.931),
        ],
        "other models": [
            *(0.947, 0.888, 0.897, 0.967, 0.954, 0.950, 0.949, 0.937, 0.899, 0.900, 0.957),
            *(0.935, 0.959, 0.963, 0.936, 0.926, 0.898, 0.953, 0.906, 0.939, 0.9312),
        ],
        "fine-tuned DARTS": [0.9691],
    }
    assert all(group.source and group.caveat for group in PUBLISHED)
    names = [(group.name, entry.name) for group in PUBLISHED for entry in group.entries]
    assert len(set(names)) == len(names)


def test_a_published_accuracy_is_inside_an_interval_with_its_bounds() -> None:
    """Below, inside, above."""
    places = [locate(accuracy, Interval(0.86, 0.88)) for accuracy in (0.859, 0.86, 0.87, 0.88, 0.881)]
    assert places == ["below", "inside", "inside", "inside", "above"]


def test_the_most_similar_network_follows_the_model() -> None:
    """Two hidden layers for the MLP; none if the model is unknown."""
    assert MOST_SIMILAR["mlp"] is SCIKIT_LEARN_MLP.entries[1]
    assert view_published(make_run(model="cnn")).most_similar is MOST_SIMILAR["cnn"]
    view = view_published(make_run(trained=False))
    assert (view.most_similar, view.place) == (None, "")


def test_other_test_images_are_not_comparable() -> None:
    """All 10,000 images of Fashion-MNIST: neither a part of them nor another data set."""
    assert is_comparable(make_run(n=N_TEST))
    assert not is_comparable(make_run(n=N_TEST, is_fashion_mnist=False))
    assert not is_comparable(make_run(n=N_TEST - 1))
