"""Apply: the laws (partition, engine), the errors, and what reaches the functions."""

from __future__ import annotations

import inspect
import json
import re
import threading
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labelwright as lw
from labelwright import apply, batch_lf, labeling_function, preprocessor
from labelwright.core.errors import (
    DataError,
    EngineError,
    FunctionError,
    LabelingError,
    LabelingTimeoutError,
    SlowPathWarning,
    VoteError,
)
from labelwright.data import read
from labelwright.engines import LocalEngine, Outcome
from labelwright.labeling import LabelingFunction, VectorisedFunction


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Expression(VectorisedFunction):
    """The smallest vectorised function."""

    given: pl.Expr
    slow: str | None = None

    def expression(self, schema: pl.Schema) -> pl.Expr:
        return self.given

    def slow_path(self, schema: pl.Schema) -> str | None:
        return self.slow

    def _version(self) -> str:
        return "0" * 64

    def __call__(self, x: Any) -> Any:
        return None


FRAME = pl.DataFrame({"text": ["check out", "nice", None, "check", "song"], "n": [1, 2, 3, 4, 5]})

check = Expression(name="check", label=1, given=pl.col("text").str.contains("check"))
few = Expression(name="few", label=0, given=pl.col("n") < 3)


@labeling_function
def long(x: Any) -> Any:
    return None if x.text is None else 1 if len(x.text) > 4 else 0


@labeling_function(labels=[0])
def odd(x: Any) -> Any:
    return 0 if x["n"] % 2 else -1


@batch_lf(fields=["n"])
def remainder(part: pl.DataFrame) -> Any:
    return part["n"] % 2


EXPECTED = [[1, 0, 1, 0, 1], [-1, 0, 0, -1, 0], [-1, -1, -1, 0, 1], [1, -1, 1, -1, 0], [-1, -1, 0, 0, 1]]
EVERY: list[LabelingFunction] = [check, few, long, odd, remainder]


def test_every_kind_of_function_together() -> None:
    votes = apply(EVERY, FRAME)
    assert votes.values.tolist() == EXPECTED
    assert votes.values.dtype == np.int8
    assert votes.sources == ("check", "few", "long", "odd", "remainder")
    assert votes.classes == (0, 1)
    assert votes.example_ids.tolist() == [0, 1, 2, 3, 4]


texts = st.lists(st.none() | st.text("chek out", max_size=12), min_size=1, max_size=30)


@settings(max_examples=40, deadline=None)
@given(texts, st.integers(1, 31), st.sampled_from(["inline", "threads"]), st.booleans())
def test_law_partition(values: list[str | None], part_rows: int, kind: Any, named: bool) -> None:
    frame = pl.DataFrame({"text": values, "n": range(len(values))}, schema={"text": pl.String, "n": pl.Int64})
    functions = EVERY if not named else [labeling_function(name="own")(lambda x: x.text or None)]
    if named and len({v for v in values if v}) < 2:
        return
    whole = apply(functions, read(frame, part_rows=1000), engine=LocalEngine(kind="inline"))
    votes = apply(functions, read(frame, part_rows=part_rows), engine=LocalEngine(workers=2, kind=kind))
    assert np.array_equal(votes.values, whole.values)
    assert (votes.classes, votes.sources) == (whole.classes, whole.sources)


@pytest.mark.slow
def test_law_partition_across_processes() -> None:
    frame = pl.DataFrame({"text": [f"check {i}" * (i % 3) for i in range(500)], "n": range(500)})
    whole = apply(EVERY, frame)
    votes = apply(EVERY, read(frame, part_rows=70), engine=LocalEngine(workers=2, kind="processes"))
    assert np.array_equal(votes.values, whole.values)


def test_failures_are_counted_the_same_for_every_partition() -> None:
    bad = Expression(name="bad", label=1, given=pl.col("text").str.to_integer(strict=True) > 0)
    frame = pl.DataFrame({"text": ["1", "x", "-2", None, "y", "3"], "n": [1, 0, 2, 4, 5, 0]})
    division = labeling_function(name="division")(lambda x: 1 if 1 / x.n > 0 else None)
    seen = []
    for part_rows in (1, 2, 4, 100):
        votes = apply([bad, division], read(frame, part_rows=part_rows), on_error="abstain")
        assert votes.values.T.tolist() == [[1, -1, -1, -1, -1, 1], [1, -1, 1, 1, 1, -1]]
        seen.append([(f.source, f.count, [i for i, _ in f.first]) for f in votes.failures])
    assert seen == [[("bad", 2, [1, 4]), ("division", 2, [1, 5])]] * 4


