import numpy as np
import pytest
from svg_reading import NAMES, elements, label, paths, rectangles, texts

from job.evaluation.class_clusters import ClassClusters, cluster_classes
from job.report.charts import canvas
from job.report.charts.class_clusters import MAX_NAMED, SHADES, draw_class_clusters

MATRIX = np.array([[80, 0, 20], [0, 99, 1], [5, 0, 95]])


def cluster(matrix: np.ndarray) -> ClassClusters:
    clusters = cluster_classes(matrix)
    assert clusters
    return clusters


def draw(matrix: np.ndarray = MATRIX, names: list[str] | None = None) -> str:
    return draw_class_clusters(matrix, names or [f"class {n}" for n in range(len(matrix))], cluster(matrix))


def test_rows_and_columns_have_the_new_order() -> None:
    """Each name stands on the left and above."""
    order = [f"class {n}" for n in cluster(MATRIX).order]
    assert [text for text in texts(draw()) if text.startswith("class")] == [name for name in order for _ in range(2)]


def test_errors_are_shaded_by_their_share_of_the_row() -> None:
    """On a square-root scale up to the largest; the diagonal has another colour, and other cells are blank."""
    picture = draw()
    errors = [
        (path.get("opacity", "1"), rectangles(path.attrib["d"]))
        for path in elements(picture, "path")
        if path.get("fill") == "var(--error)"
    ]
    assert [opacity for opacity, _ in errors] == [f"{SHADES[level - 1]:g}" for level in (3, 5, 9)]
    cells = {round(share * 100): boxes[0] for share, (_, boxes) in zip((0.01, 0.05, 0.2), errors, strict=True)}
    assert [len(boxes) for _, boxes in errors] == [1, 1, 1]
    place = cluster(MATRIX).order.index
    columns, rows = ({share: box[side] for share, box in cells.items()} for side in (0, 1))
    assert columns[1] == columns[20] != columns[5]  # both are predicted as class 2
    assert (rows[20] < rows[5]) == (place(0) < place(2))
    assert (rows[1] < rows[5]) == (place(1) < place(2))
    (diagonal,) = paths(picture, fill="var(--accent)")
    assert len(rectangles(diagonal)) == 3
    (blank,) = paths(picture, fill="var(--tint)")
    assert len(rectangles(blank)) == 3


def test_the_closest_classes_are_described() -> None:
    """With the number of their confusions and of their images."""
    assert label(draw()) == (
        "Heatmap of the errors between 3 classes, ordered by a clustering, with its dendrogram. Most often confused "
        "with each other: class 0 and class 2 (25 of 200 images), class 1 and class 2 (1 of 200 images)."
    )


def test_the_scale_of_the_dendrogram() -> None:
    """It starts at the highest confusion rate: the mean of 20 % and 5 %."""
    assert texts(draw())[-3:] == ["12.5%", "0%", "confusion rate"]


@pytest.mark.parametrize("n_classes", [3, MAX_NAMED, MAX_NAMED + 1, 100, 256])
def test_a_matrix_of_any_size_fits(n_classes: int) -> None:
    """Nothing lies outside; only a few classes have names, in rows at least as high as a line of text."""
    matrix = np.random.default_rng(0).integers(0, 5, (n_classes, n_classes)) + 50 * np.eye(n_classes, dtype=np.int64)
    picture = draw(matrix, ["T-shirt/top"] * n_classes)
    boxes = [box for path in paths(picture) for box in rectangles(path)]
    assert len(boxes) == (n_classes**2 if n_classes <= MAX_NAMED else np.count_nonzero(matrix))
    assert max(box[2] for box in boxes) < canvas.WIDTH
    assert texts(picture).count("T-shirt/top") == (2 * n_classes if n_classes <= MAX_NAMED else 0)
    if n_classes <= MAX_NAMED:
        assert boxes[0][3] - boxes[0][1] > canvas.FONT_SIZE
    assert len(picture) < 1500 + 300 * n_classes + 30 * n_classes**2


def test_names_stay_text() -> None:
    """Neither markup nor formulas."""
    picture = draw(names=NAMES)
    assert {canvas.shorten(name, 7.5) for name in NAMES} <= set(texts(picture))
    assert all(name in label(picture) for name in NAMES)


def test_two_classes_that_are_always_swapped() -> None:
    """They join at once."""
    assert "100.0%" in texts(draw(np.array([[0, 4, 0], [4, 0, 0], [0, 0, 4]])))
