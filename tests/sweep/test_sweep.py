"""The command `sweep`, with stubs in place of the trainings."""

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from stubs import StubbedSweep, make_stubbed_sweep
from support import ErrorOf, is_alive, wait_until

if TYPE_CHECKING:
    import subprocess

NAMES = [f"baseline-seed{seed}" for seed in range(4)]
FOUR = ("--seeds", "0-3", "--parallel", "2")


@pytest.fixture
def sweep(tmp_path: Path) -> StubbedSweep:
    """A sweep with stubs, all of which succeed."""
    return make_stubbed_sweep(tmp_path)


def last_line(done: "subprocess.CompletedProcess[str]") -> str:
    return done.stderr.splitlines()[-1]


def test_every_run_is_there_once_and_a_second_start_repeats_none(sweep: StubbedSweep) -> None:
    """Both print the page; what is printed by a run is its log."""
    for _ in range(2):
        done = sweep.run(*FOUR)
        assert done.returncode == 0, done.stderr
        assert str(sweep.output / "index.html") in done.stdout
        assert sweep.names() == NAMES
    assert sweep.finished() == NAMES
    assert sorted(path.stem for path in sweep.output.glob("logs/*.txt")) == NAMES


def test_as_many_runs_at_a_time_as_asked_for(sweep: StubbedSweep) -> None:
    """Two at a time: the first two wait for each other, and so do the last two. Never three."""
    pairs = zip(NAMES, (NAMES[1], NAMES[0], NAMES[3], NAMES[2]), strict=True)
    sweep.behave({name: [f"sleep 0.3 when attempts/{other}.0"] for name, other in pairs})
    assert sweep.run(*FOUR).returncode == 0
    attempts = sweep.attempts()
    running = [sum(a.began <= b.began < (a.ended or 0) for a in attempts) for b in attempts]
    assert max(running) == 2


@pytest.mark.parametrize("status", [64, 65, 69, 70, 73, 79])
def test_a_run_that_fails_stops_no_other_and_is_not_repeated(sweep: StubbedSweep, status: int) -> None:
    """The last line names the run, its error and its status; the same command then does only that run."""
    sweep.behave({NAMES[1]: [f"status {status}", "succeed"]})
    done = sweep.run(*FOUR)
    assert done.returncode == 1
    for text in ("1 of 4 runs failed", NAMES[1], f"the stub fails with {status}", f"(status {status})"):
        assert text in last_line(done)
    other = "change the setting, in another folder or with --fresh"
    advice = other if status in (64, 79) else "the same command repeats them"
    page = sweep.output / "index.html"
    assert last_line(done).endswith(f"(status {status}); {advice}; page of the others: {page}")
    assert sweep.names() == NAMES
    assert (sweep.output / "index.html").exists()
    assert sweep.run(*FOUR).returncode == 0
    assert sweep.names() == sorted([*NAMES, NAMES[1]])


def test_failures_of_both_kinds_can_be_repeated(sweep: StubbedSweep) -> None:
    """One of them may succeed without another setting."""
    sweep.behave({NAMES[0]: ["status 79"], NAMES[1]: ["status 69"]})
    done = sweep.run(*FOUR)
    assert "2 of 4 runs failed" in last_line(done)
    assert "the same command repeats them" in last_line(done)
    assert "--fresh" not in last_line(done)


def test_a_run_that_is_killed_is_repeated_twice(sweep: StubbedSweep) -> None:
    """The third attempt counts; after three killed ones the run has failed."""
    sweep.behave({NAMES[0]: ["kill", "status 143", "succeed"], NAMES[2]: ["kill"]})
    done = sweep.run(*FOUR)
    assert done.returncode == 1
    assert "1 of 4 runs failed" in last_line(done)
    assert "(status 137)" in last_line(done)
    counts = [sweep.names().count(name) for name in NAMES]
    assert counts == [3, 1, 3, 1]
    assert sweep.finished() == [NAMES[0], NAMES[1], NAMES[3]]


def test_a_run_without_a_complete_folder_has_failed(sweep: StubbedSweep) -> None:
    """Even if its status is 0."""
    sweep.behave({NAMES[3]: ["nothing"]})
    done = sweep.run(*FOUR)
    assert done.returncode == 1
    assert "its folder is incomplete" in last_line(done)


def test_all_runs_fail(sweep: StubbedSweep) -> None:
    """There is nothing to show, so there is no page."""
    sweep.behave({name: ["status 79"] for name in NAMES})
    done = sweep.run(*FOUR)
    assert done.returncode == 1
    assert last_line(done).startswith("fashion-job: error: all 4 runs failed")
    assert not (sweep.output / "index.html").exists()