def test_a_function_that_raises_says_where_and_what_it_saw() -> None:
    f = labeling_function(name="f")(lambda x: 1 / (x.n - 3) > 0 or None)
    data = FRAME.with_columns(key=pl.Series(["a", "b", "c", "d", "e"]))
    with pytest.raises(LabelingError, match=r"'f' raised ZeroDivisionError.* on example 'c'; it saw n=3") as caught:
        apply([f], data, id="key", on_error="raise", classes=2)
    line = inspect.currentframe().f_lineno - 4  # type: ignore[union-attr]
    assert str(caught.value).endswith(f"It was raised at {__file__}:{line}.")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert (caught.value.source, caught.value.example_id, caught.value.fields) == ("f", "c", {"n": 3})


def test_the_line_is_the_users_own_though_a_library_raised() -> None:
    f = labeling_function(name="f")(lambda x: json.loads(x.text))
    with pytest.raises(LabelingError, match=rf"raised JSONDecodeError.* It was raised at {re.escape(__file__)}:\d+\.$"):
        apply([f], FRAME, classes=2)


def test_a_vectorised_function_that_raises_says_where() -> None:
    bad = Expression(name="bad", label=1, given=pl.col("text").str.to_integer(strict=True) > 0)
    with pytest.raises(LabelingError, match=r"'bad' raised ComputeError.* on example 1; it saw text='x'"):
        apply([check, bad], [{"text": "1"}, {"text": "x"}])


@pytest.mark.slow
def test_errors_come_back_from_other_processes() -> None:
    f = labeling_function(name="f")(lambda x: {}[x.n])
    with pytest.raises(LabelingError, match="'f' raised KeyError: 1 on example 0") as caught:
        apply([f], FRAME, engine=LocalEngine(workers=2, kind="processes"))
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.fields == {"n": 1}
    assert "In a worker process" in caught.value.__notes__[0]


def forever(x: Any) -> Any:
    # Not quite, so that a limit that does not work fails the test instead of hanging it.
    end = time.monotonic() + 3
    while x.n == 3 and time.monotonic() < end:
        pass
    return 1


def swallows(x: Any) -> Any:
    end = time.monotonic() + 3
    while x.n == 3 and time.monotonic() < end:
        try:
            time.sleep(1)
        except Exception:
            continue
    return 1


@pytest.mark.parametrize("function", [forever, swallows])
def test_a_function_that_loops_is_stopped(function: Any) -> None:
    f = labeling_function(name="f")(function)
    with pytest.raises(LabelingTimeoutError, match=r"'f' took longer than 0.05 s on example 2; it saw n=3") as caught:
        apply([f], FRAME, timeout=0.05)
    assert caught.value.example_id == 2
    votes = apply([f, long], FRAME, timeout=0.05, on_error="abstain")
    assert votes.values[:, 0].tolist() == [1, 1, -1, 1, 1]
    assert votes.values[:, 1].tolist() == [1, 0, -1, 1, 0]
    assert (votes.failures[0].source, votes.failures[0].count) == ("f", 1)


def test_a_time_limit_needs_a_main_thread() -> None:
    with pytest.raises(EngineError, match="time limit needs the main thread"):
        apply([long], FRAME, timeout=1, engine=LocalEngine(kind="threads"))
    caught: list[BaseException] = []

    def elsewhere() -> None:
        try:
            apply([long], FRAME, timeout=1, engine=LocalEngine(kind="inline"))
        except EngineError as error:
            caught.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert caught


@pytest.mark.parametrize("timeout", [0, -1, True, "1"])
def test_a_time_limit_is_a_number(timeout: Any) -> None:
    with pytest.raises(FunctionError, match="timeout is"):
        apply([long], FRAME, timeout=timeout)


