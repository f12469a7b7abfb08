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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from labelwright.core import Class
from labelwright.core.errors import FunctionError, LabelwrightError
from labelwright.labeling import LabelingFunction

__all__ = ["ABSTAINS", "ExampleCheck", "FailedTest", "PytestCheck", "check_examples", "run_pytest"]

TESTS = "tests"
ABSTAINS = "abstains"

# Given to a function that reads no field at all.
_ANY_FIELD = "text"
_NO_TESTS = 5  # pytest's exit code where it collects nothing


@dataclass(frozen=True, slots=True)
class ExampleCheck:
    """One example of one function, and what the function made of it.

    Parameters
    ----------
    function : str
    example : object
        As it was written: a value, or a mapping of fields.
    expected, got : str, int or None
        Votes; ``None`` = abstains.
    passed : bool
    error : str
        Why there is no vote: what was raised, and where; "" where there is one.
    """

    function: str
    example: Any
    expected: Class | None
    got: Class | None
    passed: bool
    error: str = ""

    def __str__(self) -> str:
        got = self.error or (ABSTAINS if self.got is None else str(self.got))
        expected = ABSTAINS if self.expected is None else self.expected
        return f"{self.function} on {self.example!r}: expected {expected}, got {got}"

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
) -> list[ExampleCheck]:
    """Call each function on each of its examples.

    Parameters
    ----------
    functions : sequence of LabelingFunction
    classes : sequence of (str or int)
        The classes of the project; where they have names, a number stands for the name at that place.
    text_columns : callable
        Gives the columns of text of the project's data; asked only where a bare text could go to several fields.

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
    return [
        _check(function, given, expected, list(classes), text_columns)
        for function in functions
        for given, expected in function.examples
    ]


def _check(
    function: LabelingFunction,
    given: Any,
    expected: Class | None,
    classes: Sequence[Class],
    text_columns: Callable[[], Sequence[str]],
) -> ExampleCheck:
    wanted, got = _named(expected, classes), None
    error = "" if wanted is None or wanted in classes else f"{wanted!r} is no class; allowed: {_listed(classes)}"
    if not error:
        try:
            got = _named(function(_fields(function, given, text_columns)), classes)
            error = "" if got is None or got in classes else f"it voted {got!r}, which is no class"
        except LabelwrightError as reason:
            error = str(reason)
        except Exception as reason:
            error = f"{type(reason).__name__}: {reason}{_place(reason)}"
    return ExampleCheck(function.name, given, wanted, got, not error and wanted == got, error)


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
