"""Verifying finds what is not what it was, where it is, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import labelwright as lw
from labelwright.pipeline.kept.keep import KeptRun, open_store
from labelwright.pipeline.versions.remaking import remake_labels, remake_models, remake_votes
from labelwright.pipeline.versions.verify import verify_run
from labelwright.store import ArtifactId, bit_planes

EVERYTHING = ["artifacts", "run id", "votes", "stats", "label model", "soft labels", "end model", "scores"]


def statuses(found) -> dict[str, str]:
    """What each check said."""
    return {check.what: check.status for check in found.checks}


def path_of(project: lw.Project, key: ArtifactId) -> Path:
    """The file of an artifact."""
    folder = project.folder / ".labelwright" / "artifacts" / key.kind / key.digest[:2]
    return next(folder.glob(f"{key.digest}*"))


def replaced(project: lw.Project, **artifacts: ArtifactId) -> KeptRun:
    """The last run, with other artifacts in some roles, recorded as a run of its own."""
    store, catalog = open_store(project.folder)
    row = catalog.latest()
    new = catalog.add_run(row.run_id, seconds=0.0, artifacts={**row.artifacts, **artifacts})
    return KeptRun(project.folder, store, new)


def test_a_run_is_what_it_was_also_after_edits_and_other_data(edited):
    (edited.folder / "comments.csv").unlink()
    for name in ("v1", "latest"):
        found = edited.verify(name)
        assert found.good
        assert statuses(found) == dict.fromkeys(EVERYTHING, "equal")
    votes = next(c for c in edited.verify("v1").checks if c.what == "votes")
    assert votes.detail == "4 of 4 functions applied to 80 examples again"


def test_functions_that_cannot_be_applied_again_are_named(edited):
    source = (edited.folder / "supervision.py").read_text()
    (edited.folder / "supervision.py").write_text(source.replace('"song" in x.text', '"tune" in x.text'))
    store, _ = open_store(edited.folder)
    run = replaced(edited, source=store.put_json("source", {}))
    assert remake_votes(run).detail.endswith("applied to 79 examples again; not song, whose version is another today")
    (edited.folder / "supervision.py").write_text("import labelwright as lw\n1 / 0\n")
    found = remake_votes(run)
    assert found.status == "not checked"
    assert "ZeroDivisionError" in found.detail


def test_a_damaged_artifact_is_found_and_so_is_a_missing_one(edited):
    row = open_store(edited.folder)[1].latest()
    path_of(edited, row.artifacts["report"]).write_text("edited")
    found = edited.verify()
    assert not found.good
    assert found.checks[0].status == "damaged"
    assert "changed after it was written" in found.checks[0].detail
    path_of(edited, row.artifacts["report"]).unlink()
    assert f"report {row.artifacts['report'].short} of report is missing" in edited.verify().checks[0].detail


@pytest.mark.parametrize("role", ["functions", "report", "settings", "votes", "data", "end_model", "metrics"])
def test_a_run_in_the_catalog_that_names_what_another_made_is_found(edited, role):
    old = KeptRun.named(edited.folder, "v1").row.artifacts
    latest = open_store(edited.folder)[1].latest()
    other = old[role] if old[role] != latest.artifacts[role] else ArtifactId(role, "0" * 64)
    run = replaced(edited, **{role: other})
    found = verify_run(run, step=lambda _: None)
    assert not found.good
    assert statuses(found)["run id"] in ("differs", "not checked")


def test_a_run_id_that_was_edited_is_found(edited):
    store, catalog = open_store(edited.folder)
    row = catalog.add_run("0" * 16, seconds=0.0, artifacts=catalog.latest().artifacts)
    assert statuses(verify_run(KeptRun(edited.folder, store, row), step=lambda _: None))["run id"] == "differs"


def test_an_artifact_that_others_name_is_read_too(edited):
    run = KeptRun.latest(edited.folder)
    table = ArtifactId.parse(run.kept_data.parts[0].data)
    path = path_of(edited, table)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    found = edited.verify()
    assert not found.good
    assert found.checks[0].status == "damaged"
    assert table.digest in found.checks[0].detail or table.short in found.checks[0].detail


def test_a_vote_that_no_function_gave_is_found(edited):
    store, _ = open_store(edited.folder)
    run = KeptRun.latest(edited.folder)
    part = run.kept_votes.part_record(0)
    source, key = part.votes[0]
    codes = np.array(bit_planes.decode(store.get_bytes(ArtifactId.parse(key), bit_planes.SUFFIX)))
    codes[3] = 0 if codes[3] != 0 else 1
    forged = store.put_bytes("votes", bit_planes.encode(codes), bit_planes.SUFFIX)
    record = {
        "votes": [[source, str(forged)], *([s, k] for s, k in part.votes[1:])],
        "failures": part.failures,
    }
    manifest = json.loads(store.get_bytes(run.artifact("votes"), ".json"))
    manifest["parts"][0] = str(store.put_json("part_votes", record))
    found = edited.verify(str(replaced(edited, votes=store.put_json("votes", manifest)).row.number))
    said = {check.what: check for check in found.checks}
    assert said["artifacts"].status == "equal"
    assert said["votes"].status == "differs"
    assert f"{source} votes otherwise on 1 examples of part" in said["votes"].detail
    assert str(run.kept_data.id_at(0, 3)) in said["votes"].detail
    assert said["label model"].status == "equal"  # it follows from the stats as they were kept


@pytest.mark.parametrize(("off", "status"), [(1e-12, "close"), (1e-6, "differs")])
def test_a_parameter_is_compared_within_what_machines_differ_by(edited, off, status):
    store, _ = open_store(edited.folder)
    saved = store.get_json(KeptRun.latest(edited.folder).artifact("label_model"))
    text = json.dumps(saved["params"]["accuracies"])
    moved = json.loads(text)
    values = moved if isinstance(moved, list) else next(v for v in moved.values() if isinstance(v, list))
    values[0] += off
    saved["params"]["accuracies"] = moved
    run = replaced(edited, label_model=store.put_json("label_model", saved))
    found = remake_models(run)
    assert found.status == status
    assert "accuracies" in found.detail


def test_a_soft_label_that_does_not_follow_is_found(edited):
    store, _ = open_store(edited.folder)
    run = KeptRun.latest(edited.folder)
    manifest = store.get_json(run.artifact("soft_labels"))
    arrays = dict(store.get_arrays(ArtifactId.parse(manifest["parts"][0])))
    probs = np.array(arrays["probs"])
    probs[5] = probs[5][::-1]
    manifest["parts"][0] = str(store.put_arrays("soft_labels", arrays | {"probs": probs}))
    found = remake_labels(replaced(edited, soft_labels=store.put_json("soft_labels", manifest)))
    assert found.status == "differs"
    assert "example k" in found.detail


def test_a_run_without_its_examples_is_read_and_no_more(edited):
    store, catalog = open_store(edited.folder)
    keep = {role: key for role, key in catalog.latest().artifacts.items() if role in ("metrics", "settings")}
    row = catalog.add_run("0" * 16, seconds=0.0, artifacts=keep)
    found = edited.verify(str(row.number))
    assert found.good
    assert statuses(found) == {"artifacts": "equal", "lineage": "not checked"}
    assert store.exists(keep["metrics"])
