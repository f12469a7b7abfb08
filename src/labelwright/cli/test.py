"""``labelwright test`` and ``labelwright drift``: supervision is code, and code has tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Answer, examples, one_line, progress_line, project_option, table, verb

if TYPE_CHECKING:
    from labelwright.pipeline.judging.checks import ExampleCheck, PytestCheck
    from labelwright.pipeline.judging.drift import DriftReport
    from labelwright.pipeline.judging.judging import Judgement

__all__ = ["command", "drift", "show_judgement"]

_WIDTH = 80
_LONGEST = 400

_against = click.option(
    "--against",
    metavar="NAME",
    help="The snapshot or run to compare with; default: gates.against, the newest snapshot, or the last run.",
)


@click.command(
    "test",
    short_help="Test the functions: examples, contracts, gates.",
    epilog=examples("labelwright test", "labelwright test --against main --json"),
)
@_against
@click.option("--no-data", is_flag=True, help="Examples and tests alone: no contracts and no gates, which need data.")
@project_option
@verb
def command(against: str | None, no_data: bool, project: Path) -> Answer:
    """Test the functions of a project; exits with 1 where anything fails.

    Runs the examples that functions carry, pytest on the folder tests/ where there is one, and judges the contracts
    and gates of labelwright.toml on the functions and data as they are.
    """
    from labelwright.pipeline import Project

    with progress_line() as step:
        found = Project(project).test(against=against, data=not no_data, step=step)

    def show() -> None:
        _show_examples(found.examples, found.functions)
        _show_tests(found.tests)
        show_judgement(found.judgement)
        if not no_data and not (found.judgement.contracts or found.judgement.gates):
            click.echo("No data was looked at: labelwright.toml has no [contracts] and no [gates].")
        if against is not None and not found.judgement.gates:
            why = "" if no_data else ": there is no gate in labelwright.toml"
            click.echo(f"Nothing was compared with {against}{why}.")

    return Answer(found.to_dict(), show, code=0 if found.passed else 1)


@click.command(
    "drift",
    short_help="Test whether functions vote on new examples as on old ones.",
    epilog=examples("labelwright drift", "labelwright drift --against main --json"),
)
@_against
@click.option("--all", "everything", is_flag=True, help="Show every test, not only what drifted.")
@project_option
@verb
def drift(against: str | None, everything: bool, project: Path) -> Answer:
    """Compare the votes on examples that a snapshot or run did not have with those on examples that it had.

    The chance of any false alarm is that of gates.drift in labelwright.toml, or else 0.01. Exits with 0 whatever it
    finds; a gate is what fails.
    """
    from labelwright.pipeline import Project

    with progress_line() as step:
        found = Project(project).drift(against=against, step=step)
    return Answer(found.to_dict(), lambda: _show_drift(found, everything=everything))


def show_judgement(judgement: Judgement) -> None:
    """Print contracts and gates: how many hold, and the figures of each."""
    if judgement.contracts:
        kept = sum(c.status == "kept" for c in judgement.contracts)
        click.echo(f"Contracts: {kept} of {len(judgement.contracts)} kept")
        _lines([(c.status, c.sentence) for c in judgement.contracts])
    if judgement.gates:
        passed = sum(g.status == "passed" for g in judgement.gates)
        click.echo(f"Gates against {judgement.reference}: {passed} of {len(judgement.gates)} passed")
        _lines([(g.status, f"{g.gate}, {g.where}: {g.sentence}") for g in judgement.gates])


def _show_examples(checked: tuple[ExampleCheck, ...], functions: int) -> None:
    from labelwright.pipeline.judging.checks import vote_in_words

    failed = [e for e in checked if not e.passed]
    having = len({e.function for e in checked})
    click.echo(
        f"Examples: {len(checked) - len(failed)} of {len(checked)} as expected ({having} of {functions} functions have "
        "some)"
    )
    if failed:
        rows = [
            [e.function, one_line(repr(e.example), _WIDTH), vote_in_words(e.expected), e.error or vote_in_words(e.got)]
            for e in failed
        ]
        table(["function", "example", "expected", "got"], rows, text_columns=4)


def _show_tests(tests: PytestCheck) -> None:
    if tests.status != "no folder":
        click.echo(f"Tests: {tests}")
    for failure in tests.failures:
        click.echo(f"  {failure.test}: {one_line(failure.message)}")


def _show_drift(found: DriftReport, *, everything: bool) -> None:
    level = found.drift.level
    click.echo(
        f"{found.present} against {found.reference}: {found.new:,} new examples, {found.old:,} that it has too; chance "
        f"of any false alarm at most {level:g}"
    )
    rows = found.drift.rows if everything else found.drift.drifted
    if rows:
        _lines([("drifted" if row.drifted else "", str(row)) for row in rows])
    elif found.new:
        click.echo("No function votes otherwise on the new examples, as far as chance lets one see.")
    for changed in found.changed:
        click.echo(str(changed))


def _lines(marked: Sequence[tuple[str, str]]) -> None:
    """Print sentences, each behind its mark: lines that a log keeps whole."""
    width = max(len(mark) for mark, _ in marked)
    for mark, sentence in marked:
        click.echo(f"  {mark:{width}}  {one_line(sentence, _LONGEST)}")
