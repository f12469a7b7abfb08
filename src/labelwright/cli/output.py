"""What every verb shares: its options, how it answers (text or JSON), and how it fails."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import shlex
import shutil
import sys
import tempfile
import textwrap
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

__all__ = [
    "Answer",
    "PathType",
    "examples",
    "one_line",
    "progress_line",
    "project_flag",
    "project_option",
    "table",
    "verb",
    "warn",
]

EXIT_USER_ERROR = 1
EXIT_INTERNAL = 3
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class Answer:
    """What a verb found: ``payload`` for ``--json``, ``show`` to print it for people, and the exit code."""

    payload: dict[str, Any]
    show: Callable[[], None]
    code: int = 0


class PathType(click.Path):
    """A file or a folder on the command line, as a ``Path``; a following option is not taken for its name.

    Parameters
    ----------
    expected : str, default "file"
        What is expected there, in one word; also its name in ``--help``.
    checks : bool
        Those of ``click.Path``: ``file_okay``, ``dir_okay``, ``allow_dash``.
    """

    def __init__(self, expected: str = "file", **checks: bool) -> None:
        super().__init__(path_type=Path, **checks)
        self.name = expected

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or refuse what reads as an option and is not there."""
        # Click gives an option the next word, whatever that is: `--html --intervals` would write a page of that name.
        if str(value).startswith("--") and not os.path.lexists(value):
            self.fail(
                f"a {self.name} is expected here, and {str(value)!r} reads as an option. Name the {self.name} first; "
                f"one that is called so is written ./{value}.",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


project_option = click.option(
    "--project",
    type=PathType("folder"),
    default=Path(),
    help="The project's folder; default: this one.",
)


def examples(*commands: str) -> str:
    """Return commands as the end of a help text, one a line, as they are."""
    # Click breaks lines anew, except in a paragraph that begins with a backspace.
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands)])


def verb(function: Callable[..., Answer]) -> Callable[..., None]:
    """Give a command ``--json`` and ``--debug``, print its answer, and turn errors into one block and an exit code."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout, and nothing else.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    @functools.wraps(function)
    def command(*, as_json: bool, debug: bool, **options: Any) -> None:
        try:
            with _notes(), _own_stdout() if as_json else contextlib.nullcontext():
                answer = function(**options)
            if as_json:
                click.echo(_to_json(answer.payload))
            else:
                answer.show()
            if answer.code:
                raise SystemExit(answer.code)
        except (click.exceptions.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            click.echo("\nstopped; nothing was left half-written.", err=True)
            raise SystemExit(EXIT_INTERRUPTED) from None
        except Exception as error:
            _fail(error, as_json=as_json, debug=debug, options=options)

    return command


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None, text_columns: int = 1
) -> None:
    """Print a table: the first ``text_columns`` are text, the others are right-aligned; nothing is cut off."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, title_style="bold")
    for position, column in enumerate(columns):
        drawn.add_column(column, justify="left" if position < text_columns else "right", overflow="fold")
    for row in rows:
        drawn.add_row(*(_plain(cell) for cell in row))
    Console(highlight=False).print(drawn)


@contextlib.contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """Yield a function that shows the present step on stderr: a spinner on a terminal, nothing anywhere else."""
    if not sys.stderr.isatty():
        yield lambda _step: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield lambda step: status.update(_plain(step))


def project_flag(folder: Path) -> str:
    """Return the option that names a project in a command to copy, with a space before it; nothing for this folder."""
    return "" if folder == Path() else f" --project {shlex.quote(str(folder))}"


def one_line(text: str, width: int = 160) -> str:
    """Return a text as one line of at most ``width`` characters, without control characters."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def warn(text: str) -> None:
    """Print a warning on stderr."""
    _block("warning", text)


def _plain(text: str) -> Any:
    from rich.text import Text

    # Data is hostile: brackets in it are not Rich's mark-up.
    return Text(_safe(text))


def _safe(text: str) -> str:
    """Replace control characters, so that data cannot steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


@contextlib.contextmanager
def _notes() -> Iterator[None]:
    """Print our own warnings on stderr, each text once: about the run as warnings, all others as notes."""
    from labelwright.core.errors import LabelwrightWarning  # not at the top: it brings numpy, and --help needs none

    said: set[str] = set()
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if not issubclass(category, LabelwrightWarning):
                usual(message, category, *where, **more)
            elif str(message) not in said:
                said.add(str(message))
                from labelwright.pipeline.refreshing.noticing import RunWarning

                _block("warning" if issubclass(category, RunWarning) else "note", str(message))

        warnings.simplefilter("always", LabelwrightWarning)
        warnings.showwarning = show
        yield


@contextlib.contextmanager
def _own_stdout() -> Iterator[None]:
    """Send what user code prints to stderr, in worker processes too: stdout is for the answer alone."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _fail(error: Exception, *, as_json: bool, debug: bool, options: Mapping[str, Any]) -> None:
    from labelwright.core.errors import LabelwrightError

    known = isinstance(error, (LabelwrightError, OSError))
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    message = str(error) if isinstance(error, LabelwrightError) else f"{type(error).__name__}: {error}"
    if isinstance(error, OSError) and not isinstance(error, LabelwrightError):
        message = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = _no_space(error, options)
    if not known:
        message = (
            f"this is a bug in Labelwright: {message}\nRun the command again with --debug and report what it prints."
        )
    if as_json:
        click.echo(_to_json({"error": {"kind": type(error).__name__, "message": message}}))
    _block("error", message)
    raise SystemExit(EXIT_USER_ERROR if known else EXIT_INTERNAL) from None


def _no_space(error: OSError, options: Mapping[str, Any]) -> str:
    """Say which disk is full, and how to make room; where writing fails, Python does not say what was written."""
    paths = [value.resolve() for value in options.values() if isinstance(value, Path)]
    places = [next(there for there in (path, *path.parents) if there.exists()) for path in paths]
    places.append(Path(tempfile.gettempdir()))
    where = error.filename or min(places, key=lambda place: shutil.disk_usage(place).free)
    gc = f"labelwright gc{project_flag(options.get('project', Path()))}"
    return (
        f"no space left on the disk of {where}. Make room ({gc} removes what no kept run needs), and run the command "
        "again."
    )


def _block(kind: str, message: str) -> None:
    """Print one block on stderr; on a terminal lines break between words."""
    lines = _safe(f"{kind}: {message}").split("\n")
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        lines = [
            textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False, replace_whitespace=False)
            for line in lines
        ]
    click.echo("\n".join(lines), err=True)


def _to_json(payload: dict[str, Any]) -> str:
    import msgspec

    def other(value: Any) -> Any:
        if hasattr(value, "tolist"):  # numpy scalars and arrays
            return value.tolist()
        return str(value)

    return msgspec.json.format(msgspec.json.encode(payload, enc_hook=other), indent=2).decode()
