"""The workflow: it is YAML that says what it should, and its steps do what they say on a real repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import labelwright
from labelwright.core.errors import ProjectError
from labelwright.pipeline.judging.ci import write_ci

from ..conftest import SETTINGS

NO_END_MODEL = SETTINGS.partition("[end_model]")[0]


def steps(path: Path) -> dict[str, dict]:
    """The steps of the workflow by name, or by the action that they use."""
    workflow = yaml.safe_load(path.read_text())
    return {step.get("name") or step["uses"]: step for step in workflow["jobs"]["labels"]["steps"]}


def test_the_workflow_is_yaml_with_rights_and_steps(make_project):
    folder = make_project()
    path = write_ci(folder)
    assert path == folder / ".github" / "workflows" / "labelwright.yml"
    workflow = yaml.safe_load(path.read_text())
    assert set(workflow[True]) == {"pull_request", "push"}  # YAML 1.1 reads `on` as true; GitHub does not
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert workflow["env"] == {"PROJECT": "."}
    found = steps(path)
    assert found["Install"]["run"].endswith(f'"labelwright=={labelwright.__version__}" pytest')
    commands = "\n".join(step.get("run", "") for step in found.values())
    for verb in ("labelwright test", "labelwright run", "labelwright diff base latest", "--markdown"):
        assert verb in commands
    # What a pull request says about itself never becomes part of a script: it comes in through variables.
    assert "${{" not in commands
    assert "@PROJECT@" not in path.read_text()
    assert "@VERSION@" not in path.read_text()


def test_a_project_within_a_repository_is_named(make_project, tmp_path):
    (tmp_path / ".git").mkdir()
    folder = make_project("my project")
    path = write_ci(folder)
    assert path == tmp_path / ".github" / "workflows" / "labelwright.yml"
    assert yaml.safe_load(path.read_text())["env"]["PROJECT"] == "my project"


def test_nothing_is_overwritten_and_mistakes_are_explained(make_project, tmp_path):
    folder = make_project()
    path = write_ci(folder)
    path.write_text("mine")
    with pytest.raises(ProjectError, match="--force replaces it"):
        write_ci(folder)
    assert path.read_text() == "mine"
    write_ci(folder, force=True)
    assert path.read_text() != "mine"
    with pytest.raises(ProjectError, match="no workflow for 'gitlab'; allowed: github"):
        write_ci(folder, "gitlab")
    with pytest.raises(ProjectError, match=r"has no labelwright\.toml"):
        write_ci(tmp_path)


class Runner:
    """Runs the scripts of a workflow as GitHub does, with stand-ins for what only GitHub has."""

    def __init__(self, repository: Path, scratch: Path) -> None:
        self.repository, self.scratch = repository, scratch
        commands = scratch / "bin"
        commands.mkdir(parents=True)
        for name, script in {
            "labelwright": f'exec "{sys.executable}" -m labelwright "$@"',
            "python": f'exec "{sys.executable}" "$@"',
            "gh": f'echo "$@" >> "{scratch}/gh.log"',
        }.items():
            (commands / name).write_text(f"#!/bin/sh\n{script}\n")
            (commands / name).chmod(0o755)
        self.env = {
            **os.environ,
            "PATH": f"{commands}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(scratch),
            "GITHUB_ENV": str(scratch / "env"),
            "GITHUB_STEP_SUMMARY": str(scratch / "summary.md"),
            "GITHUB_REPOSITORY": "us/ours",
            "PROJECT": ".",
        }

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"]
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.repository, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def run(self, step: dict, **env: str) -> subprocess.CompletedProcess[str]:
        told = Path(self.env["GITHUB_ENV"])
        set_before = dict(line.split("=", 1) for line in told.read_text().splitlines()) if told.exists() else {}
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=self.repository,
            env={**self.env, **set_before, **env},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None or shutil.which("bash") is None, reason="needs git and bash")
def test_the_steps_work_on_a_real_repository(make_project, tmp_path):
    folder = make_project(settings=NO_END_MODEL + "\n[gates]\nflips = 0.01\nenforce = true\n")
    (folder / ".gitignore").write_text(".labelwright/\nreport.html\n__pycache__/\n")
    path = write_ci(folder)
    runner = Runner(folder, tmp_path / "runner")
    runner.git("init")
    runner.git("add", ".")
    runner.git("commit", "-m", "base")
    base = runner.git("rev-parse", "HEAD")
    supervision = folder / "supervision.py"
    supervision.write_text(supervision.read_text().replace('"song" in x.text', '"see" in x.text'))
    runner.git("commit", "-am", "change")
    event = {"BASE": base, "GITHUB_SHA": runner.git("rev-parse", "HEAD"), "NUMBER": "7"}
    found = steps(path)
    done = runner.run(found["Run the base branch, to compare with"], **event)
    assert done.returncode == 0, done.stderr
    assert '"see" in x.text' in supervision.read_text()  # the change is checked out again
    assert (tmp_path / "runner" / "env").read_text() == "AGAINST=--against base\n"
    done = runner.run(found["Test the functions, contracts and gates"], **event)
    assert done.returncode == 1
    assert "Gates against base" in done.stdout
    assert "failed  flips, train" in done.stdout
    assert runner.run(found["Run"], **event).returncode == 1  # the gate is enforced; the run is there all the same
    done = runner.run(found["Compare"], **event)
    assert done.returncode == 0, done.stderr
    assert "song" in (tmp_path / "runner" / "summary.md").read_text()
    done = runner.run(found["Post the comparison on the pull request"], **event)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runner" / "comment.md").read_text().startswith("<!-- labelwright -->\n")
    calls = (tmp_path / "runner" / "gh.log").read_text().splitlines()
    assert calls[0].startswith("api repos/us/ours/issues/7/comments --paginate")
    assert calls[1].startswith("api --silent --method POST repos/us/ours/issues/7/comments --field body=@")


@pytest.mark.skipif(shutil.which("git") is None or shutil.which("bash") is None, reason="needs git and bash")
def test_a_base_that_does_not_run_is_nothing_to_compare_with(tmp_path, make_project):
    folder = make_project()
    runner = Runner(folder, tmp_path / "runner")
    runner.git("init")
    runner.git("add", ".")
    runner.git("commit", "-m", "base")
    commit = runner.git("rev-parse", "HEAD")
    command = tmp_path / "runner" / "bin" / "labelwright"
    command.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/calls"\necho \'{{"error": {{}}}}\'\nexit 1\n')
    done = runner.run(steps(write_ci(folder))["Run the base branch, to compare with"], BASE=commit, GITHUB_SHA=commit)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "runner" / "env").exists()
    verbs = [line.split()[0] for line in (tmp_path / "calls").read_text().splitlines()]
    assert verbs == ["snapshot", "run"]
