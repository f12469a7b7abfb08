from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from labelwright.pipeline import Project

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.slow
def test_the_project_finds_out_the_function_that_goes_too_far(data_root, tmp_path, monkeypatch, load_module):
    monkeypatch.setenv("LABELWRIGHT_DATA", str(data_root))
    ignored = shutil.ignore_patterns("data", ".labelwright", "__pycache__")
    folder = shutil.copytree(EXAMPLES / "spam_augmentation", tmp_path / "spam_augmentation", ignore=ignored)
    assert load_module("youtube_spam", "load").main(["--out", str(tmp_path / "youtube_spam" / "data")]) == 0
    project = Project(folder)
    verdicts = {function.name: function.verdict for function in project.augment().functions}
    assert verdicts.pop("cut_to_one_word") == "rejected"
    assert set(verdicts.values()) <= {"accepted", "narrowed"}
    (board,) = project.run().scores
    accuracy = {model.role: model.scores.accuracy.value for model in board.models}
    assert accuracy["end model"] >= 0.87
    assert accuracy["end model"] >= accuracy["plain end model"] - 0.02
