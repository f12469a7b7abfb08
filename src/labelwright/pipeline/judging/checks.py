"""Checks that need no data: the examples that functions carry, and the project's own ``tests/`` folder."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import traceback
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from labelwright.core import Class
from labelwright.core.errors import FunctionError, LabelwrightError
from labelwright.core.task_graph import TaskGraph
from labelwright.labeling import LabelingFunction
from labelwright.labeling.task_codebook import FunctionTasks

__all__ = ["ABSTAINS", "ExampleCheck", "FailedTest", "PytestCheck", "check_examples", "run_pytest", "vote_in_words"]

TESTS = "tests"
ABSTAINS = "abstains"

# A class; by task a class, or several of which one holds; ``None`` = abstains.
Vote: TypeAlias = Class | Mapping[str, Class | list[Class]] | None

# Given to a function that reads no field at all.
_ANY_FIELD = "text"
_NO_TESTS = 5  # pytest's exit code where it collects nothing


def vote_in_words(vote: Vote) -> str:
    """Return a vote for people.

    Examples
    --------
    >>> vote_in_words("spam"), vote_in_words(None), vote_in_words({"kind": ["mass", "cyst"], "urgent": "no"})
    ('spam', 'abstains', 'kind = mass or cyst, urgent = no')
    """
    if not isinstance(vote, Mapping):
        return ABSTAINS if vote is None else str(vote)
    sides = {task: said if isinstance(said, list) else [said] for task, said in vote.items()}
    return ", ".join(f"{task} = {' or '.join(map(str, said))}" for task, said in sides.items()) or ABSTAINS


@dataclass(frozen=True, slots=True)
class ExampleCheck:
    """One example of one function, and what the function made of it.

    Parameters
    ----------
    function : str
    example : object
        As it was written: a value, or a mapping of fields.
    expected, got : str, int, dict or None
        Votes; ``None`` = abstains. Of a function on several tasks, by task: a class, or a list of which one holds.
    passed : bool
    error : str
        Why there is no vote: what was raised, and where; "" where there is one.
    """

    function: str
    example: Any
    expected: Vote
    got: Vote
    passed: bool
    error: str = ""

    def __str__(self) -> str:
        got = self.error or vote_in_words(self.got)
        return f"{self.function} on {self.example!r}: expected {vote_in_words(self.expected)}, got {got}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class FailedTest:
    """A test of the project's own that did not pass: its name and what pytest says of it."""

    test: str
    message: str


