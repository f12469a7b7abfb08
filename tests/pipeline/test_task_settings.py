"""What ``[tasks.NAME]`` and ``[[relations]]`` may say, and how a mistake in them is explained."""

from __future__ import annotations

import msgspec
import pytest

from labelwright.core.errors import ProjectError
from labelwright.core.tasks import Equal, Excludes, Feasible, Implies, Refines
from labelwright.pipeline.settings import Settings, parse_settings

DATA = '[data]\npath = "a.csv"\n'
TASKS = """
[tasks.finding]
classes = ["normal", "abnormal"]
gold = "finding"
[tasks.kind]
classes = ["mass", "nodule"]
refines = { task = "finding", classes = ["abnormal"] }
[tasks.side]
classes = ["left", "right"]
gold = "side"
[tasks.place]
classes = ["left", "right"]
"""


def test_tables_become_the_graph_they_describe():
    settings = parse_settings(
        DATA
        + TASKS
        + """
        [[relations]]
        implies = { when = { kind = "mass" }, then = { side = "left" } }
        [[relations]]
        excludes = { finding = "normal", side = "right" }
        [[relations]]
        equal = ["side", "place"]
        [[relations]]
        feasible = { tasks = ["finding", "place"], rows = [["normal", "left"], ["abnormal", "left"], ["abnormal", "right"]] }
        """
    )
    assert settings.graph.relations == (
        Refines("kind", "finding", "abnormal"),
        Implies(("kind", "mass"), ("side", "left")),
        Excludes(("finding", "normal"), ("side", "right")),
        Equal("side", "place"),
        Feasible(["finding", "place"], [("normal", "left"), ("abnormal", "left"), ("abnormal", "right")]),
    )
    assert settings.graph.states("kind") == ("mass", "nodule", "N/A")
    assert settings.gold_columns == {"finding": "finding", "side": "side"}
    assert settings.has_tasks
    assert msgspec.convert(msgspec.to_builtins(settings), Settings) == settings


def test_a_project_with_one_task_keeps_what_it_kept_before():
    settings = parse_settings(DATA + '[task]\nclasses = ["a", "b"]\ngold = "y"\n')
    plain = msgspec.to_builtins(settings)
    assert {"tasks", "relations"}.isdisjoint(plain)
    assert list(plain)[:3] == ["data", "task", "project"]
    assert settings.gold_columns == {"": "y"}
    assert not settings.has_tasks


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", r"needs a \[task\] table"),
        ("[task]\nclasses = []\n", r"needs a \[task\] table"),
        ('[task]\nclasses = ["a", "b"]\n' + TASKS, r"both \[task\] and \[tasks.NAME\]"),
        ('[task]\nclasses = ["a", "b"]\n[[relations]]\nequal = ["a", "b"]\n', "hold between several tasks"),
        ("[tasks]\n", r"\[tasks\] has no task in it"),
        ('[tasks.kind]\nclases = ["a"]\n', r"\[tasks.kind\] has no key 'clases'. Did you mean 'classes'"),
        (TASKS + '[[relations]]\nimplis = ["a"]\n', r"relations\[0\]: .*implis"),
        (TASKS + "[[relations]]\n", "number 1 is empty; give each relation one of implies, excludes, equal"),
        (TASKS + '[[relations]]\nequal = ["side", "place"]\nexcludes = {}\n', "has excludes and equal"),
        (TASKS + '[[relations]]\nequal = ["side", "side"]\n', "equal needs two different tasks"),
        (TASKS + '[[relations]]\nexcludes = { side = "left" }\n', "excludes needs two or more tasks"),
        (
            TASKS + '[[relations]]\nimplies = { when = { side = "left", kind = "mass" }, then = { place = "left" } }\n',
            "number 1: when needs one task",
        ),
        (
            TASKS + '[[relations]]\nequal = ["side", "plaec"]\n',
            r"toml: \[\[relations\]\] number 1 \(equal\) names a task 'plaec'. Did you mean 'place'\? There are: finding, kind",
        ),
        (
            TASKS.replace('task = "finding"', 'task = "findings"'),
            r"toml: \[tasks.kind\] refines names a task 'findings'. Did you mean 'finding'\? There are: finding, kind",
        ),
        (
            TASKS.replace('["abnormal"]', '["abnormla"]'),
            r"\[tasks.kind\] refines names 'abnormla', which task 'finding' does not have. Did you mean 'abnormal'\?",
        ),
        (
            TASKS + '[[relations]]\nimplies = { when = { kind = "mas" }, then = { side = "left" } }\n',
            r"number 1 \(implies\) names 'mas', which task 'kind' does not have. Did you mean 'mass'\? It has: mass, nodule, N/A",
        ),
        (
            TASKS + '[[relations]]\nfeasible = { tasks = ["side", "place"], rows = [["left", "left"]] }\n',
            r"'side' can never be 'right': it is ruled out by the relations, directly by \[\[relations\]\] number 1 \(feasible\) or",
        ),
        (
            TASKS + '[[relations]]\nexcludes = { side = "up", kind = "mass" }\n',
            "names 'up', which task 'side' does not",
        ),
        (
            TASKS + '[tasks.size]\nclasses = [0, 1]\nrefines = { task = "finding", classes = ["abnormal"] }\n',
            "tasks.size does not always apply.*give its classes names",
        ),
        (TASKS + '[label_model]\nmethod = "triplets"\n', 'method is "triplets"; several tasks are modelled together'),
        (TASKS + "[label_model]\nclass_balance = [0.5, 0.5]\n", "class_balance is of projects with one task"),
        (TASKS + "[augmentation]\n", r"\[augmentation\] needs an end model"),
        (TASKS + "[score]\nsupervised = true\n", "score.supervised is of projects with one task"),
        (TASKS + "[refresh]\ntolerance = 0.1\n", "refresh.tolerance is of projects with one task"),
    ],
)
def test_a_mistake_names_the_place_and_what_is_allowed(text, match):
    with pytest.raises(ProjectError, match=match):
        parse_settings(DATA + text)


