"""The root of the command: which verbs there are, loaded only when one is called."""

from __future__ import annotations

import importlib
import os
import sys

import click

import labelwright

from .output import examples

__all__ = ["VERBS", "cli", "main"]

# Verb -> (where it is in this folder, the line that `labelwright --help` shows). Written here and not read from the
# verbs, because loading them all costs time; a test holds the lines to the verbs' own help.
VERBS = {
    "demo": ("demo:command", "Run the whole pipeline on real data that is built in."),
    "init": ("init:command", "Start a project from a data file."),
    "run": ("run:command", "Apply, fit, label, train, score, and write the report."),
    "test": ("test:command", "Test the functions: examples, contracts, gates."),
    "drift": ("test:drift", "Test whether functions vote on new examples as on old ones."),
    "lf": ("lf:command", "List the labeling functions, or try them."),
    "tasks": ("tasks:command", "Show several related tasks: labels, contradictions, what is stale."),
    "augment": ("augment:command", "Learn how to augment training examples, or try it."),
    "predict": ("predict:command", "Predict new examples with a finished run; nothing is refitted."),
    "report": ("run:report", "Write the HTML report of the last run again."),
    "explain": ("explain:command", "Say why an example has its label, or what a function decides."),
    "export": ("export:command", "Write the labelled training set, or the trained model."),
    "snapshot": ("versions:snapshot", "Name the last run, so that it is kept."),
    "log": ("versions:log", "List runs and snapshots, newest first."),
    "diff": ("versions:diff", "Compare two runs: labels, functions, scores."),
    "verify": ("keeping:verify", "Make a run again from what it kept, and compare."),
    "checkout": ("keeping:checkout", "Put settings and functions of a run back."),
    "gc": ("keeping:gc", "Remove what no kept run needs."),
    "doctor": ("doctor:command", "Check the installation and give advice."),
}

_EXIT_CODES = """\b
Exit codes: 0 done, 1 something you can put right, 2 wrong usage, 3 a bug in
Labelwright, 130 stopped with Ctrl-C."""


class _LazyGroup(click.Group):
    """A group that knows its verbs by name and loads the file of one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click calls it so
        if cmd_name not in VERBS:
            return None
        file, _, name = VERBS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"{__package__}.{file}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click calls it so
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])


_CLOSING = f"""{
    examples(
        "labelwright demo",
        "labelwright init spam --data comments.csv --text body --labels ham,spam",
        "labelwright run --project spam",
    )
}

{_EXIT_CODES}"""


@click.group(cls=_LazyGroup, epilog=_CLOSING, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(labelwright.__version__, prog_name="labelwright")
def cli() -> None:
    """Program your training set: write labeling functions, get labels and a model."""


def main() -> None:
    """Run the command and leave with its exit code."""
    try:
        cli.main(prog_name="labelwright", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except click.Abort:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has what it wants; Python would complain once more while flushing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
