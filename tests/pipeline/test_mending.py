"""A store that was damaged: whatever artifact is lost or changed, a run makes the project whole again."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import labelwright as lw
from labelwright.core.errors import ArtifactError
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


@pytest.mark.slow
@pytest.mark.parametrize("how", ["lost", "changed"])
def test_a_plain_run_mends_what_it_meets_and_says_so(project, how):
    first = lw.Project(project).run()
    for path in sorted((project / ".labelwright" / "artifacts").rglob("*")):
        if path.is_file() and path.parent.parent.name in {"data", "splits", "votes", "soft_labels", "settings"}:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                harm(path, how)
                result = lw.Project(project).run()
            assert result.run_id == first.run_id
            if result.steps and "is lost or damaged" in result.steps[0].reason:
                assert "This run makes again whatever cannot be read." in str(caught[0].message)
    assert lw.Project(project).verify().good


def test_what_only_a_full_run_can_mend_is_said(project):
    lw.Project(project).run()
    (path,) = (project / ".labelwright" / "artifacts" / "splits").glob("*/*")
    path.unlink()
    with pytest.raises(ArtifactError, match=r"is not in the store .* labelwright run --full makes it again"):
        lw.Project(project).run(since="latest")
