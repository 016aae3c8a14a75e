"""Whole runs, through main([...]) or in a process of their own."""

import json
import shlex
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn_metrics
from support import ErrorOf, run_job

from job.__main__ import main
from job.data import idx, sources
from job.data.dataset import scale_pixels
from job.data.fashion_mnist import FILES
from job.system.processors import count_processors
from job.training import resources

pytestmark = pytest.mark.training

FILES_OF_A_RUN = {
    "ci",
    "index.html",
    "metrics.json",
    "predictions.csv",
    "samples.npz",
    "model.keras",
    "network.npz",
    "SHA256SUMS",
}
STAGES = ["output", "system", "data", "tensorflow", "training", "training", "prediction", "evaluation", "report"]
"""The first words of the log of a run of one epoch."""


def test_writes_the_documented_files_and_no_others(finished_run: Path) -> None:
    """A run without exports has seven files, and those for CI."""
    assert {path.name for path in finished_run.iterdir()} == FILES_OF_A_RUN


def test_the_log_and_the_result(dataset_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The stages go to stderr, without a line of TensorFlow; accuracy and path go to stdout."""
    output = tmp_path / "out"
    assert main(["--data", str(dataset_folder), "--epochs", "1", "--output", str(output)]) == 0
    captured = capfd.readouterr()
    accuracy = json.loads((output / "metrics.json").read_text())["evaluation"]["accuracy"]
    assert captured.out == f"accuracy {accuracy:.4f} on 100 test images: {output / 'index.html'}\n"
    assert [line.split()[0] for line in captured.err.splitlines()] == STAGES


def test_each_of_several_runs_equals_the_run_with_its_seed(repeated_run: Path, tmp_path: Path) -> None:
    """The metrics are equal, and so are the predictions: all of the reported run, and what is kept of the others."""
    metrics = json.loads((repeated_run / "metrics.json").read_text())
    words = shlex.split(metrics["provenance"]["command"])[3:]
    words[words.index("--runs") + 1] = "1"
    output = tmp_path / "single"
    variation, repeated = metrics["training"]["seed_variation"], pd.read_csv(repeated_run / "predictions.csv")
    for run in variation["runs"]:
        words[words.index("--seed") + 1] = str(run["seed"])
        words[words.index("--output") + 1] = str(output)
        assert main([*words, "-q"]) == 0
        single = json.loads((output / "metrics.json").read_text())
        assert single["evaluation"]["accuracy"] == run["accuracy"]
        assert single["evaluation"]["loss"] == run["loss"]
        assert single["training"]["seed_variation"] is None
        table = pd.read_csv(output / "predictions.csv")
        if run["seed"] == variation["reported_seed"]:
            assert single["training"]["history"] == metrics["training"]["history"]
            assert table.equals(repeated.iloc[:, : table.shape[1]])
        else:
            assert repeated[f"seed_{run['seed']}"].tolist() == table["predicted"].tolist()
            p_true = [row[f"p_{row['true']:.0f}"] for _, row in table.iterrows()]
            assert repeated[f"seed_{run['seed']}_p_true"].tolist() == p_true


@pytest.mark.parametrize("recipe", ["mlp", "cnn"])
def test_the_model_of_a_recipe_gives_its_predictions(dataset_folder: Path, tmp_path: Path, recipe: str) -> None:
    """model.keras includes test-time augmentation, so that it reproduces predictions.csv."""
    words = ["--data", str(dataset_folder), "--recipe", recipe, "--epochs", "1", "--batch-size", "50", "-q"]
    assert main([*words, "--output", str(tmp_path / "out")]) == 0
    network = keras.models.load_model(tmp_path / "out" / "model.keras")
    images = scale_pixels(idx.read_idx(dataset_folder / FILES["test_images"], 3)[0])
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    np.testing.assert_allclose(network(images), table.iloc[:, 3:], atol=1e-5)
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["training"]["config"]["recipe"] == recipe


def test_the_reference_is_read_before_the_data(
    finished_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The log shows the accuracy of the reference, and metrics.json the time to read it."""
    options = ["--data", str(finished_run.parent / "blocks"), "--epochs", "1", "--output", str(tmp_path / "out")]
    assert main([*options, "--reference", str(finished_run)]) == 0
    lines = capfd.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines][:5] == ["output", "system", "reference", "data", "tensorflow"]
    accuracy = json.loads((finished_run / "metrics.json").read_text())["evaluation"]["accuracy"]
    assert f"{finished_run}: accuracy {accuracy:.4f} (n = 100)" in lines[2]
    assert "reference" in json.loads((tmp_path / "out" / "metrics.json").read_text())["provenance"]["timings_s"]