@dataclass(frozen=True, slots=True)
class PytestCheck:
    """What pytest made of the project's ``tests/`` folder.

    Parameters
    ----------
    status : {"passed", "failed", "no folder", "no tests", "not installed"}
    tests : int
        Tests that ran.
    failures : tuple of FailedTest
    output : str
        What pytest printed, where it did not pass.
    """

    status: Literal["passed", "failed", "no folder", "no tests", "not installed"]
    tests: int = 0
    failures: tuple[FailedTest, ...] = ()
    output: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing failed; a folder that cannot be run because pytest is not installed is no pass."""
        return self.status in ("passed", "no folder", "no tests")

    def __str__(self) -> str:
        return {
            "passed": f"tests/: {self.tests} passed",
            "failed": f"tests/: {len(self.failures)} of {self.tests} failed",
            "no folder": "tests/: there is none",
            "no tests": "tests/: pytest finds no test in it",
            "not installed": "tests/: not run, because pytest is not installed; pip install pytest",
        }[self.status]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def check_examples(
    functions: Sequence[LabelingFunction],
    classes: Sequence[Class],
    text_columns: Callable[[], Sequence[str]],
    *,
    graph: TaskGraph | None = None,
) -> list[ExampleCheck]:
    """Call each function on each of its examples.

    Parameters
    ----------
    functions : sequence of LabelingFunction
    classes : sequence of (str or int)
        The classes of the project; where they have names, a number stands for the name at that place.
    text_columns : callable
        Gives the columns of text of the project's data; asked only where a bare text could go to several fields.
    graph : TaskGraph, optional
        Of a project with several tasks, in place of classes.

    Returns
    -------
    list of ExampleCheck
        In the order of functions and examples. A function that raises fails its example, and no other.

    Examples
    --------
    >>> from labelwright.labeling import keyword_lf
    >>> shout = keyword_lf("shout", ["free"], "spam", examples=[("FREE", "spam"), ("freedom", "spam")])
    >>> for found in check_examples([shout], ["ham", "spam"], lambda: ["text"]):
    ...     print(found.passed, found)
    True shout on 'FREE': expected spam, got spam
    False shout on 'freedom': expected spam, got abstains
    """
    found: list[ExampleCheck] = []
    for function in functions:
        reading: _Reading = _ByClass(list(classes)) if graph is None else _ByTask(function, graph)
        found += [_check(function, given, expected, reading, text_columns) for given, expected in function.examples]
    return found


def _check(
    function: LabelingFunction,
    given: Any,
    expected: Any,
    reading: _Reading,
    text_columns: Callable[[], Sequence[str]],
) -> ExampleCheck:
    wanted, error = reading.wanted(expected)
    got: Vote = None
    if not error:
        try:
            got, error = reading.got(function(_fields(function, given, text_columns)))
        except LabelwrightError as reason:
            error = str(reason)
        except Exception as reason:
            error = f"{type(reason).__name__}: {reason}{_place(reason)}"
    return ExampleCheck(function.name, given, wanted, got, not error and wanted == got, error)


class _Reading(Protocol):
    """What answers mean; with each, what is wrong with it, "" for nothing."""

    def wanted(self, expected: Any) -> tuple[Vote, str]:
        """Read what an example expects."""

    def got(self, answer: Any) -> tuple[Vote, str]:
        """Read what a function returned."""


@dataclass(frozen=True)
class _ByClass:
    """Answers of a project with one task."""

    classes: Sequence[Class]

    def wanted(self, expected: Any) -> tuple[Vote, str]:
        vote = _named(expected, self.classes)
        known = vote is None or vote in self.classes
        return vote, "" if known else f"{vote!r} is no class; allowed: {_listed(self.classes)}"

    def got(self, answer: Any) -> tuple[Vote, str]:
        vote = _named(answer, self.classes)
        return vote, "" if vote is None or vote in self.classes else f"it voted {vote!r}, which is no class"


class _ByTask:
    """Answers of a function of a project with several tasks."""

    def __init__(self, function: LabelingFunction, graph: TaskGraph) -> None:
        self._place: FunctionTasks | None = None
        self._fault = ""
        try:
            # Its examples are read one by one, so that one that is wrong fails alone.
            self._place = FunctionTasks(replace(function, examples=()), graph, 0)
        except FunctionError as error:
            self._fault = str(error)

    def wanted(self, expected: Any) -> tuple[Vote, str]:
        vote, error = self._read(expected)
        return (expected, error) if error else (vote, "")

    def got(self, answer: Any) -> tuple[Vote, str]:
        vote, error = self._read(answer)
        return vote, f"it voted {answer!r}: {error}" if error else ""

    def _read(self, answer: Any) -> tuple[Vote, str]:
        place = self._place
        if place is None:
            return None, self._fault
        try:
            said = place.said(answer)
        except ValueError as error:
            return None, str(error)
        if place.contradicts(said):
            return None, f"{place.shown(said)} cannot hold together under the task graph"
        named = {
            task: [place.graph.states(task)[s] for s in sorted(states)]
            for task, states in zip(place.tasks, said, strict=True)
            if states is not None
        }
        vote = {task: one if len(one) > 1 else one[0] for task, one in named.items()}
        return vote or None, ""


def _fields(function: LabelingFunction, given: Any, text_columns: Callable[[], Sequence[str]]) -> Mapping[str, Any]:
    """Return the fields that an example stands for: a bare value goes to the one field, or the one field of text."""
    if isinstance(given, Mapping):
        return given
    fields = function.fields
    if fields is not None and len(fields) <= 1:
        return {(fields[0] if fields else _ANY_FIELD): given}
    texts = [name for name in text_columns() if fields is None or name in fields] if isinstance(given, str) else []
    if len(texts) == 1:
        return {texts[0]: given}
    reads = ", ".join(fields or texts) or "any field"
    raise FunctionError(f"it reads {reads}; name the field in the example, as ({{'field': {given!r}}}, vote)")


def _named(vote: Any, classes: Sequence[Class]) -> Class | None:
    """Return a vote as a class: a code stands for the class at its place where classes have names."""
    plain: Any = vote.item() if hasattr(vote, "item") else vote
    if plain is None or plain == -1:
        return None
    if isinstance(plain, int) and plain not in classes and 0 <= plain < len(classes):
        return classes[plain]
    return plain  # type: ignore[no-any-return]


def _listed(classes: Sequence[Class]) -> str:
    return ", ".join(map(repr, classes))


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = Path(__file__).parents[2]
    own = [f for f in frames if not Path(f.filename).is_relative_to(ours) and "site-packages" not in f.filename]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def run_pytest(folder: Path) -> PytestCheck:
    """Run pytest on the ``tests/`` folder of a project, where it has one.

    It runs in a process of its own, in the project's folder, which is on the path there: a test may import
    ``supervision``.

    Parameters
    ----------
    folder : Path
        The project.
    """
    if not (folder / TESTS).is_dir():
        return PytestCheck("no folder")
    if importlib.util.find_spec("pytest") is None:
        return PytestCheck("not installed")
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "results.xml"
        command = [sys.executable, "-m", "pytest", TESTS, "-q", "--color=no", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, f"--junitxml={results}"],
            cwd=folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        tests, failures = _read_results(results)
    if done.returncode in (0, _NO_TESTS):
        return PytestCheck("passed" if done.returncode == 0 else "no tests", tests)
    return PytestCheck("failed", tests, failures or (FailedTest(TESTS, _last_line(done.stdout)),), done.stdout)


def _read_results(path: Path) -> tuple[int, tuple[FailedTest, ...]]:
    """Read how many tests ran and which failed from the file in the form of JUnit that pytest writes."""
    if not path.is_file():
        return 0, ()
    cases = list(ElementTree.parse(path).iter("testcase"))
    failures = []
    for case in cases:
        for kind in ("failure", "error"):
            found = case.find(kind)
            if found is not None:
                name = "::".join(part for part in (case.get("classname"), case.get("name")) if part)
                failures.append(FailedTest(name, (found.get("message") or "").strip()))
    return len(cases), tuple(failures)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "pytest did not start"