def test_fail_fast_stops_the_others(sweep: StubbedSweep) -> None:
    """Those that run are stopped, and those that wait do not start."""
    sweep.behave({NAMES[0]: [f"status 65 when attempts/{NAMES[1]}.0"], NAMES[1]: ["sleep 60"]})
    done = sweep.run(*FOUR, "--fail-fast")
    assert done.returncode == 1
    assert "--fail-fast" in last_line(done)
    assert sweep.names() == NAMES[:2]
    assert not any(is_alive(attempt.pid) for attempt in sweep.attempts())


@pytest.mark.parametrize("action", ["sleep 60", "deaf 60"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_within_five_seconds(sweep: StubbedSweep, action: str, number: signal.Signals) -> None:
    """Also runs that ignore SIGTERM; what is finished stays, and the same command does the rest."""
    sweep.behave({name: [action] for name in NAMES[1:]})
    process = sweep.start(*FOUR)
    wait_until(lambda: sweep.names() == NAMES[:3] and sweep.finished() == NAMES[:1])
    began = time.monotonic()
    process.send_signal(number)
    _, stderr = process.communicate()
    assert time.monotonic() - began < 5
    assert process.returncode == 128 + number
    assert "1 of 4 runs are finished; the same command does the others" in stderr.splitlines()[-1]
    assert not any(is_alive(attempt.pid) for attempt in sweep.attempts())
    sweep.behave({})
    assert sweep.run(*FOUR).returncode == 0
    assert sweep.finished() == NAMES
    assert sweep.names().count(NAMES[0]) == 1


@pytest.mark.parametrize("action", ["sleep 60", "deaf 60"])
def test_nothing_outlives_a_killed_driver(sweep: StubbedSweep, action: str) -> None:
    """The runs end by themselves, and the same command does what is missing."""
    sweep.behave({name: [action] for name in NAMES[1:]})
    process = sweep.start(*FOUR)
    wait_until(lambda: sweep.names() == NAMES[:3] and sweep.finished() == NAMES[:1])
    process.kill()
    process.communicate()
    wait_until(lambda: not any(is_alive(attempt.pid) for attempt in sweep.attempts()), timeout_s=10)
    sweep.behave({})
    assert sweep.run(*FOUR).returncode == 0
    assert [sweep.names().count(name) for name in NAMES] == [1, 2, 2, 1]
    assert sweep.finished() == NAMES


def test_nothing_outlives_a_killed_worker(sweep: StubbedSweep) -> None:
    """Its run ends, and is repeated."""
    sweep.behave({NAMES[0]: ["deaf 60", "succeed"]})
    process = sweep.start(*FOUR)
    wait_until(lambda: NAMES[0] in sweep.names())
    pid = next(attempt.pid for attempt in sweep.attempts() if attempt.name == NAMES[0])
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        os.kill(int(file.read().rsplit(")", 1)[1].split()[1]), signal.SIGKILL)
    process.communicate()
    assert process.returncode == 0
    assert not is_alive(pid)
    assert sweep.finished() == NAMES


def test_two_sweeps_in_one_folder(sweep: StubbedSweep) -> None:
    """The second one is refused in one line."""
    sweep.behave({NAMES[0]: ["sleep 60"]})
    process = sweep.start(*FOUR)
    wait_until(lambda: NAMES[0] in sweep.names())
    done = sweep.run(*FOUR)
    process.terminate()
    process.communicate()
    assert done.returncode == 73
    assert done.stderr == (
        f"fashion-job: error: --output {sweep.output}: another sweep runs in this folder; wait for it, or name another "
        "folder\n"
    )


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        (("--seeds", "0-4"), "seeds is 0-3 there and 0-4 now"),
        (("--seeds", "0-3", "--set", "dropout=0.5"), "dropout is not set there and 0.5 now"),
        (("--seeds", "0-3", "--recipe", "mlp"), "recipe is baseline there and mlp now"),
        (("--seeds", "0-3", "--threads", "7"), "threads is 1 there and 7 now"),
    ],
)
def test_another_plan_is_refused(sweep: StubbedSweep, options: tuple[str, ...], difference: str) -> None:
    """The line names the difference; nothing runs and nothing is changed."""
    assert sweep.run(*FOUR, "--threads", "1").returncode == 0
    done = sweep.run(*options)
    assert done.returncode == 64
    assert f"plan.json is of another sweep: {difference}; " in last_line(done)
    assert sweep.names() == NAMES


