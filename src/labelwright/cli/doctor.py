"""``labelwright doctor``."""

from __future__ import annotations

from pathlib import Path

import click

from .output import Answer, examples, table, verb

__all__ = ["command"]


@click.command(
    "doctor",
    short_help="Check the installation and give advice.",
    epilog=examples("labelwright doctor", "labelwright doctor --json"),
)
@verb
def command() -> Answer:
    """Check Python, libraries, cores, threads, extras, tools and write access, and give advice.

    Exits with 1 where it finds a problem.
    """
    from labelwright.pipeline import check_installation

    checks = check_installation(Path())
    problems = [c for c in checks if c.state == "problem"]

    def show() -> None:
        table(["", "found", "state"], [[c.name, c.found, c.state] for c in checks], text_columns=2)
        for check in checks:
            if check.advice:
                click.echo(f"{check.name}: {check.advice}")
        some = "1 problem." if len(problems) == 1 else f"{len(problems)} problems."
        click.echo(some if problems else "No problems.")

    return Answer({"ok": not problems, "checks": [c.to_dict() for c in checks]}, show, code=1 if problems else 0)
