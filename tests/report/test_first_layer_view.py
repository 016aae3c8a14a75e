from dataclasses import replace

import numpy as np
import pytest
from support import make_learnt, make_run

from job.report.first_layer_view import MAX_MEANS, LearntView, arrange, scale_weights, view_learnt
from job.report.images import Pictures
from job.results.run import Run
from job.results.samples_npz import Learnt


def view(run: Run) -> tuple[LearntView, Pictures]:
    pictures = Pictures(run.images, embedded=False)
    learnt = view_learnt(run, pictures)
    assert learnt
    return learnt, pictures


def test_means_have_names_and_weights_one_sheet() -> None:
    """Each mean is a file of its own."""
    run = make_run()
    learnt, pictures = view(run)
    assert learnt.means == [(name, f"report-images/mean-{n}.png") for n, name in enumerate(run.evaluation.class_names)]
    assert learnt.weights.picture == "report-images/first-layer.png"
    assert (learnt.n_units, learnt.is_dense, learnt.kernel) == (24, True, (28, 28))
    assert len(pictures.files) == 11


def test_kernels_of_a_convolution() -> None:
    """They are smaller than images."""
    kernels = np.ones((16, 3, 3), np.float16)
    learnt, _ = view(replace(make_run(), learnt=Learnt(make_learnt().class_means, kernels)))
    assert (learnt.n_units, learnt.is_dense, learnt.kernel) == (16, False, (3, 3))


def test_many_classes() -> None:
    """The first 20."""
    assert len(view(make_run(n=60, n_classes=30))[0].means) == MAX_MEANS


def test_runs_that_do_not_have_it() -> None:
    """Predictions of other software, and results of version 0.5."""
    run = make_run(trained=False)
    assert view_learnt(run, Pictures(run.images, embedded=True)) is None


def test_weights_keep_their_sign_and_a_few_are_clipped() -> None:
    """One in a hundred by magnitude is as strong as the 99th percentile."""
    weights = (np.arange(-100, 101) / 100).astype(np.float16)
    scaled = scale_weights(weights[None, None])
    assert scaled[0, 0, 100] == 0
    assert scaled[0, 0, [0, 200]].tolist() == [-1, 1]
    assert scaled[0, 0, 150] == pytest.approx(0.5 / 0.99, abs=0.002)
    assert not scale_weights(np.zeros((2, 3, 3), np.float16)).any()


def test_units_are_arranged_in_rows_of_8() -> None:
    """Zeros fill the last row."""
    arranged = arrange(np.arange(1, 11, dtype=float)[:, None, None] * np.ones((10, 3, 2)))
    assert arranged.shape == (2, 8, 3, 2)
    assert arranged[:, :, 0, 0].tolist() == [[1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 0, 0, 0, 0, 0, 0]]