def test_new_seeds_have_a_way_out(sweep: StubbedSweep) -> None:
    """The line names the new seeds; both folders have one page."""
    assert sweep.run("--seeds", "0-2", "--threads", "1").returncode == 0
    done = sweep.run("--seeds", "0-3,5", "--threads", "1")
    assert done.returncode == 64
    assert "train the new seeds (--seeds 3,5) in another folder (--output), and make the page of both" in last_line(
        done
    )


def test_fresh_starts_over(sweep: StubbedSweep) -> None:
    """With another plan, too; nothing of the earlier one stays, although the new runs fail."""
    assert sweep.run("--seeds", "0").returncode == 0
    sweep.behave({"baseline-seed7": ["status 79"]})
    assert sweep.run("--seeds", "7", "--fresh").returncode == 1
    assert sweep.finished() == []
    assert [path.stem for path in sweep.output.glob("logs/*")] == ["baseline-seed7"]
    assert sorted(path.name for path in sweep.output.iterdir()) == [".lock", "logs", "plan.json", "runs"]


@pytest.mark.parametrize(
    "name", ["runs/keep.txt", "runs/mine/z", "runs/baseline-seed0/my-notes.txt", "runs/link", "logs/notes.md"]
)
def test_fresh_keeps_what_no_run_wrote(sweep: StubbedSweep, name: str) -> None:
    """It removes nothing, and names the file. What a killed run left is the job's own."""
    assert sweep.run("--seeds", "0").returncode == 0
    path = sweep.output / name
    path.parent.mkdir(exist_ok=True)
    if name == "runs/link":
        path.symlink_to(sweep.data)
    else:
        path.touch()
    before = sorted(sweep.output.rglob("*"))
    done = sweep.run("--seeds", "7", "--fresh")
    assert done.returncode == 73
    assert f"--fresh would remove {path}, which no run wrote; move it, or name another folder" in last_line(done)
    assert sorted(sweep.output.rglob("*")) == before
    path.unlink()
    if name == "runs/mine/z":
        path.parent.rmdir()
    killed = sweep.output / "runs" / "baseline-seed1"
    (killed / ".unfinished-fashion-job-x" / "new").mkdir(parents=True)
    (killed / ".unfinished-fashion-job-x" / "new" / "index.html").touch()
    (killed / "exports").mkdir()
    (killed / "exports" / "model-card.md").touch()
    assert sweep.run("--seeds", "7", "--fresh").returncode == 0
    assert sweep.finished() == ["baseline-seed7"]


@pytest.mark.parametrize("name", ["runs", "logs"])
def test_fresh_refuses_a_file_instead_of_a_folder(sweep: StubbedSweep, name: str) -> None:
    """Before it removes anything."""
    assert sweep.run("--seeds", "0").returncode == 0
    shutil.rmtree(sweep.output / name)
    (sweep.output / name).touch()
    before = sorted(sweep.output.rglob("*"))
    done = sweep.run("--seeds", "7", "--fresh")
    assert done.returncode == 73
    assert f"--fresh would remove {sweep.output / name}, which no run wrote" in last_line(done)
    assert sorted(sweep.output.rglob("*")) == before


def test_a_page_that_no_sweep_wrote_is_not_replaced_silently(sweep: StubbedSweep) -> None:
    """A line says so before training, and only once."""
    sweep.output.mkdir()
    (sweep.output / "index.html").write_text("mine")
    warning = f"{sweep.output / 'index.html'}: the page of the sweep will replace it, although no sweep wrote it"
    assert warning in sweep.run("--seeds", "0").stderr
    assert "will replace it" not in sweep.run("--seeds", "0").stderr


@pytest.mark.parametrize("words", [("--epochs", "1"), ("render",)])
def test_a_run_does_not_replace_the_page_of_a_sweep(sweep: StubbedSweep, error_of: ErrorOf, words: list[str]) -> None:
    """Nothing is trained, and the sweep can continue. The page of --collect is one, too."""
    data = [] if words[0] == "render" else ["--data", str(sweep.data)]
    assert sweep.run("--seeds", "0").returncode == 0
    assert sweep.run("--collect", str(sweep.output), "--output", str(sweep.folder / "page")).returncode == 0
    for folder in (sweep.output, sweep.folder / "page"):
        before = sorted(folder.rglob("*"))
        error = error_of(73, *words, *data, "--output", str(folder))
        assert (
            f"--output {folder}: is the folder of a sweep, whose page the report would replace; name another" in error
        )
        assert sorted(folder.rglob("*")) == before
    assert sweep.run("--seeds", "0").returncode == 0


