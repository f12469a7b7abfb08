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


def test_a_project_and_a_plan_show_themselves(make_project):
    project = lw.Project(make_project(settings=SETTINGS.replace("[data]\n", '[project]\nname = "<mine>"\n\n[data]\n')))
    assert "has not been run" in project._repr_html_()
    assert "first run" in project.plan()._repr_html_()
    project.run()
    project.snapshot("kept")
    page = project._repr_html_()
    assert "&lt;mine&gt;" in page
    assert "kept" in page
    assert "Nothing to do" in project.plan()._repr_html_()


def test_tests_of_a_project_show_what_failed(make_project):
    folder = make_project(settings=SETTINGS + "\n[contracts]\ncoverage = { min = 0.99 }\n")
    found = lw.Project(folder).test()
    page = found._repr_html_()
    assert "Failed" in page
    assert "Contracts" in page
    assert "broken" in page
