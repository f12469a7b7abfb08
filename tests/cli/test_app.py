"""The root of the command: light, complete, and the same exit codes everywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import click
import pytest

from labelwright.cli.app import VERBS, cli
from labelwright.cli.output import PathType
from labelwright.store import Catalog

CONTEXT = click.Context(cli)


def commands():
    """Every verb, those of groups too, by its full name."""
    for name in VERBS:
        command = cli.get_command(CONTEXT, name)
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", command.commands[sub]) for sub in command.commands)
        yield name, command


@pytest.mark.parametrize("name", list(VERBS))
def test_the_line_in_the_overview_is_that_of_the_verb(name):
    command = cli.get_command(CONTEXT, name)
    assert command.name == name
    assert command.short_help == VERBS[name][1]


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_verb_has_examples_that_it_understands(name, command, call):
    result = call(*name.split(), "--help")
    assert result.code == 0
    assert "Examples:" in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    if isinstance(command, click.Group):
        return
    assert "--json" in result.out
    lines = [line.strip() for line in result.out.partition("Examples:")[2].splitlines() if line.strip()]
    for line in lines:
        words = line.partition(" | ")[0].split()
        assert words[: 1 + len(name.split())] == ["labelwright", *name.split()]
        command.make_context(name, words[1 + len(name.split()) :])  # raises where an option is unknown


PATHS = [
    (name, parameter)
    for name, command in commands()
    for parameter in command.params
    if isinstance(parameter.type, click.Path) and isinstance(parameter, click.Option)
]


def test_every_path_of_the_command_line_is_of_the_one_type():
    of_paths = [p.type for _, command in commands() for p in command.params if isinstance(p.type, click.Path)]
    assert of_paths
    assert all(isinstance(one, PathType) for one in of_paths)


@pytest.mark.parametrize(("name", "option"), [pytest.param(*one, id=f"{one[0]} {one[1].name}") for one in PATHS])
def test_a_path_is_not_the_option_that_follows(name, option, call, tmp_path):
    result = call(*name.split(), option.opts[0], "--json")
    assert (result.code, result.out) == (2, "")
    assert f"Invalid value for '{option.opts[0]}': a {option.type.name} is expected here, and '--json'" in result.err
    assert f"Name the {option.type.name} first; one that is called so is written ./--json." in result.err
    assert not list(tmp_path.iterdir())


def test_a_path_that_begins_like_an_option_can_be_named(call, spam, tmp_path):
    result = call("explain", "c08", "--project", spam, "--html", "./--check")
    assert result.code == 0, result.err
    assert (tmp_path / "--check").is_file()
    assert call("explain", "c08", "--project", spam, "--html", "--check").code == 0  # there is a file of that name


def test_an_unknown_verb_is_wrong_usage(call):
    result = call("runn")
    assert result.code == 2
    assert "No such command 'runn'" in result.err


def run(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "labelwright", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize(
    ("arguments", "said", "absent"),
    [
        (["--help"], "Exit codes: 0 done", {"numpy", "rich", "polars", "labelwright.cli.run"}),
        (["log"], "when (UTC)", {"polars", "scipy", "labelwright.labelmodels"}),
        (["explain", "c01"], "spam", {"pandas", "sklearn"}),
    ],
)
def test_who_only_looks_waits_for_no_guest(spam, arguments, said, absent):
    program = (
        "import sys\nfrom labelwright.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print('loaded', *sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, cwd=spam
    ).stdout
    assert absent.isdisjoint(out.splitlines()[-1].split())
    assert said in out


@pytest.mark.slow
def test_exit_codes_reach_the_shell(tmp_path):
    for arguments, code in ((["--version"], 0), (["run"], 1), (["run", "--nonsense"], 2)):
        process = run(*arguments, cwd=tmp_path)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code
        assert "Traceback" not in out + err


@pytest.mark.slow
def test_ctrl_c_gives_130_and_leaves_the_project_whole(spam, tmp_path):
    marker = tmp_path / "has_begun"
    with (spam / "supervision.py").open("a") as file:
        file.write(
            "\nimport pathlib, time\n@lw.labeling_function(labels=['ham'], depends_on=[])\ndef slow(x):\n"
            f"    pathlib.Path({str(marker)!r}).touch()\n    time.sleep(0.5)\n"
        )
    # Votes of parts that were done are kept, for the next run; everything else stays as it was.
    before = {p: p.stat().st_mtime_ns for p in spam.iterdir() if p.name != ".labelwright"}
    runs = Catalog(spam / ".labelwright" / "catalog.sqlite").runs()
    process = run("run", cwd=spam, start_new_session=True)
    while not marker.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    # Python ends itself by the signal if that came inside exec(); a shell gives 130 for either.
    assert process.returncode in (130, -signal.SIGINT), err
    assert (out, err) == ("", "\nstopped; nothing was left half-written.\n")
    assert {p: p.stat().st_mtime_ns for p in spam.iterdir() if p.name != ".labelwright"} == before
    assert Catalog(spam / ".labelwright" / "catalog.sqlite").runs() == runs


@pytest.mark.slow
def test_what_functions_print_does_not_reach_the_json(spam):
    with (spam / "supervision.py").open("a") as file:
        file.write(
            "\nimport os, sys, time\nprint('from the module')\n@lw.labeling_function(labels=['ham'])\n"
            "def talks(x):\n    print('from Python')\n    sys.stdout.flush()\n    os.write(1, b'from below')\n"
            "    time.sleep(0.05)\n"
        )
    out, err = run("run", "--json", cwd=spam).communicate(timeout=120)
    assert json.loads(out)["splits"]
    assert "from the module" in err
    assert "from Python" in err
    assert "from below" in err


@pytest.mark.slow
def test_a_reader_that_has_enough_is_no_error(spam):
    process = subprocess.run(
        f'"{sys.executable}" -m labelwright predict comments.csv --json | head -1',
        shell=True,
        cwd=spam,
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout == "{\n"
    assert process.stderr == ""
