import os
import signal
from collections.abc import Iterator

import pytest

from job import interruption


@pytest.fixture
def received() -> Iterator[list[int]]:
    """Collects SIGTERMs instead of dying of them."""
    numbers: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGTERM, before)


def test_a_deferred_signal_arrives_at_the_end(received: list[int]) -> None:
    """Not in the block, but not lost either."""
    with interruption.deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        assert received == []
    assert received == [signal.SIGTERM]


def test_cleanups_run_once_also_after_an_error() -> None:
    """At the end of the block, whatever ends it."""
    calls = []
    with interruption.cleanup(lambda: calls.append("done")):
        assert calls == []
    assert calls == ["done"]
    with pytest.raises(ZeroDivisionError), interruption.cleanup(lambda: calls.append("again")):
        raise ZeroDivisionError
    assert calls == ["done", "again"]
    assert interruption._cleanups == []
