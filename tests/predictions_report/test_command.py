import gzip
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from report_tables import CI, NAMES, PREDICTIONS, N, labels_of, read_metrics, report, table_of
from support import FASHION_NAMES, REPOSITORY, ErrorOf, make_predictions, make_run, predictions_of, read_tree, run_job

from job.__main__ import main
from job.config.prediction_files import PredictionFiles
from job.config.run_config import Config
from job.data.fashion_mnist import SHA256
from job.errors import DataError, OutputError, PackageError, UsageError
from job.evaluation.evaluate import evaluate
from job.log import Stopwatch
from job.predictions_report import build
from job.predictions_report.build import build_run, is_fashion_mnist
from job.predictions_report.command import read_files
from job.report.ci.publish import require_separate
from job.results.history import prepare_history
from job.results.output_folder.manifest import read_manifest
from job.results.run import Run


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(table_of())
    return path


def test_the_files_of_a_report(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of a training that apply, with a manifest; metrics.json says where the predictions are from."""
    report("--predictions", table, "--output", tmp_path / "out", "--name", "my model")
    assert (
        capsys.readouterr().out
        == f"accuracy {PREDICTIONS.accuracy:.4f} on 200 test images: {tmp_path}/out/index.html\n"
    )
    names = {"index.html", "metrics.json", "predictions.csv", *CI}
    assert read_tree(tmp_path / "out").keys() == names | {"SHA256SUMS"}
    assert read_manifest(tmp_path / "out").keys() == names
    metrics = read_metrics(tmp_path / "out")
    assert (metrics["training"], metrics["comparison"], metrics["schema_version"]) == (None, None, 5)
    provenance = metrics["provenance"]
    assert (provenance["name"], provenance["data"]["name"]) == ("my model", "table.csv")
    assert provenance["data"]["sha256"].keys() == {"table.csv"}
    words = f"--predictions {table} --name 'my model' --output {tmp_path}/out"
    assert provenance["command"] == f"python -m job report {words}"


def test_the_revision_is_that_of_the_predictions(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CI job can name it; that of the job in the image is another."""
    monkeypatch.setenv("FASHION_JOB_IMAGE_REVISION", "f" * 40)
    monkeypatch.delenv("FASHION_JOB_REVISION", raising=False)
    report("--predictions", table, "--output", tmp_path / "out")
    assert read_metrics(tmp_path / "out")["provenance"]["environment"]["revision"] == ""
    assert "f" * 12 not in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    monkeypatch.setenv("FASHION_JOB_REVISION", "e" * 40)
    report("--predictions", table, "--output", tmp_path / "out")
    assert read_metrics(tmp_path / "out")["provenance"]["environment"]["revision"] == "e" * 40
    assert "e" * 12 in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_files_of_one_name(tmp_path: Path) -> None:
    """Both have their hash."""
    for name in ("p", "y"):
        (tmp_path / name).mkdir()
    np.save(tmp_path / "p" / "test.npy", PREDICTIONS.probabilities)
    np.save(tmp_path / "y" / "test.npy", PREDICTIONS.y_true)
    files = PredictionFiles(predictions=str(tmp_path / "p" / "test.npy"), labels=str(tmp_path / "y" / "test.npy"))
    hashes = {
        key: hashlib.sha256((tmp_path / folder / "test.npy").read_bytes()).hexdigest()
        for key, folder in (("test.npy", "p"), ("--labels test.npy", "y"))
    }
    assert read_files(Config(), files).data.sha256 == hashes


def test_rounded_probabilities_can_be_rendered(tmp_path: Path) -> None:
    """Sums may differ from 1 by 0.001."""
    rows = [f"{number % 3},0.333,0.333,0.333" for number in range(30)]
    (tmp_path / "t.csv").write_text("\n".join(["true,p_0,p_1,p_2", *rows]))
    report("--predictions", tmp_path / "t.csv", "--output", tmp_path / "out")
    assert main(["render", "-q", "--output", str(tmp_path / "out")]) == 0


def test_the_same_predictions_in_all_formats(table: Path, tmp_path: Path) -> None:
    """The metrics are the same, whatever the files are."""
    y_true, probabilities = PREDICTIONS.y_true, PREDICTIONS.probabilities
    np.save(tmp_path / "p.npy", probabilities)
    np.savez(tmp_path / "all.npz", y_true=y_true, probs=probabilities)
    np.savez(tmp_path / "p.npz", probabilities)
    np.save(tmp_path / "y.npy", y_true)
    header = struct.pack(">4BI", 0, 0, 8, 1, N)
    (tmp_path / "y.idx.gz").write_bytes(gzip.compress(header + y_true.astype(np.uint8).tobytes()))
    (tmp_path / "y.txt").write_text("\n".join(NAMES[label] for label in y_true))
    (tmp_path / "classes.txt").write_text("\r\n".join(NAMES))
    (tmp_path / "named.csv").write_text(table_of(names=NAMES))
    for words in (
        {"predictions": table},
        {"predictions": tmp_path / "all.npz"},
        {"predictions": tmp_path / "p.npy", "labels": tmp_path / "y.npy"},
        {"predictions": tmp_path / "p.npz", "labels": tmp_path / "y.idx.gz"},
        {"predictions": tmp_path / "p.npy", "labels": tmp_path / "y.txt"},
        {"predictions": tmp_path / "named.csv"},
    ):
        names: dict[str, Any] = {name: str(path) for name, path in words.items()}
        files = PredictionFiles(**names, classes=str(tmp_path / "classes.txt"))
        run = build_run(read_files(Config(), files), Stopwatch())
        assert run.evaluation == evaluate(PREDICTIONS, NAMES, seed=0)


def test_the_predictions_of_a_run_are_a_table(tmp_path: Path) -> None:
    """They give the metrics of that run."""
    run = make_run(with_reference=True)
    run.write(tmp_path / "run")
    report("--predictions", tmp_path / "run" / "predictions.csv", "--output", tmp_path / "out")
    metrics = read_metrics(tmp_path / "out")["evaluation"]
    assert (metrics["accuracy"], metrics["loss"]) == (run.evaluation.accuracy, run.evaluation.loss)


@pytest.mark.parametrize(
    ("layout", "name", "has_images"),
    [("single", "table.csv", True), ("folder", "labels.csv", True), ("folder", "labels.csv", False)],
)
def test_render_gives_the_same_page(table: Path, tmp_path: Path, layout: str, name: str, *, has_images: bool) -> None:
    """With and without images and probabilities, from the files alone."""
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (N, 9, 7, 3), np.uint8))
    (table.parent / "labels.csv").write_text(labels_of())
    folder, words = tmp_path / "out", ["--images", tmp_path / "images.npy"] if has_images else []
    report("--predictions", tmp_path / name, *words, "--output", folder, "--layout", layout)
    expected = read_tree(folder)
    assert main(["render", "-q", "--output", str(folder), "--layout", layout]) == 0
    assert read_tree(folder) == expected
    assert (folder / "samples.npz").exists() == has_images
    assert any((folder / "report-images").glob("*")) == (has_images and layout == "folder")


