"""Settings: what the file may say, and that a mistake is explained with file, key, allowed values and a close match."""

from __future__ import annotations

import pytest

from labelwright.core.errors import ProjectError
from labelwright.pipeline.settings import parse_settings, read_settings

DATA = '[data]\npath = "x.csv"\n'
TASK = '[task]\nclasses = ["a", "b"]\n'


def test_the_smallest_file_puts_everything_into_train_and_trains_no_end_model():
    settings = parse_settings(DATA + TASK)
    assert settings.data.splits.kind == "none"
    assert settings.end_model.kind == "none"
    assert settings.label_model.method == "label_model"
    assert settings.task.gold is None


@pytest.mark.parametrize(
    ("splits", "kind"),
    [
        ('column = "split"\ntrain = "tr"\ntest = ["te", 2]', "column"),
        ("train = 0.7\nvalid = 0.1\ntest = 0.2", "fractions"),
        ("train = 1", "fractions"),
    ],
)
def test_splits_are_told_apart_by_what_is_written(splits, kind):
    assert parse_settings(f"{DATA}[data.splits]\n{splits}\n{TASK}").data.splits.kind == kind


def test_paths_per_split_stand_in_place_of_the_path():
    settings = parse_settings(f'[data.splits]\ntrain = "a.csv"\ntest = ["b.csv", "c.csv"]\n[data]\n{TASK}')
    assert settings.data.splits.kind == "paths"
    assert list(settings.data.splits.given) == ["train", "test"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["needs a [data] table"]),
        (DATA, ["needs a [task] table", "classes ="]),
        (DATA + "[task]\n", ["[task] needs the key 'classes'"]),
        (DATA + '[task]\nclases = ["a", "b"]', ["[task] has no key 'clases'", "Did you mean 'classes'?", "gold"]),
        (DATA + TASK + "[end_mode]\n", ["the top level has no key 'end_mode'", "Did you mean 'end_model'?"]),
        (DATA + "[data.splits]\ncolum = 1\n" + TASK, ["[data.splits] has no key 'colum'", "'column'"]),
        (
            DATA + '[task]\nclasses = "a"',
            ["task.classes", "expected array, got str", 'such as `classes = ["ham", "spam"]`'],
        ),
        (
            DATA + '[data.splits]\ntrain = "0.8"\ntest = 0.2\n' + TASK,
            ["data.splits.train is a text, '0.8'", "without quotes: train = 0.8"],
        ),
        (DATA + '[data.splits]\ntrain = "0.8"\ntest = "0.2"\n' + TASK, ["data.splits.train is a text, '0.8'"]),
        (DATA + '[task]\nclasses = ["a"]', ["task.classes", "at least 2 classes"]),
        (DATA + '[task]\nclasses = ["a", "a"]', ["repeats a"]),
        (
            DATA + TASK + '[label_model]\nmethod = "majority"',
            [
                "label_model.method is 'majority'",
                "Did you mean 'majority_vote'?",
                "Allowed: label_model, majority_vote, weighted_vote",
            ],
        ),
        (DATA + TASK + "[label_model]\nclass_balance = [0.5, 0.6]", ["class_balance", "adding up to 1"]),
        (DATA + TASK + "[label_model]\nclass_balance = [1.0]", ["one positive share per class (a, b)"]),
        (DATA + TASK + '[end_model]\nkind = "text"', ["end_model.fields is empty"]),
        (DATA + TASK + "[score]\nsupervised = true", ["needs task.gold"]),
        (DATA + TASK + "[apply]\ntimeout = 0", ["must be positive"]),
        (DATA + TASK + "[apply]\nworkers = -1", ["must be positive"]),
        ("[data]\n" + TASK, ['[data] needs path = "..."']),
        (
            DATA + '[data.splits]\ntrain = 0.5\ntest = "x"\n' + TASK,
            ["data.splits.train is 0.5", "number for every split"],
        ),
        (DATA + '[data.splits]\ntrain = "a.csv"\n' + TASK, ["both given"]),
        (DATA + "[data.splits]\ntrain = 0.9\ntest = 0.2\n" + TASK, ["add up to at most 1"]),
        (DATA + "[data.splits]\ntest = 0.2\n" + TASK, ["has no train"]),
        (DATA + '[data.splits]\ncolumn = "s"\n' + TASK, ["which values are which"]),
        ("[data\n", ["not valid TOML", "line 1"]),
    ],
)
def test_a_mistake_names_file_key_and_what_is_allowed(text, words):
    with pytest.raises(ProjectError) as caught:
        parse_settings(text)
    message = str(caught.value)
    assert message.startswith("labelwright.toml")
    for word in words:
        assert word in message


def test_a_folder_without_settings_says_how_to_start(tmp_path):
    with pytest.raises(ProjectError, match="labelwright init"):
        read_settings(tmp_path)
    with pytest.raises(ProjectError, match="labelwright init"):
        read_settings(tmp_path / "absent")


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "labelwright.toml").write_bytes(b'[project]\nname = "caf\xe9"')
    with pytest.raises(ProjectError, match=r"not UTF-8 text \(byte 21\)"):
        read_settings(tmp_path)
