from support import make_run

from job.report.gallery import view_gallery
from job.report.images import Pictures


def test_a_run_without_reference_has_no_changed_images() -> None:
    """Nor do its images have a prediction of the reference."""
    run = make_run()
    gallery = view_gallery(run, Pictures(run.images, embedded=True))
    assert gallery["fixed"] == gallery["broken"] == []
    assert {image.reference for image in gallery["wrong"]} == {""}


def test_each_changed_image_has_both_predictions() -> None:
    """Fixed: only this model is correct; broken: only the reference; the most confident first."""
    run = make_run(with_reference=True)
    gallery, names = view_gallery(run, Pictures(run.images, embedded=True)), run.evaluation.class_names
    assert run.comparison is not None
    assert run.predictions.y_reference is not None
    assert [image.index for image in gallery["fixed"]] == run.comparison.fixed
    assert [image.index for image in gallery["broken"]] == run.comparison.broken
    assert all(image.true == image.predicted != image.reference for image in gallery["fixed"])
    assert all(image.true == image.reference != image.predicted for image in gallery["broken"])
    for image in (*gallery["fixed"], *gallery["broken"]):
        assert image.true == names[run.predictions.y_true[image.index]]
        assert image.reference == names[run.predictions.y_reference[image.index]]
    confidences = [image.confidence for image in gallery["fixed"]]
    assert len(confidences) > 1
    assert confidences == sorted(confidences, reverse=True)