def test_images_in_files(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A column of paths, relative to the folder of the table; without these files, a warning."""
    folder = tmp_path / "data"
    (folder / "pictures").mkdir(parents=True)
    lines = table.read_text().splitlines()
    rows = [f"pictures/{number}.png,{line}" for number, line in enumerate(lines[1:])]
    (folder / "table.csv").write_text("\n".join([f"path,{lines[0]}", *rows]))
    words = ["--predictions", folder / "table.csv", "--output", tmp_path / "out"]
    report(*words)
    warning = (
        f"{folder / 'table.csv'}: no picture in column path exists, the first would be {folder}/pictures/0.png, so"
    )
    assert warning in capsys.readouterr().err
    assert not (tmp_path / "out" / "samples.npz").exists()
    for number in range(N):
        Image.new("RGB", (3 + number % 2, 5), (number, 0, 9)).save(folder / "pictures" / f"{number}.png")
    report(*words)
    images = Run.read(tmp_path / "out").images
    assert {image.shape for image in images.values()} == {(5, 3, 3), (5, 4, 3)}
    assert all(image[0, 0].tolist() == [number, 0, 9] for number, image in images.items())


def test_names_of_which_some_are_no_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A warning names the first one, because the report then has no images."""
    header, *rows = table_of().splitlines()
    for suffix, warning in (
        (
            "heic",
            "table.csv, line 3, column path: 1.heic is not a PNG, JPEG, WebP, BMP, GIF or TIFF file, so the report",
        ),
        ("", None),
    ):
        names = ["0.png" if suffix else "0", f"1.{suffix}", *(f"{number}.JPG" for number in range(2, N) if suffix)]
        names += [str(number) for number in range(len(names), N)]
        lines = [f"{name},{row}" for name, row in zip(names, rows, strict=True)]
        (tmp_path / "table.csv").write_text("\n".join([f"path,{header}", *lines]))
        report("--predictions", tmp_path / "table.csv", "--output", tmp_path / "out")
        log = capsys.readouterr().err
        assert warning in log if warning else "is not a PNG" not in log


def test_a_training_as_reference(tmp_path: Path) -> None:
    """The classes get its names, and the comparison is that of the same predictions by the library."""
    reference = make_run()
    reference.write(tmp_path / "reference")
    now = make_predictions(100, 10, seed=1)
    now = replace(now, y_true=reference.predictions.y_true)
    (tmp_path / "t.csv").write_text(table_of(now))
    report("--predictions", tmp_path / "t.csv", "--reference", tmp_path / "reference", "--output", tmp_path / "out")
    run = Run.read(tmp_path / "out")
    assert run.evaluation.class_names == list(FASHION_NAMES)
    assert run.comparison is not None
    assert run.comparison.counts.current == now.accuracy
    assert run.comparison.counts.reference == reference.evaluation.accuracy
    assert run.comparison.loss is not None
    assert run.comparison.loss.reference == pytest.approx(reference.evaluation.loss)


def test_a_report_as_reference_of_a_report(table: Path, tmp_path: Path) -> None:
    """One of the two may have no probabilities; then only classes are compared, and the page says why."""
    (tmp_path / "labels.csv").write_text(labels_of())
    report("--predictions", table, "--output", tmp_path / "a")
    report("--predictions", tmp_path / "labels.csv", "--reference", tmp_path / "a", "--output", tmp_path / "b")
    report("--predictions", table, "--reference", tmp_path / "b", "--output", tmp_path / "c")
    for folder, why in (("b", "This run has no probabilities, so"), ("c", "The reference has no probabilities, so")):
        comparison = read_metrics(tmp_path / folder)["comparison"]
        assert (comparison["counts"]["difference"], comparison["loss"]) == (0, None)
        assert f"{why} loss, Brier score" in (tmp_path / folder / "index.html").read_text(encoding="utf-8")
        assert Run.read(tmp_path / folder).comparison is not None


@pytest.mark.parametrize("order", ["within classes", "any"])
def test_an_index_brings_the_rows_into_the_order_of_the_reference(tmp_path: Path, order: str) -> None:
    """The same predictions in another order do not differ, and are the same run of a history."""
    header, *rows = table_of().splitlines()
    numbered = [f"{number},{row}" for number, row in enumerate(rows)]
    random = np.random.default_rng(0)
    shuffled = np.array(numbered)
    for label in range(4) if order == "within classes" else [None]:
        chosen = np.flatnonzero((PREDICTIONS.y_true == label) | (label is None))
        shuffled[chosen] = shuffled[random.permutation(chosen)]
    assert shuffled.tolist() != numbered
    for name, lines in (("a", numbered), ("b", shuffled)):
        (tmp_path / f"{name}.csv").write_text("\n".join([f"index,{header}", *lines]))
    history = ["--history", tmp_path / "history"]
    report("--predictions", tmp_path / "a.csv", "--output", tmp_path / "a", *history)
    report("--predictions", tmp_path / "b.csv", "--output", tmp_path / "b", "--reference", tmp_path / "a", *history)
    first, second = Run.read(tmp_path / "a"), Run.read(tmp_path / "b")
    assert second.comparison is not None
    assert (second.comparison.counts.n_fixed, second.comparison.counts.n_broken) == (0, 0)
    assert predictions_of(first).probabilities.tolist() == predictions_of(second).probabilities.tolist()
    sets = [json.loads(line)["test_set"] for line in (tmp_path / "history").read_text().splitlines()]
    assert len(sets) == 2
    assert sets[0] == sets[1]


def test_a_reference_with_other_labels(table: Path, tmp_path: Path, error_of: ErrorOf) -> None:
    """Only the same images can be compared; no warning about their order precedes the refusal."""
    header, *rows = table_of().splitlines()
    named = tmp_path / "named.csv"
    named.write_text("\n".join([f"id,{header}", *(f"{number}.png,{row}" for number, row in enumerate(rows))]))
    make_run(n=N, n_classes=4, seed=5).write(tmp_path / "reference")
    words = ["report", "--predictions", table, "--reference", tmp_path / "reference", "--output", tmp_path / "out"]
    for each in (table, named):
        words[2] = each
        error = error_of(DataError.exit_status, *words)
        assert "only runs on the same test set can be compared" in error
    assert not (tmp_path / "out").exists()


def test_the_report_replaces_that_of_a_training(table: Path, tmp_path: Path) -> None:
    """Nothing of the earlier model stays that the job wrote."""
    folder = tmp_path / "out"
    make_run().write(folder)
    (folder / "mine.txt").write_text("mine")
    report("--predictions", table, "--output", folder)
    assert read_tree(folder).keys() == {"index.html", "metrics.json", "predictions.csv", "SHA256SUMS", "mine.txt", *CI}


def test_predictions_of_others_are_no_run_of_a_sweep(table: Path, tmp_path: Path, error_of: ErrorOf) -> None:
    """One line says so."""
    report("--predictions", table, "--output", tmp_path / "out")
    line = error_of(DataError.exit_status, "sweep", "--collect", tmp_path / "out", "--output", tmp_path / "sweep")
    assert "its model was not trained by this job; collect folders that a training wrote" in line


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("predictions", "predictions.csv"),
        ("labels", "metrics.json"),
        ("images", "samples.npz"),
        ("classes", "report-images/classes.txt"),
        ("classes", "ci/classes.txt"),
    ],
)
def test_files_that_the_job_would_replace(
    table: Path, tmp_path: Path, option: str, name: str, error_of: ErrorOf
) -> None:
    """They stay as they are, and the error says what to do."""
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text(table.read_text())
    words = {"--predictions": table, f"--{option}": path, "--output": tmp_path / "out"}
    line = error_of(UsageError.exit_status, "report", *(word for pair in words.items() for word in pair))
    problem = "is a file or folder that the job writes; name another --output"
    assert line == f"fashion-job: error: --{option} {path} {problem}"
    assert read_tree(tmp_path / "out") == {name: table.read_bytes()}


