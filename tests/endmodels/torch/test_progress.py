"""Progress: rates and what is left, on terminals only, or to whoever asked."""

from __future__ import annotations

import io

import pytest

from labelwright.core import progress
from labelwright.endmodels.torch.progress import Progress, Reporter


class Terminal(io.StringIO):
    def isatty(self):
        return True


def _clock(monkeypatch, *times):
    moments = iter(times)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(moments))


def test_rate_and_time_left_follow_the_clock(monkeypatch):
    seen = []
    _clock(monkeypatch, 0.0, 2.0, 4.0)
    reporter = Reporter(seen.append, epochs=3, examples_per_epoch=100)
    reporter.saw(1, 50, 50, None)
    reporter.saw(1, 100, 50, None)
    assert [(p.epoch, p.examples, p.examples_per_second, p.seconds_left) for p in seen] == [
        (1, 50, 25.0, 10.0),
        (1, 100, 25.0, 8.0),
    ]


def test_a_resumed_run_counts_only_what_it_did_itself(monkeypatch):
    seen = []
    _clock(monkeypatch, 0.0, 1.0)
    Reporter(seen.append, epochs=4, examples_per_epoch=10).saw(3, 10, 10, 0.5)
    assert seen == [Progress(3, 4, 10, 10, 10.0, 1.0, 0.5)]


def test_reports_are_few_but_each_epochs_end_is_told(monkeypatch):
    seen = []
    _clock(monkeypatch, *[i / 1000 for i in range(101)])
    reporter = Reporter(seen.append, epochs=1, examples_per_epoch=100)
    for i in range(100):
        reporter.saw(1, i + 1, 1, None)
    assert [p.examples for p in seen] == [100]


def test_a_terminal_gets_one_line_that_is_rewritten():
    stream = Terminal()
    reporter = Reporter(None, epochs=2, examples_per_epoch=10, stream=stream)
    reporter.saw(1, 10, 10, None)
    reporter.saw(2, 10, 10, 0.25)
    reporter.close()
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.count("\r") == 2
    assert "epoch 2/2 100%" in text
    assert "dev loss 0.2500" in text


def test_elsewhere_it_is_silent():
    stream = io.StringIO()
    reporter = Reporter(None, epochs=1, examples_per_epoch=10, stream=stream)
    reporter.saw(1, 10, 10, None)
    reporter.close()
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0:00 left"), (75, "1:15 left"), (3725, "1:02:05 left")])
def test_times_are_readable(seconds, text):
    assert text in str(Progress(1, 1, 1, 2, 3.0, seconds, None))
