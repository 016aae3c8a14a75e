from bench.weakest_coverage import Naming, simulate


def test_equal_classes_have_no_weakest() -> None:
    """Every name would be wrong."""
    found = simulate(10, 100, 0.0, 200)
    assert found.named == found.wrong <= 0.05


def test_a_clearly_weaker_class_is_named() -> None:
    """With an interval that seldom misses its recall."""
    found = simulate(10, 1000, 0.2, 200)
    assert found.named > 0.95
    assert found.wrong == 0
    assert found.missed < 0.1


def test_frequent_errors_are_found() -> None:
    """More than 5 % and the error of the simulation."""
    assert not Naming(1.0, 0.05, 0.055).is_too_often_wrong
    assert Naming(1.0, 0.07, 0.0).is_too_often_wrong
    assert Naming(1.0, 0.0, 0.07).is_too_often_wrong
