"""Collecting removes what no snapshot and not the last run needs, and says so first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from labelwright.core.errors import DataError
from labelwright.pipeline.kept.keep import open_store
from labelwright.pipeline.versions.collecting import collect_now, plan_project_collection
from labelwright.store import hold_lease

NOW = timedelta(0)


def test_a_named_run_and_the_last_one_stay(edited):
    assert edited.gc(grace=NOW).plan.doomed == ()
    assert edited.verify("v1").good


def test_what_would_go_is_said_and_then_goes(edited):
    edited.remove_snapshot("v1")
    planned = edited.gc(dry_run=True, grace=NOW)
    assert [row.number for row in planned.unreadable] == [1]
    assert sum(count for count, _ in planned.kinds.values()) == len(planned.plan.doomed) > 0
    assert sum(size for _, size in planned.kinds.values()) == planned.plan.size
    assert edited.verify("1").good  # nothing went yet
    done = collect_now(edited.folder, planned)
    assert done.artifacts == len(planned.plan.doomed)
    assert edited.verify("latest").good
    assert edited.gc(grace=NOW).plan.doomed == ()


def test_a_name_given_meanwhile_is_heeded(edited):
    edited.remove_snapshot("v1")
    planned = plan_project_collection(edited.folder, grace=NOW)
    edited.snapshot("again", run="1")
    assert collect_now(edited.folder, planned).artifacts == 0
    assert edited.verify("again").good


def test_young_artifacts_stay(edited):
    edited.remove_snapshot("v1")
    assert edited.gc().plan.doomed == ()


def test_nothing_goes_while_somebody_works(edited):
    edited.remove_snapshot("v1")
    planned = plan_project_collection(edited.folder, grace=NOW)
    _, catalog = open_store(edited.folder)
    with hold_lease(catalog, "run"):
        assert plan_project_collection(edited.folder, grace=NOW).plan.in_progress
        with pytest.raises(DataError, match="nothing was collected"):
            collect_now(edited.folder, planned)
