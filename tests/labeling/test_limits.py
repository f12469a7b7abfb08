"""Time limits: calls are stopped, and whoever used the timer before gets it back."""

from __future__ import annotations

import re
import signal
import time

import pytest

from labelwright.labeling.limits import Overrun, limited, time_limits


@pytest.fixture
def alarm() -> object:
    """A timer of somebody else's, as pytest-timeout has one."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    timer = signal.setitimer(signal.ITIMER_REAL, 100)
    yield signal.getsignal(signal.SIGALRM)
    signal.setitimer(signal.ITIMER_REAL, *timer)
    signal.signal(signal.SIGALRM, before)


def test_a_call_is_stopped_and_the_timer_given_back(alarm: object) -> None:
    with time_limits(0.05):
        started = time.perf_counter()
        with pytest.raises(Overrun):
            limited(time.sleep, 0.05)(5)
        assert time.perf_counter() - started < 2
        assert limited(abs, 0.05)(-3) == 3
        time.sleep(0.1)  # a limit does not outlive its call
    assert signal.getsignal(signal.SIGALRM) is alarm
    assert 90 < signal.getitimer(signal.ITIMER_REAL)[0] <= 100


def test_a_runaway_pattern_is_stopped() -> None:
    with time_limits(0.05), pytest.raises(Overrun):
        limited(lambda text: re.match(r"(a+)+b", text), 0.05)("a" * 40)


def test_without_a_limit_nothing_is_touched() -> None:
    handler = signal.getsignal(signal.SIGALRM)
    with time_limits(None):
        assert signal.getsignal(signal.SIGALRM) is handler
        assert limited(abs, None) is abs
