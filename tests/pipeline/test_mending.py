"""A store that was damaged: whatever artifact is lost or changed, a full run makes the project whole again."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import labelwright as lw
from labelwright.pipeline.kept.keep import KeptRun

SUPERVISION = """
import labelwright as lw
free = lw.keyword_lf("free", ["free"], "spam")
hello = lw.keyword_lf("hello", ["hello"], "ham")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    rows = "".join(f"{i},{'free' if i % 3 else 'hello'} {i}\n" for i in range(30))
    (tmp_path / "data.csv").write_text(f"id,text\n{rows}")
    (tmp_path / "supervision.py").write_text(SUPERVISION)
    (tmp_path / "labelwright.toml").write_text(
        '[data]\npath = "data.csv"\nid = "id"\n[task]\nclasses = ["ham", "spam"]\n[label_model]\nmethod = "majority_vote"\n'
    )
    return tmp_path


def harm(path: Path, how: str) -> None:
    if how == "lost":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"\1")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["lost", "changed"])
def test_a_full_run_mends_whatever_was_harmed(project, how):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = lw.Project(project).run()
        expected = KeptRun.latest(project).soft_labels("train").probs
        for path in (project / ".labelwright" / "artifacts").rglob("*"):
            if path.is_file():
                harm(path, how)
        assert lw.Project(project).run(full=True).run_id == first.run_id
        assert (KeptRun.latest(project).soft_labels("train").probs == expected).all()
        assert lw.Project(project).run().run_id == first.run_id
