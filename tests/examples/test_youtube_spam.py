from __future__ import annotations

import zipfile

import polars as pl
import pytest

HEADER = "COMMENT_ID,AUTHOR,DATE,CONTENT,CLASS\n"
PSY = HEADER + (
    'z12,Ann,2014-11-08T10:27:42,"great\nsong &amp; video\ufeff",0\n'
    'z13,"Bob, B.",,"Check out <a href=""http://x.org"">http://x.org</a><br />now\ufeff",1\n'
)
SHAKIRA = HEADER + "z14,Cy,2015-05-21T04:15:15,waka waka\ufeff,0\n"


@pytest.fixture
def public_zip(tmp_path):
    path = tmp_path / "youtube+spam+collection.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Youtube01-Psy.csv", PSY)
        archive.writestr("Youtube05-Shakira.csv", SHAKIRA)
        archive.writestr("__MACOSX/._Youtube01-Psy.csv", "not a table")
    return path


def expect(path):
    assert pl.read_parquet(path).to_dicts() == [
        {"id": "Psy-0000", "video": "Psy", "text": "great\nsong & video", "split": "train", "label": "ham"},
        {
            "id": "Psy-0001",
            "video": "Psy",
            "text": "Check out http://x.org\nnow",
            "split": "train",
            "label": "spam",
        },
        {"id": "Shakira-0000", "video": "Shakira", "text": "waka waka", "split": "test", "label": "ham"},
    ]


def test_reads_the_zip_as_downloaded(public_zip, tmp_path, load_module):
    load = load_module("youtube_spam", "load")
    assert load.main(["--source", str(public_zip), "--out", str(tmp_path / "out")]) == 0
    expect(tmp_path / "out" / "comments.parquet")


def test_reads_the_unpacked_folder(public_zip, tmp_path, load_module):
    with zipfile.ZipFile(public_zip) as archive:
        archive.extractall(tmp_path / "unpacked")
    expect(load_module("youtube_spam", "load").load(tmp_path / "unpacked", tmp_path / "out"))


def test_says_where_the_data_comes_from_when_it_is_not_there(tmp_path, load_module, monkeypatch):
    load = load_module("youtube_spam", "load")
    with pytest.raises(SystemExit, match=r"README\.md"):
        load.load(tmp_path, tmp_path / "out")
    monkeypatch.delenv("LABELWRIGHT_DATA", raising=False)
    with pytest.raises(SystemExit, match="--source"):
        load.load(None, tmp_path / "out")


@pytest.mark.slow
def test_end_model_beats_majority_vote_on_the_video_nobody_read(project):
    """Issue A: at least 0.93 on the held-out video, above majority vote."""
    result = project("youtube_spam").run()
    (board,) = [board for board in result.scores if board.split == "test"]
    accuracy = {model.role: model.scores.accuracy.value for model in board.models}
    assert result.splits == {"train": 1586, "test": 370}
    assert accuracy["end model"] >= 0.93
    assert accuracy["end model"] > accuracy["majority vote"]


@pytest.mark.slow
def test_over_five_videos_the_end_model_keeps_up_with_the_label_model(project, load_module, capsys):
    """Issue A: the paired difference to the label model, with its interval, is not below -1 point."""
    folder = project("youtube_spam").folder
    script = load_module("youtube_spam", "leave_one_video_out")
    result = script.leave_one_out(pl.read_parquet(folder / "data" / "comments.parquet"))
    assert len(result.gold) == 1956
    assert result.difference("end model", "label model").low >= -0.01
    # Said to be ham where no function votes, a rule nobody wrote, the label model is still no more than a point ahead.
    assert result.difference("end model", "else ham").value >= -0.01
    assert script.main(["--data", str(folder / "data" / "comments.parquet")]) == 0
    assert "all five" in capsys.readouterr().out
