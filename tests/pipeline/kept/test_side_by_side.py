"""Parts at work side by side: in order, each once, few at a time; an error of one is raised."""

from __future__ import annotations

import threading
import time

import pytest

from labelwright.pipeline.kept.side_by_side import side_by_side


@pytest.mark.parametrize("workers", [None, 1, 2, 50])
def test_results_come_in_the_order_of_the_parts(workers):
    def work(part: int) -> int:
        time.sleep(0.001 * (part % 3))
        return part**2

    found = list(side_by_side(work, range(40), workers=workers))
    assert [one for some in found for one in some] == [part**2 for part in range(40)]
    assert all(len(some) <= 16 for some in found)


def test_no_more_than_four_parts_are_at_work():
    at_work, most, lock = 0, 0, threading.Lock()

    def work(part: int) -> None:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.002)
        with lock:
            at_work -= 1

    list(side_by_side(work, range(30), workers=50))
    assert 2 <= most <= 4


def test_an_error_is_raised_and_no_further_part_begins():
    begun = []

    def work(part: int) -> None:
        begun.append(part)
        time.sleep(0.002)
        if part == 0:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(side_by_side(work, range(64), workers=2))
    assert len(begun) < 16
