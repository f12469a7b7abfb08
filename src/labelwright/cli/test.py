"""``labelwright test``: supervision is code, and code has tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Answer, examples, one_line, project_option, table, verb

if TYPE_CHECKING:
    from labelwright.pipeline.checks import ExampleCheck, PytestCheck

__all__ = ["command"]


@click.command(
    "test",
    short_help="Test the functions: examples, contracts, gates.",
    epilog=examples("labelwright test", "labelwright test --json"),
)
@project_option
@verb
def command(project: Path) -> Answer:
    """Test the functions of a project; exits with 1 where anything fails.

    Runs the examples that functions carry, and pytest on the folder tests/ where there is one.
    """
    from labelwright.pipeline import Project

    found = Project(project).test()

    def show() -> None:
        _show_examples(found.examples, found.functions)
        _show_tests(found.tests)

    return Answer(found.to_dict(), show, code=0 if found.passed else 1)


def _show_examples(checked: tuple[ExampleCheck, ...], functions: int) -> None:
    failed = [e for e in checked if not e.passed]
    having = len({e.function for e in checked})
    click.echo(
        f"Examples: {len(checked) - len(failed)} of {len(checked)} as expected ({having} of {functions} functions have "
        "some)"
    )
    if failed:
        rows = [[e.function, one_line(repr(e.example), 80), _vote(e.expected), e.error or _vote(e.got)] for e in failed]
        table(["function", "example", "expected", "got"], rows, text_columns=4)


def _show_tests(tests: PytestCheck) -> None:
    if tests.status != "no folder":
        click.echo(f"Tests: {tests}")
    for failure in tests.failures:
        click.echo(f"  {failure.test}: {one_line(failure.message)}")


def _vote(vote: object) -> str:
    return "abstains" if vote is None else str(vote)