def test_files_that_the_job_does_not_write_may_be_in_the_output_folder(tmp_path: Path) -> None:
    """They are still there afterwards."""
    (tmp_path / "mine.csv").write_text(table_of())
    report("--predictions", tmp_path / "mine.csv", "--output", tmp_path)
    assert (tmp_path / "mine.csv").read_text() == table_of()
    require_separate("--predictions", "-/predictions.csv", "-", "--output")  # an archive on stdout


def test_a_table_of_the_user_is_not_replaced(table: Path, tmp_path: Path, error_of: ErrorOf) -> None:
    """Its name may be that of the predictions that the job writes; a run that lost its checksums is replaced."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "predictions.csv").write_text("mine")
    words = ["report", "--predictions", table, "--output", folder]
    assert "predictions.csv exists, but no run wrote it" in error_of(OutputError.exit_status, *words)
    assert read_tree(folder) == {"predictions.csv": b"mine"}
    (folder / "metrics.json").write_text("{}")
    assert main([*map(str, words)]) == 0


def test_a_tar_archive(table: Path) -> None:
    """With --output -, as of a training; it is complete, also if a gate is missed."""
    words = ["--predictions", str(table), "--output", "-", "--fail-under", "accuracy=1"]
    done = subprocess.run(
        [sys.executable, "-m", "job", "report", *words], cwd=REPOSITORY, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"fashion-job: error: 1 gate missed: accuracy is 0.9" in done.stderr
    with subprocess.Popen(["tar", "t"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as tar:
        listed, _ = tar.communicate(done.stdout)
    names = ["SHA256SUMS", "ci/", *CI, "index.html", "metrics.json", "predictions.csv"]
    assert sorted(listed.decode().split()) == sorted(f"report/{name}" for name in names)


def test_an_archive_that_is_cut_off_is_not_in_the_history(table: Path, tmp_path: Path) -> None:
    """Nor in the summary on GitHub. What the job says of a complete archive does not follow it on stdout."""
    history, summary = tmp_path / "history.jsonl", tmp_path / "summary.md"
    summary.touch()
    words = ["--predictions", str(table), "--output", "-", "--fail-under", "accuracy=1", "--history", str(history)]
    command = [sys.executable, "-m", "job", "report", *words]
    environment = {**os.environ, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    with Path("/dev/full").open("wb") as full:
        cut = subprocess.run(command, cwd=REPOSITORY, env=environment, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (cut.returncode, history.exists(), summary.read_text()) == (73, False, "")
    assert b"--output -: stdout broke before the end of the archive" in cut.stderr
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, check=False)
    assert (done.returncode, len(prepare_history(history))) == (1, 1)
    assert "### Gates" in summary.read_text()
    assert b"\n::error title=accuracy" in done.stderr
    assert len(done.stdout) % tarfile.RECORDSIZE == 0
    assert done.stdout.endswith(bytes(2 * tarfile.BLOCKSIZE))  # the mark of the end


def test_no_tensorflow(table: Path, tmp_path: Path) -> None:
    """Not even if it is installed."""
    code = (
        "import sys; from job.__main__ import main; status = main(sys.argv[1:]);"
        "print(status, sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    words = ["report", "--predictions", table, "--output", tmp_path / "out"]
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_bad_predictions_leave_the_earlier_report(table: Path, tmp_path: Path, error_of: ErrorOf) -> None:
    """Nothing is created or changed."""
    report("--predictions", table, "--output", tmp_path / "out")
    before = read_tree(tmp_path / "out")
    table.write_text(table.read_text().replace("0.", "7.", 1))
    for folder in ("out", "new"):
        line = error_of(DataError.exit_status, "report", "--predictions", table, "--output", tmp_path / folder)
        assert line.startswith(f"fashion-job: error: {table}, line 2, column p_")
        assert line.endswith(" is not between 0 and 1, in 1 of 200 rows; correct it, or leave out its image")
    assert read_tree(tmp_path / "out") == before
    assert not (tmp_path / "new").exists()


def test_files_that_are_not_usable(table: Path, tmp_path: Path, error_of: ErrorOf) -> None:
    """Each option names a file, and the error says which one is wrong."""
    for option in ("--labels", "--images", "--classes"):
        line = error_of(DataError.exit_status, "report", "--predictions", table, option, tmp_path / "none")
        assert f"{tmp_path / 'none'}: not found; name a readable file" in line
    (tmp_path / "latin").write_bytes(b"caf\xe9\ncat\n")
    line = error_of(DataError.exit_status, "report", "--predictions", table, "--classes", tmp_path / "latin")
    assert "latin: is not UTF-8 text; save it as UTF-8" in line
    (tmp_path / "file").touch()
    line = error_of(OutputError.exit_status, "report", "--predictions", table, "--output", tmp_path / "file")
    assert f"--output {tmp_path / 'file'}: " in line


def test_more_class_names_than_probabilities(table: Path, tmp_path: Path, error_of: ErrorOf) -> None:
    """The error names the file of the class names."""
    classes = tmp_path / "c_short.txt"
    classes.write_text("a\nb\n")
    line = error_of(DataError.exit_status, "report", "--predictions", table, "--classes", classes)
    assert re.search(rf"has probabilities of \d+ classes, but {re.escape(str(classes))} names 2; name each class", line)


def test_class_names_in_one_line(table: Path, tmp_path: Path, error_of: ErrorOf) -> None:
    """The error says that each needs a line."""
    (tmp_path / "c.txt").write_text(", ".join(NAMES))
    line = error_of(DataError.exit_status, "report", "--predictions", table, "--classes", tmp_path / "c.txt")
    assert line.endswith(f"{tmp_path / 'c.txt'}: contains 1 class name; write 2 to 256, one per line")


def test_class_names_in_the_file_of_predictions(tmp_path: Path) -> None:
    """They give the order of the probabilities, unless --classes gives another one."""
    path, classes, names = tmp_path / "t.npz", tmp_path / "c.txt", np.array(NAMES)
    labels = names[PREDICTIONS.y_true]
    np.savez(path, y_true=labels, probabilities=PREDICTIONS.probabilities, class_names=names)
    words = ["--predictions", path, "--output", tmp_path / "out"]
    report(*words)
    assert read_class_order(tmp_path / "out") == NAMES
    assert read_metrics(tmp_path / "out")["evaluation"]["accuracy"] == PREDICTIONS.accuracy
    np.savez(path, y_true=PREDICTIONS.y_true, probabilities=PREDICTIONS.probabilities, class_names=names)
    classes.write_text("a\nb\nc\nd\n")
    report(*words, "--classes", classes)
    assert read_class_order(tmp_path / "out") == ["a", "b", "c", "d"]


def test_a_reference_whose_classes_have_no_names(table: Path, tmp_path: Path) -> None:
    """Their numbers do not contradict the names of this run."""
    (tmp_path / "c.txt").write_text("\n".join(NAMES))
    report("--predictions", table, "--output", tmp_path / "before")
    words = ["--predictions", table, "--classes", tmp_path / "c.txt", "--reference", tmp_path / "before"]
    report(*words, "--output", tmp_path / "out")
    assert read_class_order(tmp_path / "out") == NAMES
    assert read_metrics(tmp_path / "out")["comparison"]["counts"]["difference"] == 0
    assert main(["render", "-q", "--output", str(tmp_path / "out")]) == 0


def test_class_names_in_the_file_of_labels(tmp_path: Path) -> None:
    """If that of the predictions has none."""
    names = ["d", "c", "b", "a"]
    np.savez(tmp_path / "labels.npz", y_true=np.array(names)[PREDICTIONS.y_true], class_names=names)
    np.save(tmp_path / "p.npy", PREDICTIONS.probabilities)
    words = ["--predictions", tmp_path / "p.npy", "--labels", tmp_path / "labels.npz"]
    report(*words, "--output", tmp_path / "out")
    assert Run.read(tmp_path / "out").evaluation.class_names == names
    assert Run.read(tmp_path / "out").evaluation.accuracy == PREDICTIONS.accuracy


def test_the_order_of_class_names_from_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The log says that it is the natural one, and how to choose another one."""
    path, classes = tmp_path / "t.csv", tmp_path / "c.txt"
    path.write_text("true,predicted\ntwo,two\none,two\nthree,one\n")
    classes.write_text("one\ntwo\nthree\n")
    words = ["report", "--predictions", str(path), "--output", str(tmp_path / "out")]
    note = "3 classes in natural order (for another one: --classes FILE)"
    assert main(words) == 0
    assert read_class_order(tmp_path / "out") == ["one", "three", "two"]
    assert note in capsys.readouterr().err
    assert main([*words, "--classes", str(classes)]) == 0
    assert read_class_order(tmp_path / "out") == ["one", "two", "three"]
    log = capsys.readouterr().err
    assert "3 classes" in log
    assert "natural" not in log