@pytest.mark.parametrize(("options", "status"), [(("--data", "nowhere"), 65), (("--cluster", "127.0.0.1:1"), 69)])
def test_fresh_removes_nothing_before_all_is_checked(
    sweep: StubbedSweep, options: tuple[str, ...], status: int
) -> None:
    """The data set, and the cluster."""
    assert sweep.run("--seeds", "0").returncode == 0
    before = {path: path.stat().st_mtime_ns for path in sweep.output.rglob("*") if path.name != ".lock"}
    assert sweep.run("--seeds", "7", "--fresh", *options).returncode == status
    assert {path: path.stat().st_mtime_ns for path in sweep.output.rglob("*") if path.name != ".lock"} == before


def test_a_damaged_run_is_repeated(sweep: StubbedSweep) -> None:
    """Whichever of the files that the page reads has changed; logs/ may be gone."""
    assert sweep.run("--seeds", "0-1").returncode == 0
    for name, file in (("baseline-seed0", "predictions.csv"), ("baseline-seed1", "metrics.json")):
        with (sweep.output / "runs" / name / file).open("a") as damaged:
            damaged.write("\n")
    shutil.rmtree(sweep.output / "logs")
    done = sweep.run("--seeds", "0-1")
    assert done.returncode == 0, done.stderr
    assert sweep.names() == ["baseline-seed0", "baseline-seed0", "baseline-seed1", "baseline-seed1"]
    for name, file in (("baseline-seed0", "predictions.csv"), ("baseline-seed1", "metrics.json")):
        problem = f"is damaged: {file} was changed, or is missing; it is trained again"
        assert f"{sweep.output / 'runs' / name} {problem}" in done.stderr


def test_the_output_folder_of_a_run_is_refused_at_once(sweep: StubbedSweep) -> None:
    """Nothing is trained, and the folder stays as it is."""
    before = sorted((sweep.folder / "template").iterdir())
    done = sweep.run("--seeds", "0", "--output", str(sweep.folder / "template"))
    assert done.returncode == 73
    assert "is the output folder of a run, whose report the page would replace" in last_line(done)
    assert sweep.names() == []
    assert sorted((sweep.folder / "template").iterdir()) == before


def test_a_file_as_output_is_refused(sweep: StubbedSweep) -> None:
    """As an output that cannot be written."""
    sweep.output.touch()
    done = sweep.run("--seeds", "0")
    assert done.returncode == 73
    assert f"--output {sweep.output}: " in last_line(done)


def test_collect_lists_the_planned_runs_that_are_missing(sweep: StubbedSweep) -> None:
    """One has failed, one is damaged, and one has not begun; there is a page of the other one."""
    sweep.behave({NAMES[1]: ["status 79"], NAMES[3]: ["status 79"]})
    assert sweep.run(*FOUR).returncode == 1
    with (sweep.output / "runs" / NAMES[2] / "predictions.csv").open("a") as damaged:
        damaged.write("\n")
    (sweep.output / "logs" / f"{NAMES[3]}.txt").unlink()
    done = sweep.run("--collect", str(sweep.output))
    assert done.returncode == 1
    assert json.loads((sweep.output / "sweep.json").read_text())["failures"] == {
        NAMES[1]: "the stub fails with 79",
        NAMES[2]: "is damaged: predictions.csv was changed, or is missing",
        NAMES[3]: "has no result; the command that began the sweep trains it",
    }
    page = sweep.output / "index.html"
    assert last_line(done).endswith(
        f"3 planned runs have no result, the first, {NAMES[1]}: the stub fails with 79; the page lists them: {page}"
    )
    (sweep.output / "plan.json").unlink()
    done = sweep.run("--collect", str(sweep.output), "--output", str(sweep.folder / "other"))
    assert done.returncode == 0, done.stderr
    assert f"{NAMES[2]} is damaged: predictions.csv was changed, or is missing; it is skipped" in done.stderr


def test_collect_names_the_log_of_the_service(sweep: StubbedSweep) -> None:
    """Which has what the run printed. The label keeps the setting that the plan varies."""
    options = ("--set", "learning-rate=0.001,0.002", "--threads", "1")
    assert sweep.run(*options, "--only-index", "0").returncode == 0
    assert sweep.run("--collect", str(sweep.output)).returncode == 1
    stored = json.loads((sweep.output / "sweep.json").read_text())
    name = "baseline-learning-rate-0.002-seed0"
    assert stored["failures"] == {name: "has no result; see the log of index 1 in the service that ran it"}
    assert stored["best"] == "baseline, learning rate 0.001"


