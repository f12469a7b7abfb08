"""The law of a refresh: after any edits of rows and functions, and any crash, it is a rebuild, bit for bit."""

from __future__ import annotations

import contextlib
import csv
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import labelwright as lw
from labelwright.core.errors import LabelwrightError
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.refreshing import reading
from labelwright.pipeline.refreshing.run import RunResult

from ..crashing import CrashError, crashing

WORDS = ["song", "love", "http", "free", "video", "nice", "channel", "best"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
ROLES = ("data", "votes", "stats", "label_model", "soft_labels", "metrics", "settings", "schema")


class _Project:
    """A project in a folder of its own, written from rows and functions."""

    def __init__(self, folder: Path, *, ids: bool, groups: bool, gold: bool) -> None:
        self.folder = folder
        self.ids, self.groups, self.gold = ids, groups, gold
        self.folder.mkdir()
        lines = ["[data]", 'path = "data.csv"']
        lines += ['id = "key"'] * ids + ['group = "who"'] * groups
        lines += ["[data.splits]", "train = 0.7", "test = 0.3", "[task]", 'classes = ["ham", "spam"]']
        lines += ['gold = "gold"'] * gold + ["[apply]", 'on_error = "abstain"', "workers = 1"]
        (folder / "labelwright.toml").write_text("\n".join(lines) + "\n")

    def write(self, rows: list[tuple[str, str, str]], functions: dict[str, tuple[str, str]]) -> None:
        with (self.folder / "data.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*["key"] * self.ids, "text", *["who"] * self.groups, *["gold"] * self.gold])
            for key, text, who in rows:
                gold = "spam" if "http" in text else "ham"
                writer.writerow([*[key] * self.ids, text, *[who] * self.groups, *[gold] * self.gold])
        source = ["import labelwright as lw"]
        for name, (word, label) in functions.items():
            source += [f'@lw.labeling_function(labels=["{label}"])', f"def {name}(x):"]
            # One of the words makes the function fail, which is counted.
            source += ["    if x.text == 'video nice':", "        raise ValueError('no')"] * (word == "love")
            source += [f"    return {label!r} if {word!r} in x.text else None"]
        (self.folder / "supervision.py").write_text("\n".join(source) + "\n")

    def run(self) -> RunResult:
        with warnings.catch_warnings(), _quick():
            warnings.simplefilter("ignore")
            return lw.Project(self.folder).run()

    def run_or_error(self) -> RunResult | str:
        """Run, or return what was wrong, the same wherever the project lies."""
        try:
            return self.run()
        except LabelwrightError as error:
            return str(error).replace(str(self.folder), "")


@contextmanager
def _quick() -> Iterator[None]:
    """Small parts, and no report: it is not what is tested."""
    with (
        mock.patch.object(reading, "MEAN_ROWS", 6),
        mock.patch("labelwright.pipeline.refreshing.run.render_report", lambda content: content.run_id),
    ):
        yield


def _assert_same(refreshed: RunResult, rebuilt: RunResult) -> None:
    for role in ROLES:
        assert refreshed.artifacts.get(role) == rebuilt.artifacts.get(role), role
    assert refreshed.run_id == rebuilt.run_id


class Refreshing(RuleBasedStateMachine):
    """Edits in any order; then a refresh here, and a rebuild in a new folder."""

    @initialize(
        ids=st.booleans(), groups=st.booleans(), gold=st.booleans(), texts=st.lists(TEXTS, min_size=12, max_size=30)
    )
    def start(self, ids: bool, groups: bool, gold: bool, texts: list[str]) -> None:
        self.place = Path(tempfile.mkdtemp())
        self.count = 0
        self.kind = {"ids": ids, "groups": groups, "gold": gold}
        self.project = _Project(self.place / "project", **self.kind)
        self.rows = [self._row(text) for text in texts]
        self.functions = {"a": ("http", "spam"), "b": ("song", "ham"), "c": ("love", "ham")}
        self._refresh()

    def _row(self, text: str) -> tuple[str, str, str]:
        self.count += 1
        return f"k{self.count}", text, f"w{self.count % 7}"

    @rule(at=st.integers(0, 40), texts=st.lists(TEXTS, min_size=1, max_size=5))
    def add_rows(self, at: int, texts: list[str]) -> None:
        self.rows[at:at] = [self._row(text) for text in texts]

    @rule(at=st.integers(0, 40), text=TEXTS)
    def edit_row(self, at: int, text: str) -> None:
        key, _, who = self.rows[at % len(self.rows)]
        self.rows[at % len(self.rows)] = key, text, who

    @precondition(lambda self: len(self.rows) > 14)
    @rule(at=st.integers(0, 40), n=st.integers(1, 3))
    def delete_rows(self, at: int, n: int) -> None:
        del self.rows[at % len(self.rows) :][:n]
        del self.rows[at % len(self.rows)]

    @rule(name=st.sampled_from("abcdef"), word=st.sampled_from(WORDS), label=st.sampled_from(["ham", "spam"]))
    def add_or_change_function(self, name: str, word: str, label: str) -> None:
        self.functions[name] = word, label

    @precondition(lambda self: len(self.functions) > 1)
    @rule(at=st.integers(0, 9))
    def remove_function(self, at: int) -> None:
        del self.functions[sorted(self.functions)[at % len(self.functions)]]

    @rule(after=st.integers(0, 60))
    def crash(self, after: int) -> None:
        self.project.write(self.rows, self.functions)
        with contextlib.suppress(CrashError), crashing(after):
            self.project.run_or_error()

    @rule()
    def refresh(self) -> None:
        self._refresh()

    def _refresh(self) -> None:
        self.project.write(self.rows, self.functions)
        refreshed = self.project.run_or_error()
        other = _Project(self.place / "other", **self.kind)
        other.write(self.rows, self.functions)
        rebuilt = other.run_or_error()
        shutil.rmtree(other.folder)
        if isinstance(rebuilt, str):  # nobody votes, or a split is empty: then of a refresh too
            assert rebuilt == refreshed
        else:
            assert isinstance(refreshed, RunResult), refreshed
            _assert_same(refreshed, rebuilt)
            self.finished = True
            self._check_kept()

    def _check_kept(self) -> None:
        """What was kept can be read, and is what the functions say now."""
        kept = KeptRun.latest(self.project.folder)
        for split in kept.splits:
            votes = kept.votes(split)
            told = [
                [-1 if word not in text or (word == "love" and text == "video nice") else int(label == "spam")]
                for word, label in self.functions.values()
                for text in kept.frame(split)["text"]
            ]
            expected = np.array(told).reshape(len(self.functions), -1).T
            np.testing.assert_array_equal(votes.values, expected)
            assert kept.soft_labels(split).example_ids.tolist() == votes.example_ids.tolist()
        assert sum(len(kept.frame(split)) for split in kept.splits) == len(self.rows)

    @invariant()
    def nothing_half_written(self) -> None:
        if getattr(self, "finished", False):
            assert KeptRun.latest(self.project.folder).splits

    def teardown(self) -> None:
        if hasattr(self, "place"):
            shutil.rmtree(self.place)


TestRefreshing = Refreshing.TestCase
TestRefreshing.settings = hypothesis_settings(
    max_examples=5,
    stateful_step_count=8,
    deadline=None,
    # Each example runs whole projects: making a failing one smaller would take minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
TestRefreshing = pytest.mark.slow(TestRefreshing)