def read_class_order(folder: Path) -> list[str]:
    return [row["name"] for row in read_metrics(folder)["evaluation"]["per_class"]]


def test_a_settings_file(table: Path, tmp_path: Path) -> None:
    """--config names it, as for a training; the command line overrides it."""
    settings = tmp_path / "c.yaml"
    settings.write_text(f"output: {tmp_path / 'elsewhere'}\nname: first\nepochs: 3\n")
    report("--predictions", table, "--config", settings, "--name", "second")
    assert read_metrics(tmp_path / "elsewhere")["provenance"]["name"] == "second"


def test_the_help_says_what_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a default."""
    with pytest.raises(SystemExit):
        main(["report", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "one row for each image. Required. --labels" in text


def test_parquet_without_pyarrow(tmp_path: Path, error_of: ErrorOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package is missing: status 69."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    line = error_of(PackageError.exit_status, "report", "--predictions", tmp_path / "t.parquet")
    assert line.startswith(
        f"fashion-job: error: {tmp_path / 't.parquet'}: this Python lacks the package pyarrow; run `"
    )
    assert line.endswith("-m pip install pyarrow`, or save the table as CSV")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "report needs the predictions; name their file: --predictions FILE"),
        (["--predictions", ""], "--predictions is '', but must be a file's name of at most 4095 printable"),
        (["--predictions", "a\nb"], "--predictions is 'a\\nb', but must be a file's name of at most 4095 printable"),
        (["--predictions", "x", "--epochs", "3"], "unknown option --epochs"),
        (["--predictions", "x", "--reference", "report"], "--reference report is the folder of --output"),
        (["--predictions", "x", "--layout", "both"], "--layout is 'both', but must be single or folder"),
    ],
)
def test_usage_errors(words: list[str], problem: str, error_of: ErrorOf) -> None:
    """As of the other commands."""
    assert problem in error_of(UsageError.exit_status, "report", *words)


def test_the_environment_sets_what_a_run_has_too(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the folder and the layout; other settings of a training do not matter."""
    monkeypatch.setenv("FASHION_JOB_OUTPUT", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("FASHION_JOB_EPOCHS", "7")
    report("--predictions", table)
    assert (tmp_path / "elsewhere" / "index.html").exists()


def test_the_test_images_of_fashion_mnist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Their labels, in whatever file, give the names of the classes and the published accuracies."""
    predictions = make_predictions(10_000, 10)
    assert not is_fashion_mnist(predictions.y_true)
    monkeypatch.setattr(build, "is_fashion_mnist", lambda y_true: len(y_true) == 10_000)
    np.savez(tmp_path / "p.npz", y_true=predictions.y_true, probabilities=predictions.probabilities)
    report("--predictions", tmp_path / "p.npz", "--output", tmp_path / "out")
    run = Run.read(tmp_path / "out")
    assert run.evaluation.class_names == list(FASHION_NAMES)
    assert run.provenance.data.is_fashion_mnist
    assert 'id="published"' in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_the_labels_of_fashion_mnist_are_known_by_their_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the IDX file."""
    header = struct.pack(">4BI", 0, 0, 8, 1, N)
    digest = hashlib.sha256(header + PREDICTIONS.y_true.astype(np.uint8).tobytes()).hexdigest()
    monkeypatch.setitem(SHA256, "test_labels", digest)
    assert is_fashion_mnist(PREDICTIONS.y_true)
    assert not is_fashion_mnist(PREDICTIONS.y_true[::-1])


def test_the_log_names_what_was_read(table: Path, tmp_path: Path) -> None:
    """In a line for each stage."""
    done = run_job("report", "--predictions", table, "--output", tmp_path / "out")
    lines = done.stderr.splitlines()
    assert lines[0].startswith("predictions probabilities of 200 images, 4 classes (")
    assert lines[1].startswith("report      index.html, ")
