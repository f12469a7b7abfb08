"""A run in a notebook: its splits, scores and functions."""

from __future__ import annotations

import labelwright as lw

from ..conftest import SETTINGS


def test_a_run_shows_its_splits_scores_and_functions(make_project):
    folder = make_project(settings=SETTINGS.replace("[data]\n", '[project]\nname = "<mine>"\n\n[data]\n'))
    page = lw.Project(folder).run()._repr_html_()
    assert "&lt;mine&gt;, run 1" in page
    assert "<mine>" not in page
    assert "train 60 (" in page
    assert "Scores on test" in page
    for name in ("Majority vote", "Label model", "End model", "has_link", "report.html"):
        assert name in page
