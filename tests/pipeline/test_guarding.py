"""Nothing that is written takes the place of settings, functions or data: each verb refuses and leaves them as they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labelwright.core.errors import DataError, ProjectError
from labelwright.pipeline import predict_file
from labelwright.pipeline.guarding import refuse_sources
from labelwright.pipeline.settings import parse_settings

SOURCES = ["labelwright.toml", "supervision.py", "comments.csv", ".labelwright/catalog.sqlite"]


def writers(project, new):
    """Every way to write a file or a folder, as functions of the target."""
    return {
        "export": lambda target: project.export(target, "csv"),
        "hf": lambda target: project.export(target, "hf"),
        "model": project.export_model,
        "report": project.report,
        "predict": lambda target: predict_file(new, project=project.folder, output=target),
    }


@pytest.mark.parametrize("verb", ["export", "hf", "model", "report", "predict"])
@pytest.mark.parametrize("name", SOURCES)
def test_no_verb_writes_over_what_the_user_wrote(project, tmp_path, verb, name):
    new = tmp_path / "new.csv"
    new.write_text("text\nwhat a song\n")
    target = project.folder / name
    before = target.read_bytes()
    with pytest.raises(DataError):
        writers(project, new)[verb](target)
    assert target.read_bytes() == before


def test_predictions_do_not_replace_the_project_data_or_the_exported_model(project, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("text\nwhat a song\n")
    project.export_model(tmp_path / "model")
    for target, words in (
        (project.folder / "comments.csv", "the project's own data"),
        (tmp_path / "model" / "x.csv", "is the data itself"),
        (new, "is the data itself"),
    ):
        with pytest.raises(DataError, match=words):
            predict_file(new, project=project.folder, model_folder=tmp_path / "model", output=target)
    assert predict_file(new, project=tmp_path, model_folder=tmp_path / "model", output=tmp_path / "y.csv").count == 1


def test_a_report_names_the_folder_that_cannot_be_written_to(project, tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise PermissionError(13, "Permission denied", str(project.folder / ".report.html.x1y2.html"))

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(ProjectError, match=f"no write access to {project.folder}; name another place"):
        project.report()


@pytest.mark.parametrize(
    ("path", "target", "refused"),
    [
        ("part-*.csv", "part-3.csv", True),  # would be read as data the next time
        ("part-*.csv", "labels.csv", False),
        ("parts", "parts/new.csv", True),
        ("parts", "labels.csv", False),
        ("a.csv", "link.csv", True),
        ("a.csv", "hard.csv", True),
        ("a.csv", "supervision/rules.py", True),
    ],
)
def test_globs_folders_links_and_packages_are_seen(tmp_path, monkeypatch, path, target, refused):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("text\nx\n")
    (tmp_path / "link.csv").symlink_to("a.csv")
    os.link(tmp_path / "a.csv", tmp_path / "hard.csv")
    settings = parse_settings(f'[data]\npath = "{path}"\n[task]\nclasses = ["a", "b"]\n')
    if refused:
        with pytest.raises(DataError, match="write to another file"):
            refuse_sources(Path(target), folder=Path(), settings=settings)
    else:
        refuse_sources(Path(target), folder=Path(), settings=settings)
