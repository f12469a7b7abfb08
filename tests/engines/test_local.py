"""The local engine: the same outcomes in order wherever they are computed, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labelwright.core.errors import EngineError, SlowPathWarning
from labelwright.engines import Engine, LocalEngine, Outcome, Task

KINDS = ["inline", "threads", pytest.param("processes", marks=pytest.mark.slow)]


@dataclass
class Square:
    prefers: Any = "threads"
    main_thread: bool = False
    bad: int | None = None
    held: Any = None
    begun: int = 0

    def setup(self) -> None:
        self.begun += 1

    def __call__(self, part: int) -> int:
        assert self.begun == 1
        if part == self.bad:
            raise ValueError(f"part {part}") from KeyError("cause")
        return part * part


@pytest.mark.parametrize("kind", KINDS)
def test_outcomes_come_in_order(kind: Any) -> None:
    engine = LocalEngine(workers=2, kind=kind)
    assert [o.value for o in engine.map(Square(), iter(range(20)))] == [i * i for i in range(20)]
    assert [o.part_id for o in engine.map(Square(), "abc")] == [0, 1, 2] or kind == "processes"
    engine.close()


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_an_outcome(kind: Any) -> None:
    outcomes = list(LocalEngine(workers=2, kind=kind).map(Square(bad=1), [0, 1, 2]))
    assert [o.value for o in outcomes] == [0, None, 4]
    error = outcomes[1].error
    assert isinstance(error, ValueError)
    assert str(error) == "part 1"
    assert isinstance(error.__cause__, KeyError)


def test_combine_joins_values_in_order() -> None:
    engine: Engine = LocalEngine(workers=2, kind="threads")
    task: Task = Square()
    (outcome,) = engine.map(task, range(4), combine=lambda a, b: f"{a} {b}")
    assert outcome == Outcome(None, "0 1 4 9")
    (failed,) = engine.map(Square(bad=2), range(4), combine=lambda a, b: a + b)
    assert (failed.part_id, type(failed.error)) == (2, ValueError)
    assert list(engine.map(task, [], combine=lambda a, b: a + b)) == []


@pytest.mark.parametrize("kind", ["inline", "threads"])
def test_only_a_few_parts_are_held(kind: Any) -> None:
    taken = 0

    def parts() -> Iterator[int]:
        nonlocal taken
        while taken < 1000:
            taken += 1
            yield taken

    outcomes = LocalEngine(workers=2, kind=kind).map(Square(), parts())
    for _ in range(10):
        next(outcomes)
    assert taken <= 15
    outcomes.close()  # type: ignore[attr-defined]
    assert threading.active_count() < 10


@pytest.mark.slow
def test_what_cannot_be_sent_stays_here_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelwright.engines.local._INLINE_SECONDS", 0.0)
    monkeypatch.setattr("labelwright.engines.local._WORTH_SECONDS", 0.0)
    stuck = Square(prefers="processes", held=threading.Lock())
    with pytest.warns(SlowPathWarning, match="cannot be sent to other processes.*in this process alone"):
        outcomes = list(LocalEngine(workers=2).map(stuck, range(3)))
    assert [o.value for o in outcomes] == [0, 1, 4]
    with pytest.raises(EngineError, match="cannot be sent to other processes"):
        list(LocalEngine(workers=2, kind="processes").map(stuck, [1]))


class Where(Square):
    def __call__(self, part: int) -> int:
        return os.getpid()


def test_little_that_is_left_is_not_worth_workers(monkeypatch):
    monkeypatch.setattr("labelwright.engines.local._INLINE_SECONDS", 0.0)
    values = [o.value for o in LocalEngine(workers=2).map(Where(prefers="processes"), range(6))]
    assert set(values) == {os.getpid()}


@pytest.mark.slow
def test_work_that_takes_long_moves_to_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelwright.engines.local._INLINE_SECONDS", 0.0)
    monkeypatch.setattr("labelwright.engines.local._WORTH_SECONDS", 0.0)

    values = [o.value for o in LocalEngine(workers=2).map(Where(prefers="processes"), range(6))]
    assert values[0] == os.getpid()
    assert os.getpid() not in values[1:]


@pytest.mark.slow
def test_a_worker_that_dies_is_an_engine_error() -> None:
    class Dies(Square):
        def __call__(self, part: int) -> int:
            os._exit(9)

    with pytest.raises(EngineError, match="worker process died"):
        list(LocalEngine(workers=2, kind="processes").map(Dies(), range(3)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"kind": "gpu"}, "kind is 'gpu'"), ({"workers": 0}, "workers is 0"), ({"workers": True}, "workers is True")],
)
def test_wrong_settings(settings: Any, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        LocalEngine(**settings)


SCRIPT = """
import os, time
import labelwright as lw
from labelwright.engines import LocalEngine
{extra}
limit = 3
def make(word):
    return lw.labeling_function(name="closure")(lambda x: 1 if word in x.text else None)
