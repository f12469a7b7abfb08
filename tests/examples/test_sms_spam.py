from __future__ import annotations

import zipfile

import polars as pl
import pytest

PUBLIC = 'ham\tGo until jurong point, "crazy..\nspam\tWIN £100 &lt;now&gt; call 09061701461\nham\tgo UNTIL jurong  point, "crazy..\n'


def test_reads_the_zip_the_folder_and_the_file(tmp_path, load_module):
    load = load_module("sms_spam", "load")
    archive = tmp_path / "sms+spam+collection.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("readme", "about")
        opened.writestr("SMSSpamCollection", PUBLIC)
    folder = tmp_path / "unpacked"
    folder.mkdir()
    (folder / "SMSSpamCollection").write_text(PUBLIC, encoding="utf-8")
    for source in (archive, folder, folder / "SMSSpamCollection"):
        found = pl.read_parquet(load.load(source, tmp_path / "out"))
        assert found["id"].to_list() == ["sms-0000", "sms-0001", "sms-0002"]
        assert found["label"].to_list() == ["ham", "spam", "ham"]
        assert found["text"][1] == "WIN £100 <now> call 09061701461"
        # Copies of a message, however they are spaced or capitalised, are in one split.
        assert found["split"][0] == found["split"][2]


def test_names_a_line_that_is_not_a_message(tmp_path, load_module):
    (tmp_path / "SMSSpamCollection").write_text("eggs\thello\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="eggs"):
        load_module("sms_spam", "load").load(tmp_path, tmp_path / "out")


def test_the_split_is_near_its_share(load_module):
    load = load_module("sms_spam", "load")
    share = sum(load.split_of(f"message {i}") == "test" for i in range(5000)) / 5000
    assert share == pytest.approx(load.TEST_SHARE, abs=0.025)


@pytest.mark.slow
def test_the_project_runs_and_finds_spam(project):
    result = project("sms_spam").run()
    (board,) = [board for board in result.scores if board.split == "test"]
    f1 = {model.role: model.scores.f1.value for model in board.models}
    # Spam is one message in eight: saying ham to all is right for 87% of them and has an F1 of 0.
    assert f1["label model"] >= 0.9
    assert f1["end model"] >= 0.9