def test_functions_that_do_not_fit() -> None:
    with pytest.raises(FunctionError, match="list of labeling functions is empty"):
        apply([], FRAME)
    with pytest.raises(
        FunctionError, match=r"two labeling functions are called 'long'; give one of them another name\.$"
    ):
        apply([long, labeling_function(name="long")(lambda x: 1)], FRAME)
    with pytest.raises(FunctionError, match=r"pass a list, \[long\]"):
        apply(long, FRAME)  # type: ignore[arg-type]
    with pytest.raises(FunctionError, match="forever is not a labeling function; decorate it"):
        apply([forever], FRAME)  # type: ignore[list-item]
    with pytest.raises(FunctionError, match="on_error is 'ignore'; allowed: 'raise' or 'abstain'"):
        apply([long], FRAME, on_error="ignore")  # type: ignore[arg-type]
    with pytest.raises(FunctionError, match="'long' reads field 'text', which the data does not have; Columns: n"):
        apply([long], FRAME.select("n"))
    with pytest.raises(FunctionError, match="'check' does not fit the data"):
        apply([check], FRAME.select("n"))
    with pytest.raises(FunctionError, match="'few' does not fit the data"):
        apply([few], FRAME.select(n=pl.col("text")))
    with pytest.raises(FunctionError, match="expression of labeling function 'n' gives Int64"):
        apply([Expression(name="n", label=1, given=pl.col("n") + 1)], FRAME)


@pytest.mark.parametrize("data", [[], FRAME[:0], FRAME[:0].lazy(), pd.DataFrame({"text": [], "n": []})])
def test_empty_data(data: Any) -> None:
    with pytest.raises(DataError, match="no examples"):
        apply([labeling_function(lambda x: 1)], data)


def test_ids() -> None:
    frame = FRAME.with_columns(key=pl.Series(["a", "b", "c", "d", "d"]))
    with pytest.raises(VoteError, match="example id d stands more than once"):
        apply([few], frame, id="key")
    with pytest.raises(DataError, match="id column 'nokey' is not in the data"):
        apply([few], frame, id="nokey")
    dataset = read(frame[:4], id="key", group="n", part_rows=3)
    votes = apply([check, long], dataset)
    assert votes.example_ids.tolist() == ["a", "b", "c", "d"]
    assert votes.groups is not None
    assert votes.groups.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("part_rows", [1, 2, 100])
def test_functions_see_the_group_and_votes_carry_it(part_rows: int) -> None:
    frame = pl.DataFrame({"text": ["a", "b", "c"], "patient": ["p1", "p2", "p1"]})

    @labeling_function(labels=[1])
    def follow_up(x: Any) -> Any:
        return 1 if x.patient == "p1" else None

    first = lw.regex_lf("first", "p1", 1, field="patient")
    votes = apply([follow_up, first], read(frame, part_rows=part_rows), group="patient")
    assert votes.values.T.tolist() == [[1, -1, 1], [1, -1, 1]]
    assert votes.groups is not None
    assert votes.groups.tolist() == ["p1", "p2", "p1"]
    with pytest.raises(DataError, match="group column 'person' is not in the data; columns: text, patient"):
        apply([follow_up], frame, group="person")


def test_missing_values_of_pandas() -> None:
    frame = pd.DataFrame({"text": ["check", np.nan, None], "score": [1.0, np.nan, 2.0]})
    none = labeling_function(name="none")(lambda x: 1 if x.text is None else None)
    nan = labeling_function(name="nan")(lambda x: 1 if x.score != x.score else None)
    votes = apply([check, none, nan], frame)
    assert votes.values.T.tolist() == [[1, -1, -1], [-1, 1, 1], [-1, 1, -1]]


def test_parts_are_cut_to_the_pace_of_slow_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    # A clock of the test's own: on a busy machine, sleeping takes as long as it pleases.
    clock = SimpleNamespace(now=0.0, perf_counter=lambda: clock.now)
    monkeypatch.setattr("labelwright.labeling.task.time", clock)

    def slow(x: Any) -> Any:
        clock.now += 0.0005
        return x.n % 3

    done: list[int] = []
    frame = pl.DataFrame({"n": range(1500)})
    votes = apply(
        [labeling_function(name="slow")(slow)],
        read(frame, part_rows=1000),
        engine=LocalEngine(kind="inline"),
        progress=lambda rows, _total: done.append(rows),
    )
    assert votes.values[:, 0].tolist() == [n % 3 for n in range(1500)]
    assert done[:2] == [16, 16 + 128]
    assert done[-1] == 1500