def test_collect_finds_the_sweeps_in_a_folder(sweep: StubbedSweep) -> None:
    """Each with its plan; a run that was copied into both counts once, with a warning."""
    for name, seeds in (("a", "0-1"), ("b", "2-3")):
        assert sweep.run("--seeds", seeds, "--output", str(sweep.folder / "all" / name)).returncode == 0
    collect = ("--collect", str(sweep.folder / "all"), "--output", str(sweep.folder / "page"))
    assert sweep.run(*collect).returncode == 0
    stored = json.loads((sweep.folder / "page" / "sweep.json").read_text())
    assert [each["seed"] for each in stored["configurations"][0]["networks"]] == [0, 1, 2, 3]
    (sweep.folder / "all" / "b" / "plan.json").unlink()
    copy = sweep.folder / "all" / "b" / "runs" / "copy"
    shutil.copytree(sweep.folder / "all" / "a" / "runs" / "baseline-seed0", copy)
    done = sweep.run(*collect)
    assert done.returncode == 0, done.stderr
    assert "with the same predictions; it counts once" in done.stderr
    assert "4 configurations" not in done.stdout
    assert done.stdout.startswith("baseline, mean test accuracy ")


def test_collect_finds_runs_beside_a_sweep(sweep: StubbedSweep) -> None:
    """A folder of both, such as the working directory."""
    place = sweep.folder / "all"
    assert sweep.run("--seeds", "0-1", "--output", str(place / "sweep")).returncode == 0
    assert sweep.run("--seeds", "2", "--output", str(sweep.folder / "other")).returncode == 0
    shutil.copytree(sweep.folder / "other" / "runs" / "baseline-seed2", place / "artefacts")
    assert sweep.run("--collect", str(place), "--output", str(sweep.folder / "page")).returncode == 0
    stored = json.loads((sweep.folder / "page" / "sweep.json").read_text())
    assert [each["seed"] for each in stored["configurations"][0]["networks"]] == [0, 1, 2]


def test_list_writes_nothing(sweep: StubbedSweep) -> None:
    """It prints the plan, the number of runs, and an estimate of the time."""
    done = sweep.run("--list", "--seeds", "0,1", "--recipe", "baseline,mlp", "--set", "learning_rate=0.001,0.01")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["0", "baseline-learning-rate-0.001-seed0"]
    assert lines[7].split() == ["7", "mlp-learning-rate-0.01-seed1"]
    assert lines[8].startswith("8 runs: 4 configurations with 2 seeds; about ")
    assert not sweep.output.exists()


def test_only_index_does_one_run(sweep: StubbedSweep) -> None:
    """In the same folder, with the status of the run; a finished run is not repeated."""
    sweep.behave({NAMES[3]: ["status 79"]})
    for _ in range(2):
        assert sweep.run("--seeds", "0-3", "--only-index", "2").returncode == 0
    assert sweep.run("--seeds", "0-3", "--only-index", "3").returncode == 79
    assert sweep.names() == NAMES[2:]
    done = sweep.run("--seeds", "0-3", "--only-index", "4")
    assert done.returncode == 64
    assert "--only-index is 4, but the plan has the runs 0 to 3" in last_line(done)


def test_collect_finds_runs_anywhere(sweep: StubbedSweep) -> None:
    """A run, a folder of runs, and the folder of another sweep; it trains nothing."""
    assert sweep.run(*FOUR).returncode == 0
    page, runs = sweep.output / "index.html", sweep.output / "runs"
    for places in ([sweep.output], [runs], [runs / name for name in NAMES]):
        page.unlink()
        done = sweep.run(*(word for place in places for word in ("--collect", str(place))))
        assert done.returncode == 0, done.stderr
        assert page.exists()
    assert sweep.names() == NAMES
    done = sweep.run("--collect", str(sweep.data))
    assert done.returncode == 65
    assert f"--collect {sweep.data}: contains no finished run" in last_line(done)


def test_the_plan_is_json(sweep: StubbedSweep) -> None:
    """It has what is to run, and the data set by its hashes."""
    options = ("--set", "learning_rate=0.001,0.002", "--set", "epochs=5", "--seeds", "3,5-7", "--threads", "1")
    assert sweep.run(*options).returncode == 0
    plan = json.loads((sweep.output / "plan.json").read_text())
    assert plan["parameters"] == {"recipe": ["baseline"], "learning-rate": [0.001, 0.002]}
    assert (plan["settings"], plan["seeds"], plan["runs"], plan["threads"]) == ({"epochs": 5}, "3,5-7", 8, 1)
    assert sorted(plan["data"]) == ["test_images", "test_labels", "train_images", "train_labels"]