def test_a_comparison_in_a_process_of_its_own(finished_run: Path, tmp_path: Path) -> None:
    """pandas reads the reference before the import of TensorFlow hides pandas."""
    options = ("--epochs", "1", "--reference", finished_run, "--output", tmp_path / "out", "-q")
    assert run_job("--data", finished_run.parent / "blocks", *options).stderr == ""


def test_quiet_and_verbose(dataset_folder: Path, tmp_path: Path) -> None:
    """-q leaves only the result; -v adds what TensorFlow writes when it starts."""
    arguments = ["--data", str(dataset_folder), "--epochs", "1", "--output", str(tmp_path / "out")]
    quiet = run_job(*arguments, "-q")
    assert quiet.stderr == ""
    assert len(quiet.stdout.splitlines()) == 1
    assert len(run_job(*arguments, "--verbose").stderr.splitlines()) > len(STAGES)


def test_the_results_name_the_device_and_the_settings(finished_run: Path) -> None:
    """metrics.json has what was requested and what was used."""
    metrics = json.loads((finished_run / "metrics.json").read_text())
    environment, training = metrics["provenance"]["environment"], metrics["training"]
    is_processor = environment["device_name"] == resources.detect_resources().processor
    assert environment["device"] == ("CPU" if is_processor else "GPU")
    assert environment["n_threads"] == count_processors()
    assert training["config"]["device"] == "auto"
    assert (training["n_train"], training["n_validation"]) == (270, 30)


def test_two_runs_with_one_seed_are_equal(dataset_folder: Path, tmp_path: Path) -> None:
    """The predictions are the same bytes, and every metric but the times is the same."""
    metrics = []
    for name in ("a", "b"):
        assert main(["--data", str(dataset_folder), "--epochs", "1", "--output", str(tmp_path / name), "-q"]) == 0
        content = json.loads((tmp_path / name / "metrics.json").read_text())
        for key in ("started", "timings_s", "command"):
            del content["provenance"][key]
        del content["training"]["config"]["output"]
        metrics.append(content)
    assert (tmp_path / "a" / "predictions.csv").read_bytes() == (tmp_path / "b" / "predictions.csv").read_bytes()
    assert metrics[0] == metrics[1]
    assert metrics[0]["training"]["history"]["loss"]


def test_a_batch_of_the_whole_training_set(dataset_folder: Path, tmp_path: Path) -> None:
    """The largest batch that is accepted has all training images."""
    arguments = ["--data", str(dataset_folder), "--epochs", "1", "--output", str(tmp_path / "out"), "-q"]
    assert main([*arguments, "--batch-size", "270"]) == 0


@pytest.mark.parametrize("options", [(), ("--optimizer", "muon", "--weight-decay", "0.05")], ids=["adam", "muon"])
def test_replicas(options: tuple[str, ...], dataset_folder: Path, tmp_path: Path) -> None:
    """Two virtual devices give the results of one, even for a last batch of 14 images."""
    histories, probabilities = [], []
    for n in (1, 2):
        output = tmp_path / str(n)
        done = run_job("--data", dataset_folder, "--epochs", "2", "--replicas", n, "--output", output, *options)
        assert "warning" not in done.stderr.lower()
        metrics = json.loads((output / "metrics.json").read_text())
        assert metrics["provenance"]["environment"]["n_replicas"] == n
        histories.append(metrics["training"]["history"])
        probabilities.append(np.loadtxt(output / "predictions.csv", delimiter=",", skiprows=1))
    for name, values in histories[0].items():
        assert histories[1][name] == pytest.approx(values, rel=1e-4)
    np.testing.assert_allclose(probabilities[1], probabilities[0], rtol=1e-3, atol=1e-5)