long = lw.labeling_function(name="long")(lambda x: 1 if len(x.text) > limit else 0)
data = [{{"text": "check %d" % i}} for i in range(300)]
votes = lw.apply([make("check"), long], data, engine=LocalEngine(workers=2, kind="processes"))
print(votes.values.sum())
"""


def run(tmp_path: Path, how: str, extra: str = "") -> str:
    script = SCRIPT.format(extra=extra)
    path = tmp_path / "job.py"
    path.write_text(script)
    given = {"script": [str(path)], "stdin": ["-"], "command": ["-c", script]}[how]
    done = subprocess.run(
        [sys.executable, *given], input=script if how == "stdin" else None, capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["script", "stdin", "command"])
def test_processes_work_from_an_unguarded_script(tmp_path: Path, how: str) -> None:
    assert run(tmp_path, how) == "600"


@pytest.mark.slow
def test_functions_of_a_file_that_is_not_on_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "supervision.py").write_text(
        textwrap.dedent("""
            import labelwright as lw
            WORDS = ["check"]
            def has(text): return any(w in text for w in WORDS)
            @lw.labeling_function
            def found(x): return 1 if has(x.text) else None
        """)
    )
    extra = textwrap.dedent(f"""
        import importlib.util, sys
        spec = importlib.util.spec_from_file_location("supervision", {str(folder / "supervision.py")!r})
        module = importlib.util.module_from_spec(spec); sys.modules["supervision"] = module
        spec.loader.exec_module(module)
        v = lw.apply([module.found], [{{"text": "check"}}], engine=LocalEngine(workers=2, kind="processes"))
        assert v.values.tolist() == [[1]]
    """)
    assert run(tmp_path, "script", extra) == "600"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs POSIX process groups")
@pytest.mark.parametrize("pgrep", ["there", "slow", "missing"])  # loky asks it for the children of workers
def test_ctrl_c_leaves_no_worker_behind(tmp_path: Path, pgrep: str) -> None:
    own, asked = tmp_path / "bin", tmp_path / "asked"
    own.mkdir()
    if pgrep == "slow":
        (own / "pgrep").write_text(f"#!/bin/sh\n: > {asked}\nsleep 2\nexit 1\n")
        (own / "pgrep").chmod(0o755)
    search = {"there": os.environ["PATH"], "slow": f"{own}:{os.environ['PATH']}", "missing": str(own)}[pgrep]
    path = tmp_path / "job.py"
    path.write_text(
        textwrap.dedent("""
            import os, signal, sys, time
            signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs without
            import labelwright as lw
            from labelwright.engines import LocalEngine
            def slow(x):
                os.write(1, f"{os.getpid()}\\n".encode())  # one write: print's two may interleave with another worker's
                time.sleep(0.2)
                return 1
            f = lw.labeling_function(name="slow")(slow)
            lw.apply([f], [{"i": i} for i in range(10000)], engine=LocalEngine(workers=2, kind="processes"))
        """)
    )
    with subprocess.Popen(
        [sys.executable, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PATH": search},
    ) as job:
        try:
            assert job.stdout is not None
            workers = {int(job.stdout.readline()) for _ in range(20)}
            os.killpg(job.pid, signal.SIGINT)
            if pgrep == "slow":  # and again, while workers are being ended
                while not asked.exists():
                    time.sleep(0.01)
                os.killpg(job.pid, signal.SIGINT)
            _, err = job.communicate(timeout=60)
        except BaseException:
            # Whatever is left must not run on, nor fail the next test by its open files.
            os.killpg(job.pid, signal.SIGKILL)
            raise
    assert err.count("KeyboardInterrupt") == 1
    deadline = time.monotonic() + 10
    while any(_alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(_alive(pid) for pid in workers)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