def test_preprocessors_run_once_per_example() -> None:
    calls: list[str] = []

    @preprocessor
    def upper(x: Any) -> Any:
        calls.append(x.text)
        x.upper = x.text.upper()
        return x

    functions = [
        labeling_function(name=str(i), pre=[upper])(lambda x: 1 if "CHECK" in x.upper else 0) for i in range(3)
    ]
    frame = FRAME.drop_nulls()
    votes = apply(functions, frame, engine=LocalEngine(kind="inline"))
    assert votes.values.tolist() == [[1] * 3, [0] * 3, [1] * 3, [0] * 3]
    assert len(calls) == frame.height


def test_functions_that_read_no_field() -> None:
    assert apply([labeling_function(lambda x: 1)], FRAME).values[:, 0].tolist() == [1] * 5
    assert (
        apply([Expression(name="all", label=1, given=pl.lit(True))], FRAME, classes=2).values[:, 0].tolist() == [1] * 5
    )


def test_a_slow_path_is_noted() -> None:
    slow = Expression(name="slow", label=1, given=pl.lit(True), slow="look-ahead")
    with pytest.warns(SlowPathWarning, match=r"1 of 2 vectorised functions go through Python.*slow \(look-ahead\)"):
        apply([slow, few], FRAME)


def test_progress(capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[int, int | None]] = []
    apply([few], read(FRAME, part_rows=2), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]
    apply([few], FRAME)
    assert capfd.readouterr() == ("", "")
    apply([few], FRAME, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "Applying" in err


def test_files_are_read_where_they_are_needed(tmp_path: Any) -> None:
    FRAME.write_parquet(tmp_path / "a.parquet")
    FRAME.write_csv(tmp_path / "b.csv")
    for name in ("a.parquet", "b.csv"):
        assert apply(EVERY, read(tmp_path / name, part_rows=2)).values.tolist() == EXPECTED


@given(st.integers(1, 60), st.sets(st.integers(0, 39), max_size=5))
def test_a_batch_function_fails_on_examples_not_on_parts(part_rows: int, bad: set[int]) -> None:
    @batch_lf(labels=[0, 1], fields=["n"])
    def fragile(part: pl.DataFrame) -> list[int]:
        if bad & set(part["n"]):
            raise ValueError("boom")
        return [n % 2 for n in part["n"]]

    data = lw.data.read(pl.DataFrame({"n": range(40)}), part_rows=part_rows)
    votes = lw.apply([fragile], data, on_error="abstain")
    assert votes.values[:, 0].tolist() == [-1 if n in bad else n % 2 for n in range(40)]
    assert sum(f.count for f in votes.failures) == len(bad)


def test_what_one_function_writes_others_do_not_see() -> None:
    @labeling_function(labels=[0, 1])
    def writes(x: Any) -> int:
        x.text = "changed"
        return 0

    @labeling_function(labels=[0, 1])
    def reads(x: Any) -> int:
        return int(x.text == "changed")

    for functions in ([writes, reads], [reads, writes]):
        assert lw.apply(functions, [{"text": "a"}]).select(["reads"]).values.tolist() == [[0]]


def test_python_inside_an_expression_fails_on_an_example() -> None:
    def boom(value: int) -> bool:
        if value == 3:
            raise ValueError("no threes")
        return True

    function = lw.expression_lf("inside", pl.col("n").map_elements(boom, return_dtype=pl.Boolean), 1)
    data = pl.DataFrame({"n": [1, 2, 3, 4]})
    with pytest.raises(LabelingError, match=r"'inside' raised .*no threes.* on example 2"):
        lw.apply([function], data)
    votes = lw.apply([function], data, on_error="abstain")
    assert votes.values[:, 0].tolist() == [1, 1, -1, 1]


def test_an_engine_may_return_any_iterator() -> None:
    class Listed:
        def map(self, task: Any, parts: Any, *, combine: Any = None, resources: Any = None) -> Any:
            task.setup()
            return iter([Outcome(part.index, task(part)) for part in parts])

        def close(self) -> None: ...

    assert lw.apply([lw.keyword_lf("a", ["a"], 1)], [{"text": "a"}], engine=Listed()).values.tolist() == [[1]]