def test_threads(dataset_folder: Path, tmp_path: Path) -> None:
    """The log, the environment and the command show the requested number of threads."""
    arguments = ("--data", dataset_folder, "--epochs", "1", "--threads", "3", "--output", tmp_path / "out")
    system = run_job(*arguments).stderr.splitlines()[1]
    assert system.startswith("system ")
    assert ", 3 threads on " in system
    provenance = json.loads((tmp_path / "out" / "metrics.json").read_text())["provenance"]
    assert provenance["environment"]["n_threads"] == 3
    assert "--threads 3" in provenance["command"]


def test_a_low_memory_limit(
    dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job warns and goes on."""
    monkeypatch.setattr(resources, "read_memory_limit", lambda: 400 * 2**20)
    assert main(["--data", str(dataset_folder), "--epochs", "1", "--output", str(tmp_path / "out"), "-q"]) == 0
    assert capsys.readouterr().err.startswith("fashion-job: warning: the memory limit is 400 MiB")


@pytest.mark.parametrize("runs", [1, 2])
def test_a_diverging_training(error_of: ErrorOf, dataset_folder: Path, tmp_path: Path, runs: int) -> None:
    """The status is 79, and the report of an earlier run stays."""
    output = tmp_path / "out"
    output.mkdir()
    (output / "index.html").write_text("earlier")
    arguments = ("--data", dataset_folder, "--output", output, "--epochs", "1", "--runs", runs)
    line = error_of(79, *arguments, "--learning-rate", "1e30")
    assert "the loss became NaN, infinite or at least 1e+12 in epoch 1 with --learning-rate 1e+30" in line
    assert {path.name: path.read_text() for path in output.iterdir()} == {"index.html": "earlier"}


def test_a_training_that_diverges_in_its_last_step(error_of: ErrorOf, dataset_folder: Path, tmp_path: Path) -> None:
    """The status is the same if only the predictions show it."""
    arguments = ("--data", dataset_folder, "--output", tmp_path / "out", "--epochs", "1", "--validation-split", "0")
    line = error_of(79, *arguments, "--batch-size", "300", "--learning-rate", "1e30")
    assert "predictions contain NaN or infinity: training diverged in its last step" in line


@pytest.mark.slow
def test_the_baseline_on_fashion_mnist(tmp_path: Path) -> None:
    """The documented command has the documented accuracy, and its metrics equal scikit-learn's.

    Over the seeds 0 to 19 the accuracy is between 0.867 and 0.878 (mean 0.873, standard deviation 0.003).
    """
    done = run_job("--output", tmp_path)
    content = json.loads((tmp_path / "metrics.json").read_text())
    evaluation = content["evaluation"]
    assert done.stdout == f"accuracy {evaluation['accuracy']:.4f} on 10,000 test images: {tmp_path / 'index.html'}\n"
    assert content["provenance"]["data"]["name"] == "Fashion-MNIST"
    assert 0.855 < evaluation["accuracy"] < 0.895
    assert len(content["training"]["history"]["val_accuracy"]) == 5

    source = sources.find_installed()
    assert source
    labels = idx.read_idx(source.folder / FILES["test_labels"], 1)[0]
    table = pd.read_csv(tmp_path / "predictions.csv", dtype={f"p_{label}": np.float64 for label in range(10)})
    assert table["true"].tolist() == labels.tolist()
    probabilities = table[[f"p_{label}" for label in range(10)]].to_numpy()
    assert (probabilities.argmax(axis=1) == table["predicted"]).all()
    scores = sklearn_metrics.classification_report(labels, table["predicted"], output_dict=True, zero_division=0)
    assert evaluation["accuracy"] == pytest.approx(scores["accuracy"])
    for average in ("macro", "weighted"):
        row = scores[f"{average} avg"]
        expected = {"precision": row["precision"], "recall": row["recall"], "f1": row["f1-score"]}
        assert {name: evaluation[average][name] for name in expected} == pytest.approx(expected)
    for label, metrics in enumerate(evaluation["per_class"]):
        row = scores[str(label)]
        assert (metrics["precision"], metrics["recall"]) == pytest.approx((row["precision"], row["recall"]))
        assert (metrics["f1"], metrics["support"]) == pytest.approx((row["f1-score"], row["support"]))
    matrix = sklearn_metrics.confusion_matrix(labels, table["predicted"])
    assert evaluation["confusion_matrix"] == matrix.tolist()
    normalised = probabilities / probabilities.sum(axis=1, keepdims=True)
    assert evaluation["loss"] == pytest.approx(sklearn_metrics.log_loss(labels, normalised), rel=1e-6)
