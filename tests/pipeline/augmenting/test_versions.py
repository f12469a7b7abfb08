"""Versions of projects that augment: what diff, log, verify and checkout say."""

from __future__ import annotations

from labelwright.pipeline.kept.keep import KeptRun

from .conftest import edit


def test_diff_log_and_checkout_name_the_function(augmented):
    augmented.snapshot("v1")
    edit(augmented.folder, "text.upper()", "text.title()")
    augmented.run()
    found = augmented.diff("v1", "latest")
    assert list(found.functions.items) == ["transformation shout"]
    (change,) = found.comparison.functions
    assert change.what == "changed"
    assert "text.title()" in change.source
    assert augmented.log()[0].changed == "~shout"
    edit(augmented.folder, "text.title()", "text.lower()")
    done = augmented.checkout("v1", force=True)
    assert not done.different
    assert augmented.plan().steps == ()


def test_it_verifies_and_a_changed_copy_is_found(augmented):
    checks = {check.what: check.status for check in augmented.verify().checks}
    assert checks["policy"] == checks["augmented copies"] == checks["end model"] == checks["scores"] == "equal"
    edit(augmented.folder, "text.upper()", "text.title()")
    checks = {check.what: check.status for check in augmented.verify().checks}
    assert checks["augmented copies"] == "equal"  # made with the source that the run kept
    run = KeptRun.latest(augmented.folder)
    (path,) = (augmented.folder / ".labelwright").rglob(f"{run.artifact('augmentation').digest}*")
    path.write_bytes(path.read_bytes().replace(b'"rows":90', b'"rows":91'))
    assert not augmented.verify().good
