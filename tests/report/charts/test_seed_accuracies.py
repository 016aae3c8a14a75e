import re

import pytest
from svg_reading import label, paths, texts

from job.evaluation.intervals import Interval
from job.report.charts.seed_accuracies import draw_seed_accuracies

ACCURACIES = [0.87, 0.88, 0.86]
INTERVAL = Interval(0.845, 0.895)


def dots(picture: str, colour: str) -> list[tuple[float, float]]:
    """The places of the dots of a colour."""
    drawn = "".join(paths(picture, stroke=f"var(--{colour})", stroke_width="7"))
    return [(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)", drawn)]


def test_each_training_is_a_dot_and_the_reported_one_has_a_colour() -> None:
    """The mean is below them, between the ends of its interval."""
    picture = draw_seed_accuracies(ACCURACIES, 1, 0.87, INTERVAL)
    (reported,) = dots(picture, "accent")
    (first, second), (mean,) = dots(picture, "muted"), dots(picture, "ink")
    assert [reported[1], first[1], second[1], mean[1]] == [12, 12, 12, 36]
    assert reported[0] - first[0] == pytest.approx(first[0] - second[0], abs=0.2)
    assert mean[0] == first[0]
    ((x, y, width),) = re.findall(
        r"M([\d.]+) ([\d.]+)h([\d.]+)", "".join(paths(picture, stroke="var(--ink)", stroke_width="1.4"))
    )
    assert float(y) == 36
    assert float(x) + float(width) / 2 == pytest.approx(mean[0], abs=0.2)
    assert {"seeds", "mean", "test accuracy"} <= set(texts(picture))


def test_its_text_alternative() -> None:
    """The range, the mean and its interval."""
    assert label(draw_seed_accuracies(ACCURACIES, 0, 0.87, INTERVAL)) == (
        "Dot chart of the test accuracies of 3 trainings, 86.0% to 88.0%, and their mean 87.0% with its 95% confidence "
        "interval 84.5% to 89.5%."
    )


def test_equal_accuracies_have_no_interval() -> None:
    """Nothing is drawn around the mean."""
    picture = draw_seed_accuracies([0.5, 0.5], 0, 0.5, None)
    assert paths(picture, stroke="var(--ink)", stroke_width="1.4") == []
    assert label(picture).endswith("and their mean 50.0%.")


def test_a_hundred_trainings_are_small() -> None:
    """Below 4 kB."""
    accuracies = [0.8 + index / 1000 for index in range(100)]
    assert len(draw_seed_accuracies(accuracies, 5, 0.85, INTERVAL)) < 4000
