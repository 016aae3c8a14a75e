import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import html5lib
import pytest
from sweep_runs import make_swept_run, write_runs

from job.config.search_space import Objective
from job.evaluation.sweep_summary import SweepSummary, summarize_sweep
from job.evaluation.sweep_trials import SearchHistory, SearchTrial
from job.report.sweep_page.findings import list_sweep_findings
from job.report.sweep_page.page import render_sweep_page
from job.results.run import Run
from job.sweep.collection import collect_runs
from job.sweep.sweep_files import encode_sweep

SVG = "{http://www.w3.org/2000/svg}"


def text(element: ET.Element | None) -> str:
    assert element is not None
    return " ".join("".join(element.itertext()).split())


class Page:
    """The page of some runs as a tree; a syntax error is an error."""

    def __init__(self, folder: Path, runs: Sequence[Run], failures: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.runs = write_runs(folder / "runs", runs)
        for run in self.runs[1:]:
            (run / "index.html").touch()
        self.summary: SweepSummary = summarize_sweep(collect_runs(self.runs, failures or {}))
        self.source = render_sweep_page(self.summary, folder).decode()
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        self.tree: ET.Element = parser.parse(self.source)

    def section(self, name: str) -> ET.Element:
        found = self.tree.find(f".//section[@id='{name}']")
        assert found is not None
        return found

    def rows(self, name: str, table: int = 0) -> list[list[str]]:
        return [[text(cell) for cell in row] for row in self.section(name).findall(".//tbody")[table]]

    @property
    def sections(self) -> list[str]:
        return [each.attrib["id"] for each in self.tree.iter("section")]

    @property
    def headline(self) -> str:
        return text(self.tree.find(".//h1"))

    @property
    def note(self) -> str:
        return text(self.tree.find(".//header/p[@class='note']"))

    @property
    def findings(self) -> list[str]:
        return [text(each.find("./a/span")) for each in self.tree.findall(".//ol[@class='findings']/li")]

    @property
    def tiles(self) -> list[list[str]]:
        return [[text(part) for part in each.find("a") or ()] for each in self.tree.findall(".//ul[@class='tiles']/li")]


def make_seeds(level: float, n_seeds: int, **settings: Any) -> list[Run]:  # noqa: ANN401
    return [make_swept_run(level, seed, **settings) for seed in range(n_seeds)]


def set_validation(runs: Sequence[Run], accuracy: float) -> list[Run]:
    """The same runs with this validation accuracy."""
    for run in runs:
        assert run.training is not None
        run.training.history.val_accuracy[-1] = accuracy
    return list(runs)


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Three recipes with five seeds, far apart."""
    levels = {"baseline": (1.3, 3.0, 109_386), "mlp": (1.9, 17.0, 109_386), "cnn": (2.6, 200.0, 246_698)}
    runs = [
        run
        for recipe, (level, seconds, size) in levels.items()
        for run in make_seeds(level, 5, recipe=recipe, training_s=seconds, n_parameters=size, n=3000)
    ]
    return Page(tmp_path_factory.mktemp("recipes"), runs)


def test_the_table_shows_the_numbers_of_each_configuration(recipes: Page) -> None:
    """In the order of the ranks: validation and test accuracy with its interval, spread, loss, time, parameters."""
    rows = recipes.rows("configurations")
    assert [row[:2] for row in rows] == [["1", "cnn"], ["2", "mlp"], ["3", "baseline"]]
    for row, index in zip(rows, recipes.summary.ranking.order, strict=True):
        mean, configuration = recipes.summary.means[index], recipes.summary.results.configurations[index]
        assert mean.val_accuracy is not None
        assert mean.accuracy_interval is not None
        assert mean.accuracy_sd is not None
        assert row[3] == f"{mean.val_accuracy:.1%}"
        interval = f"{100 * mean.accuracy_interval.lower:.1f}\N{EN DASH}{mean.accuracy_interval.upper:.1%}"
        assert row[4] == f"{mean.accuracy:.1%} {interval}"
        assert row[5:7] == [f"{100 * mean.accuracy_sd:.2f}", f"{mean.loss:.3f}"]
        assert row[8] == f"{configuration.n_parameters:,}"
        assert row[9] == "0 1 2 3 4"


def find_places(dots: ET.Element) -> list[float]:
    """The places of the dots of seeds; none of another path."""
    return (
        [float(place) for place in re.findall(r"M([\d.]+) ", dots.attrib["d"])] if dots.get("class") == "seed" else []
    )


def test_each_seed_is_a_dot_on_the_axis_of_its_row(recipes: Page) -> None:
    """Its place follows from the ticks above."""
    ticks = [
        (float(each.attrib["x"]), float(text(each)[:-1]) / 100)
        for each in recipes.section("configurations").iter(f"{SVG}text")
    ]
    (x0, a0), *_, (x1, a1) = ticks
    best = recipes.summary.best
    drawn = next(each for each in recipes.section("configurations").iter(f"{SVG}path") if each.get("class") == "seed")
    places = find_places(drawn)
    expected = [x0 + (accuracy - a0) / (a1 - a0) * (x1 - x0) for accuracy in best.accuracies]
    assert places == pytest.approx(expected, abs=0.3)
    ends = [place for row in recipes.section("configurations").iter(f"{SVG}path") for place in find_places(row)]
    assert min(ends) < 30
    assert max(ends) > 190


def test_seeds_link_to_the_reports_that_exist(recipes: Page) -> None:
    """The first run has no report; links are relative, so that the folder can move."""
    links = [each.attrib["href"] for each in recipes.section("configurations").iter("a")]
    links = [link for link in links if not link.startswith("#")]
    assert len(links) == 14
    assert all((recipes.folder / unquote(link)).is_file() for link in links)
    assert not any(link.startswith("/") for link in links)


def test_the_best_is_claimed_only_if_each_difference_is_significant(recipes: Page) -> None:
    """The headline, the verdicts and the sentence above them agree."""
    assert (
        recipes.headline
        == f"cnn is the best of 3 configurations, mean test accuracy {recipes.summary.best_mean.accuracy:.1%}."
    )
    rows = recipes.rows("differences")
    assert [row[0] for row in rows] == ["mlp", "baseline"]
    assert [row[3] for row in rows] == ["significant"] * 2
    assert "cnn, which ranks first, is significantly more accurate than each of the 2 others" in text(
        recipes.section("differences")
    )
    assert [row[0] for row in recipes.rows("differences", 1)] == ["mlp \N{MINUS SIGN} baseline"]


def test_close_configurations_have_no_best(tmp_path: Path) -> None:
    """The page says which ones are not significantly different, and how a choice flatters."""
    runs = [
        run for rate in (0.001, 0.002, 0.004) for run in make_seeds(1.3, 3, learning_rate=rate, key=int(1000 * rate))
    ]
    page = Page(tmp_path, runs)
    assert page.headline.endswith("; none of the other 2 is significantly different.")
    assert " is the best of" not in page.headline
    assert {row[3] for row in page.rows("differences")} == {"not significant"}
    assert page.summary.ranking.optimism
    expected = f"the accuracy of the best would be {100 * page.summary.ranking.optimism:.2f} points too high"
    assert expected in page.note


def test_single_seeds_compare_networks(tmp_path: Path) -> None:
    """The page names the networks, and recommends more seeds."""
    page = Page(
        tmp_path, [make_swept_run(level, 3, recipe=recipe) for recipe, level in (("baseline", 1.0), ("mlp", 2.0))]
    )
    assert page.headline.startswith("The network of mlp is the best of 2 networks, test accuracy ")
    assert page.rows("differences")[0][4] == "networks, seeds 3 and 3"
    assert "the result says nothing about another seed" in text(page.section("differences"))
    assert page.findings == [
        (
            "With one seed, trained networks are compared, not configurations: another seed may change the order. "
            "Train the first ranks again with at least five seeds."
        )
    ]


def test_some_single_seeds_are_not_passed_off_as_configurations(tmp_path: Path) -> None:
    """The best has two seeds, another one has one: that pair compares networks."""
    runs = [*make_seeds(1.0, 1), *make_seeds(1.1, 4, recipe="mlp"), *make_seeds(4.0, 2, recipe="cnn", n_parameters=5)]
    page = Page(tmp_path, runs)
    assert page.headline.endswith(
        "its lead is significant, but some have one seed, so that only networks can be compared."
    )
    assert sorted(row[4] for row in page.rows("differences")) == ["configurations", "networks, seeds 0 and 0"]


def test_a_sweep_without_validation_says_that_test_images_chose(tmp_path: Path) -> None:
    """And by how much that flatters; differences have no intervals then."""
    runs = [
        make_swept_run(1.3, seed, learning_rate=rate, key=index, validation_split=0.0)
        for index, rate in enumerate((0.001, 0.002, 0.003))
        for seed in range(2)
    ]
    page = Page(tmp_path, runs)
    assert page.note.startswith(
        "Ranked by mean accuracy on the 1,000 test images, because a run has no validation images."
    )
    assert f"{100 * (page.summary.ranking.optimism or 0):.2f} points too high" in page.note
    assert "There are no intervals, because the test images also chose" in text(page.section("differences"))
    assert all(" to " not in row[1] for row in page.rows("differences"))
    assert "Two seeds show only very large differences" in page.findings[0]


def test_failures_are_listed_and_come_first(tmp_path: Path) -> None:
    """Their names and errors are escaped."""
    page = Page(tmp_path, make_seeds(1.3, 2), {"mlp-seed3": "diverged: <b>NaN</b>", "b": "killed"})
    assert page.findings[0] == "2 runs have no result; the page leaves them out."
    assert text(page.section("failures").find("p")) == "2 runs have no result. Nothing else on this page includes them."
    assert page.rows("failures") == [["mlp-seed3", "diverged: <b>NaN</b>"], ["b", "killed"]]


def test_a_trial_without_a_result_is_no_failed_run(tmp_path: Path) -> None:
    """A search avoids settings that diverge or exclude each other."""
    page = Page(tmp_path, make_seeds(1.3, 2), {"trial-0003": "diverged: the loss is NaN"})
    assert page.findings[0] == "1 trial has no result; the page leaves it out."
    assert text(page.section("failures").find("p")) == "1 trial has no result. Nothing else on this page includes it."
    assert "fail" not in text(page.tree.find(".//header")) + text(page.tree.find(".//main"))


def test_a_better_configuration_on_the_test_images_is_a_finding(tmp_path: Path) -> None:
    """Validation accuracy ranks, but the page does not hide what the test images show."""
    runs = make_seeds(3.0, 4, recipe="mlp")
    worse = set_validation(make_seeds(1.0, 4, recipe="baseline"), 0.999)
    page = Page(tmp_path, [*runs, *worse])
    assert page.summary.best.label == "baseline"
    assert page.headline.endswith("another one is significantly more accurate on the test images.")
    assert page.findings[0].startswith("mlp is significantly more accurate on the test images than the first rank, by ")


def test_a_ranking_by_different_validation_images_is_a_finding(tmp_path: Path) -> None:
    """Not if the test images rank, because a configuration has no validation images."""
    splits = {split: make_seeds(1.3, 2, validation_split=split, key=key) for key, split in enumerate((0.1, 0.2, 0.0))}
    page = Page(tmp_path / "a", [*splits[0.1], *splits[0.2]])
    assert page.findings[0].startswith("The configurations were validated on different images, so their ")
    page = Page(tmp_path / "b", [*splits[0.1], *splits[0.0]])
    assert not any("different images" in each for each in page.findings)


def test_a_tie_is_a_finding(tmp_path: Path) -> None:
    """Test-time augmentation does not change the validation accuracy."""
    page = Page(tmp_path, [run for each in ("none", "flip") for run in make_seeds(1.3, 2, test_time=each)])
    assert page.findings[0].startswith("2 configurations share the first rank: their validation accuracy is the same.")
    assert "cannot rank the values of test time" in page.findings[0]
    assert [row[0] for row in page.rows("configurations")] == ["1", "1"]
    assert page.headline.startswith("baseline, test time none shares the first rank of 2 configurations, ")
    assert page.tiles[1][0] == "Against the next of equal rank"
    assert "baseline, test time none, which shares the first rank, " in text(page.section("differences"))


def test_a_cheap_configuration_that_is_about_as_good_is_a_finding(tmp_path: Path) -> None:
    """Half the time, not significantly different, and at most one point worse with 95 % confidence."""
    slow = set_validation(make_seeds(1.3, 10, n=4000, batch_size=32, training_s=20.0), 0.95)
    fast = set_validation(make_seeds(1.3, 10, n=4000, batch_size=64, training_s=9.0), 0.94)
    shown = Page(tmp_path / "a", [*slow, *fast]).findings
    expected = (
        "baseline, batch size 64 trains in 9.4 s instead of 20.4 s, and its accuracy is not significantly "
        "different: 0.0 points."
    )
    assert shown == [expected]
    slower = set_validation(make_seeds(1.3, 10, n=4000, batch_size=128, training_s=11.0), 0.94)
    assert Page(tmp_path / "b", [*slow, *slower]).findings == []
    same = set_validation(make_seeds(1.3, 10, n=4000, learning_rate=0.002, training_s=9.0), 0.94)
    page = Page(tmp_path / "d", [*slow, *same])
    assert page.findings == [], "the same work is not cheaper"
    assert len({row[7] for row in page.rows("configurations")}) == 1
    unclear = [*set_validation(make_seeds(1.3, 2, training_s=20.0), 0.95), *make_seeds(1.3, 2, dropout=0.1, key=1)]
    assert not any(" trains in " in each for each in Page(tmp_path / "c", unclear).findings)


def test_a_cheap_configuration_that_was_picked_among_many_needs_a_narrower_interval(tmp_path: Path) -> None:
    """Each interval would be narrow enough by itself."""
    runs = set_validation(make_seeds(1.3, 10, n=1600, batch_size=32, training_s=20.0), 0.95)
    for size in (64, 128, 256):
        runs += set_validation(make_seeds(1.3, 10, n=1600, batch_size=size, training_s=9.0), 0.94)
    page = Page(tmp_path, runs)
    assert all(pair.interval and pair.interval.upper <= 0.01 for pair in page.summary.differences)
    assert not any(" trains in " in each for each in page.findings)


def test_a_setting_that_always_matters_is_a_finding(tmp_path: Path) -> None:
    """Each pair of configurations that differ only in it differs significantly."""
    runs = [
        run
        for rate, level in ((0.001, 2.5), (0.01, 1.0))
        for dropout in (0.1, 0.2)
        for run in make_seeds(level, 4, learning_rate=rate, dropout=dropout, key=int(10 * dropout))
    ]
    page = Page(tmp_path, runs)
    expected = "Learning rate 0.001 is significantly better than 0.01 with each of 2 combinations of the other settings"
    assert any(each.startswith(expected) for each in page.findings)
    assert len(page.section("settings").findall(".//figure")) == 2


def test_an_unbalanced_grid_shows_no_effect(tmp_path: Path) -> None:
    """The section says why."""
    cells = ((0.001, 0.1), (0.001, 0.2), (0.002, 0.1))
    page = Page(tmp_path, [make_swept_run(1.3, 0, learning_rate=rate, dropout=dropout) for rate, dropout in cells])
    assert "Learning rate, dropout: no effect is shown" in text(page.section("settings"))
    assert page.section("settings").find(".//figure") is None


def test_settings_of_all_runs_are_under_the_headline(tmp_path: Path) -> None:
    """Those that are not the recipe's, also in sweep.json."""
    page = Page(tmp_path / "a", make_seeds(1.3, 2, epochs=1, batch_size=64))
    assert text(page.tree.find(".//p[@class='note shared']")) == "All runs: epochs 1, batch size 64."
    assert json.loads(encode_sweep(page.summary, tmp_path))["settings"] == {"epochs": 1, "batch_size": 64}
    assert Page(tmp_path / "b", make_seeds(1.3, 2, epochs=5)).tree.find(".//p[@class='note shared']") is None


@pytest.mark.parametrize("objective", ["accuracy", "loss"])
def test_a_search_says_that_it_is_one(tmp_path: Path, objective: Objective) -> None:
    """Its trials by their end, the objective, and charts of it; no word of effects."""
    rates = (0.001, 0.004, 0.03)
    trials = [
        SearchTrial(
            name=f"trial-{index:04}",
            state="complete" if index < 3 else "pruned",
            objective=(0.8, 0.85, 0.1)[index] if index < 3 else None,
            values={"learning_rate": (*rates, 0.01)[index], "augment": "none"},
        )
        for index in range(4)
    ]
    search = SearchHistory(
        objective=objective, trials=trials, parameters=["learning_rate", "augment"], ranges={"learning_rate": True}
    )
    folders = write_runs(tmp_path, [make_swept_run(1.3, 0, learning_rate=rate) for rate in rates])
    summary = summarize_sweep(collect_runs(folders, {}, search=search))
    page = render_sweep_page(summary, tmp_path).decode()
    tree: ET.Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert "search of 4 trials" in text(tree.find(".//p[@class='identity']"))
    assert tree.find(".//section[@id='settings']") is None
    section = tree.find(".//section[@id='search']")
    assert section is not None
    goal = "highest validation accuracy" if objective == "accuracy" else "lowest validation loss"
    assert text(section.find(".//p")).startswith(f"4 trials: 3 complete, 1 pruned. The search looks for the {goal}; ")
    assert [text(each.find(".//b")) for each in section.iter("figure")] == [
        *("Trials in order", "Learning rate", "Augment")
    ]
    assert section.find(".//a[@href='trials.csv']") is not None
    best = {"accuracy": "the best is trial 1 with 0.8500", "loss": "the best is trial 2 with 0.1000"}[objective]
    assert best in page
    assert f"the best has {0.004 if objective == 'accuracy' else 0.03}" in page
    stored = json.loads(encode_sweep(summary, tmp_path))["search"]
    assert stored == {"objective": objective, "trials": 4, "states": {"complete": 3, "pruned": 1}}


def make_search_page(folder: Path, n_pruned: int, parameters: Sequence[str] = ("learning_rate",)) -> tuple[float, str]:
    """The optimism and the page of a search of two complete trials with two seeds, and some pruned ones."""
    rates = (0.001, 0.004)
    runs = [run for rate in rates for run in make_seeds(1.3, 2, learning_rate=rate, key=int(1000 * rate))]
    values = dict.fromkeys(parameters, 1) | {"learning_rate": 0.001}
    trials = [
        SearchTrial(name=f"trial-{index}", state="complete", objective=0.8, values=values | {"learning_rate": rate})
        for index, rate in enumerate(rates)
    ]
    trials += [SearchTrial(name="trial-9", state="pruned", objective=None, values=values)] * n_pruned
    search = SearchHistory(objective="accuracy", trials=trials, parameters=parameters, ranges={"learning_rate": True})
    summary = summarize_sweep(collect_runs(write_runs(folder, runs), {}, search=search))
    return summary.ranking.optimism or 0.0, render_sweep_page(summary, folder).decode()


def test_pruned_trials_were_candidates(tmp_path: Path) -> None:
    """The best of more candidates is luckier."""
    (few, page), (many, other) = make_search_page(tmp_path / "a", 0), make_search_page(tmp_path / "b", 8)
    assert few > 0
    assert many / few == pytest.approx(1.53875 * math.sqrt(math.pi), rel=1e-4)  # the maxima of 10 and of 2
    assert "The best of 2 also has lucky seeds" in page
    assert "The best of 10, pruned trials included, also has lucky seeds" in other


def test_a_search_of_many_settings_names_those_without_a_chart(tmp_path: Path) -> None:
    """It draws eleven."""
    names = ("learning_rate", "epochs", "batch_size", "dropout", "weight_decay", "label_smoothing", "warm_up")
    more = ("average", "early_stopping", "momentum", "hidden", "width", "depth")
    _, page = make_search_page(tmp_path, 0, (*names, *more))
    assert "Without a chart: width, depth." in page
    assert "Without a chart" not in make_search_page(tmp_path / "few", 0)[1]


def test_a_setting_with_one_value_takes_no_part_in_findings(tmp_path: Path) -> None:
    """The plan varies it, but only one of its values has results."""
    runs = make_seeds(1.3, 1, test_time="none")
    runs += make_seeds(1.3, 1, test_time="none", learning_rate=0.01)
    runs = set_validation(runs, 0.9)
    found = collect_runs(write_runs(tmp_path / "a", runs), {}, varied=["test_time", "validation_split"])
    assert found.varying == ["learning_rate"]
    shown = [" ".join(map(str, each.text)) for each in list_sweep_findings(summarize_sweep(found))]
    assert any("share the first rank" in each for each in shown)
    assert not any("test-time augmentation" in each or "different images" in each for each in shown)
    levels = ((0.001, 2.5), (0.01, 1.0))
    matters = [run for rate, level in levels for run in make_seeds(level, 4, learning_rate=rate)]
    single = collect_runs(write_runs(tmp_path / "b", matters), {}, varied=["dropout"])
    assert [each.is_consistent for each in summarize_sweep(single).effects] == [True]
    assert not any(each.anchor == "settings" for each in list_sweep_findings(summarize_sweep(single)))


def test_the_tile_says_whether_times_are_pooled(tmp_path: Path) -> None:
    """Only if another network did the same work as the best."""
    alone = [*make_seeds(1.3, 1, batch_size=32), *make_seeds(1.3, 1, batch_size=64)]
    assert "median" not in " ".join(Page(tmp_path / "a", alone).tiles[3])
    same = [*make_seeds(1.3, 1, learning_rate=0.01), *make_seeds(1.3, 1, learning_rate=0.02)]
    assert "median of trainings with the same work" in Page(tmp_path / "b", same).tiles[3]


def test_a_single_run_has_a_page(tmp_path: Path) -> None:
    """Without anything to compare."""
    page = Page(tmp_path, [make_swept_run(1.3, 0)])
    assert page.sections == ["configurations", "runs"]
    assert re.fullmatch(r"baseline classifies [\d.]+% of 1,000 test images correctly, with 1 seed\.", page.headline)
    assert page.findings == []
    assert text(page.tree.find(".//div[@id='command']")) == "python -m job --recipe baseline --seed 0"


def test_the_command_of_a_run_on_a_cluster_is_that_of_the_plan(tmp_path: Path) -> None:
    """The record has it; the settings have the temporary folders of the node."""
    run = make_swept_run(1.3, 0, data="/tmp/node/fashion-mnist", output="run")
    command = "python -m job --data my-data --output sweep/runs/baseline-seed0"
    run = replace(run, provenance=replace(run.provenance, command=command))
    page = Page(tmp_path, [run])
    assert text(page.tree.find(".//div[@id='command']")) == command
    assert "/tmp/node" not in page.source
    assert b"/tmp/node" not in encode_sweep(page.summary, tmp_path)


def test_a_single_configuration_shows_its_seeds(tmp_path: Path) -> None:
    """Its mean, without an optimism, because nothing was chosen, and without a best or a first rank."""
    page = Page(tmp_path, make_seeds(1.3, 10))
    assert not re.search("of the best|best of|ranks first|picking the best", page.source)
    assert [tile[0] for tile in page.tiles] == ["Test accuracy", "Test loss", "Spread over the seeds", "Training time"]
    assert page.headline.endswith("correctly, on average over 10 seeds.")
    assert "too high" not in page.note
    assert page.rows("configurations")[0][9] == "0 1 2 3 4 5 6 7 8 9"


@pytest.mark.parametrize("n_classes", [2, 100])
def test_the_number_of_classes_does_not_matter(tmp_path: Path, n_classes: int) -> None:
    """Classes do not appear on the page but for their number."""
    page = Page(tmp_path, make_seeds(1.3, 2, n_classes=n_classes))
    assert f"classes{n_classes}" in " ".join(text(each) for each in page.section("runs").iter("div"))


def test_unknown_numbers_of_parameters_leave_the_chart_out(tmp_path: Path) -> None:
    """Of results without them, and of some with them."""
    runs = [make_swept_run(1.3, 0, n_parameters=None), make_swept_run(1.4, 0, recipe="mlp")]
    page = Page(tmp_path, runs)
    assert len(page.section("cost").findall(".//figure")) == 1
    assert {row[7] for row in page.rows("configurations")} == {"unknown", "109,386"}


def test_a_network_that_learned_nothing_does_not_squeeze_the_others(tmp_path: Path) -> None:
    """It is drawn at the left end, and the page says so."""
    rates = {0.001: 1.3, 0.002: 1.4, 0.003: 1.35, 5.0: 0.0}
    page = Page(tmp_path, [make_swept_run(level, 0, learning_rate=rate) for rate, level in rates.items()])
    assert "1 accuracy is below the axis and drawn at its left end" in text(page.section("configurations"))


def test_many_configurations_keep_the_page_light(tmp_path: Path) -> None:
    """60 configurations: all in the table, 50 differences, no list of the 1,711 other pairs."""
    runs = [make_swept_run(1.3, 0, learning_rate=(index + 1) / 10_000, n=300) for index in range(60)]
    page = Page(tmp_path, runs)
    assert len(page.rows("configurations")) == 60
    assert len(page.rows("differences")) == 50
    assert page.section("differences").find(".//details") is None
    assert len(page.source) < 150_000


def test_the_page_has_no_script_or_style_but_its_own(recipes: Page) -> None:
    """Its Content-Security-Policy forbids every request; nothing in it has a style attribute."""
    policy = next(each for each in recipes.tree.iter("meta") if each.get("http-equiv")).attrib["content"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert not [each for each in recipes.tree.iter() if "style" in each.attrib or each.tag == "img"]
    assert "http://" not in recipes.source.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in recipes.source


def test_the_frontier_is_listed_and_labelled(recipes: Page) -> None:
    """By time all three recipes; by parameters the better of the two of equal size."""
    lists = [[text(row) for row in each] for each in recipes.section("cost").findall(".//ul[@class='frontier']")]
    assert [[row.split()[1] for row in each] for each in lists] == [["baseline", "mlp", "cnn"], ["mlp", "cnn"]]
    labels = [{text(each) for each in figure.iter(f"{SVG}text")} for figure in recipes.section("cost").iter("figure")]
    assert {"baseline", "mlp", "cnn"} <= labels[0]
    assert {"mlp", "cnn"} <= labels[1]
    assert "baseline" not in labels[1]


@pytest.mark.parametrize("recipes", [["baseline"], ["baseline", "mlp"]])
def test_ranges_are_explained_only_if_there_are_some(tmp_path: Path, recipes: list[str]) -> None:
    """Few test images have no interval over seeds and images."""
    for n, has_ranges in ((1000, True), (20, len(recipes) > 1)):  # two recipes are compared as networks
        runs = [make_swept_run(1.0, seed, n=n, recipe=recipe) for recipe in recipes for seed in range(2)]
        page = Page(tmp_path / str(n), runs)
        assert ("Ranges are 95% confidence intervals" in text(page.tree.find(".//header"))) == has_ranges
        found = [text(each) for each in page.tree.findall(".//span[@class='interval']")]
        assert any(re.search(r"\d", each) for each in found) == has_ranges
