"""Runs occlusion.js in Node.js with made-up probabilities: the covered places, their effects, and what is drawn."""

import json
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
from support import REPOSITORY

pytestmark = pytest.mark.browser

SCRIPTS = REPOSITORY / "templates" / "report"
CLASSES = ["bag", "boot", "coat"]
DOT = 6 * 28 + 9
"""The index of the only pixel that is not black: row 6, column 9."""


def run(code: str) -> Any:  # noqa: ANN401 - JSON
    """The result of an expression that may use `Occlusion`."""
    node = shutil.which("node")
    assert node
    load = "".join(
        f"globalThis.{name} = require({json.dumps(str(SCRIPTS / file))});"
        for name, file in (("Picture", "picture.js"), ("Occlusion", "occlusion.js"))
    )
    command = (node, "-e", f"{load} console.log(JSON.stringify((() => {{ {code} }})()))")
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def compare(before: list[float], after: list[list[float]], shown: list[float]) -> Any:  # noqa: ANN401 - JSON
    """The effects of four places of an image of one bright pixel, each with its probabilities."""
    return run(
        f"""const pixels = new Float64Array(784); pixels[{DOT}] = 1;
        const places = Occlusion.listPlaces(pixels);
        const result = Occlusion.compare(places, {json.dumps([before, *after])}, {shown}, {CLASSES});
        return {{ ...result, changes: [...result.changes], lost: result.lost.map(({{ middle }}) => middle) }};"""
    )


def test_the_places_of_a_pixel() -> None:
    """Each of the four squares of 4 x 4 pixels that contain it; all else is black in any case."""
    places = run(
        f"""const pixels = new Float64Array(784); pixels[{DOT}] = 1;
        return Occlusion.listPlaces(pixels).map((place) => ({{ ...place, covered: [...place.covered] }}));"""
    )
    assert [place["middle"] for place in places] == [[6, 8], [6, 10], [8, 8], [8, 10]]
    for place in places:
        row, column = place["middle"]
        rows, columns = range(row - 2, row + 2), range(column - 2, column + 2)
        assert place["inside"] == [28 * y + x for y in rows for x in columns]
        assert place["covered"] == [0] * 784


def test_the_places_at_the_edges() -> None:
    """A white image has 225 places, and every pixel is in four of them: those at the edges reach out of the image."""
    inside = run("return Occlusion.listPlaces(new Float64Array(784).fill(1)).map(({ inside }) => inside)")
    assert len(inside) == 15 * 15
    assert np.bincount(np.concatenate(inside)).tolist() == [4] * 784
    assert inside[0] == [0, 1, 28, 29]


def test_the_effect_of_each_place() -> None:
    """A pixel has the mean change of its four places; places where another class wins are listed."""
    after = [[0.5, 0.3, 0.2], [0.7, 0.2, 0.1], [0.3, 0.2, 0.5], [0.2, 0.1, 0.7]]
    effect = compare([0.6, 0.3, 0.1], after, [0.6, 0.3, 0.1])
    changes = np.array(effect["changes"]).reshape(28, 28)
    assert changes[6, 9] == pytest.approx((-0.1 + 0.1 - 0.3 - 0.4) / 4)  # in all four places
    assert changes[4, 6] == pytest.approx(-0.1 / 4)  # in the first place only
    assert changes[9, 11] == pytest.approx(-0.4 / 4)  # in the last place only
    assert np.count_nonzero(changes) == 32  # those of the first two places cancel where only they overlap
    assert effect["lost"] == [[8, 8], [8, 10]]
    assert effect["text"] == (
        "Covering an orange place makes bag less probable, a blue one more. "
        "At 2 of 225 places (dots) the answer would change, mostly to coat."
    )


def test_the_effect_is_about_the_answer() -> None:
    """The answer averages views and may be another class than that of the picture alone."""
    before, shown = [0.5, 0.45, 0.05], [0.4, 0.55, 0.05]
    effect = compare(before, [before, before, before, [0.7, 0.25, 0.05]], shown)
    assert "makes boot less probable" in effect["text"]
    assert effect["lost"] == [[8, 10]]
    assert effect["text"].endswith("At 1 of 225 places (dots) the answer would change, mostly to bag.")
    assert min(effect["changes"]) == pytest.approx(-0.2 / 4)
    unchanged = compare(before, [before] * 4, shown)
    assert (unchanged["lost"], {*unchanged["changes"]}) == ([], {0})
    assert unchanged["text"].endswith("No covered place alone changes the answer.")


def test_what_is_drawn() -> None:
    """A decrease is orange, an increase blue, the strongest one most opaque; a dot marks a lost place."""
    calls = run(
        """const calls = [], changes = new Float64Array(784);
        changes[0] = -0.5; changes[29] = 0.25;
        const context = { clearRect() {}, beginPath() {}, stroke() {}, fill() {},
            fillRect(...box) { calls.push([this.fillStyle, ...box]) }, arc(...circle) { calls.push(circle) } };
        Occlusion.draw(context, 280, { changes, lost: [{ middle: [6, 10] }] });
        return calls;"""
    )
    assert calls[0] == ["rgb(255 122 41 / 0.85)", 0, 0, 10, 10]
    assert calls[29] == ["rgb(70 160 255 / 0.425)", 10, 10, 10, 10]
    assert {call[0].split("/ ")[1] for call in calls[1:29]} == {"0)"}
    assert calls[784:] == [[100, 60, 3, 0, 7]]