SETS = """
[data_sets.reports]
path = "reports.csv"
id = "key"
tasks = ["finding", "kind"]
functions = ["reads_*", "short"]
[data_sets.calls]
path = "calls.csv"
[data_sets.calls.splits]
train = 0.8
test = 0.2
"""


def test_data_sets_stand_in_place_of_data():
    settings = parse_settings(SETS + TASKS)
    assert list(settings.sets) == ["reports", "calls"]
    assert settings.sets["reports"].id == "key"
    assert settings.sets["calls"].splits.kind == "fractions"
    assert settings.tasks_about("reports") == ("finding", "kind")
    assert settings.tasks_about("calls") == ("finding", "kind", "side", "place")
    assert msgspec.convert(msgspec.to_builtins(settings), Settings) == settings
    one = parse_settings(DATA + TASKS)
    assert list(one.sets) == [""]
    assert one.tasks_about("") == settings.tasks_about("calls")
    # A project without the tables keeps what it kept before there were any.
    assert "data_sets" not in msgspec.to_builtins(one)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DATA + SETS + TASKS, "there are both"),
        (SETS + '[task]\nclasses = ["a", "b"]', "are of projects with several tasks"),
        ("[data_sets]\n" + TASKS, "has no data set in it"),
        (SETS.replace("calls]", '"a:b"]').replace("calls.s", '"a:b".s') + TASKS, "'a:b' cannot name a data set"),
        (SETS.replace('path = "calls.csv"', "") + TASKS, "[data_sets.calls] needs path"),
        (SETS.replace("train = 0.8", "") + TASKS, "data_sets.calls.splits has no train"),
        (SETS.replace('"kind"', '"kin"') + TASKS, "names 'kin', which is no task. Did you mean 'kind'?"),
        (SETS.replace('["reads_*", "short"]', "[]") + TASKS, "data_sets.reports.functions is empty"),
        (SETS.replace("id =", "ids =") + TASKS, "[data_sets.reports] has no key 'ids'. Did you mean 'id'?"),
        (SETS.split("[data_sets.calls]")[0] + TASKS, "no data set is about the task 'side'"),
        (
            SETS.replace('path = "calls.csv"', 'path = "calls.csv"\ntasks = ["kind", "side", "place"]')
            + TASKS
            + '[[relations]]\nimplies = { when = { finding = "normal" }, then = { side = "left" } }',
            "no data set is about all of them",
        ),
    ],
)
def test_what_data_sets_cannot_be(text, said):
    with pytest.raises(ProjectError) as caught:
        parse_settings(text)
    assert said in str(caught.value)
