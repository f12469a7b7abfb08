"""What each verb answers, in words and as JSON."""

from __future__ import annotations

import re

import polars as pl
import pytest

from .conftest import write_comments


def test_init_starts_a_project_that_runs(call, tmp_path):
    write_comments(tmp_path / "comments.csv")
    made = call("init", "mine", "--data", "comments.csv", "--text", "body", "--labels", "ham,spam")
    assert made.code == 0
    assert made.out.splitlines()[:2] == ["Wrote mine/labelwright.toml", "Wrote mine/supervision.py"]
    assert "labelwright run --project mine" in made.out
    ran = call("run", "--project", "mine", "--json")
    assert ran.code == 0
    assert ran.json["splits"] == {"train": 64}
    assert ran.json["scores"] == {}
    again = call("init", "mine", "--data", "comments.csv", "--text", "body", "--labels", "a,b")
    assert (again.code, again.out) == (1, "")
    assert "--force replaces it" in again.err
    forced = call("init", "mine", "--data", "comments.csv", "--text", "body", "--labels", "a,b", "--force", "--json")
    assert forced.json["functions"] == made.out.partition("start from: ")[2].partition(". Edit")[0].split(", ")


def test_init_without_a_frequent_word_says_what_to_write(call, tmp_path):
    (tmp_path / "c.csv").write_text("body\n1 2\nof it\n")
    made = call("init", "mine", "--data", "c.csv", "--text", "body", "--labels", "ham,spam")
    assert made.code == 0, made.err
    assert "there is none yet" in made.out
    assert "Next: write functions in mine/supervision.py" in made.out


def test_run_prints_scores_with_intervals_and_paths(call, spam):
    result = call("run", "--project", spam)
    assert result.code == 0
    assert re.search(r"On test \(n = \d+\)", result.out)
    for name in ("Majority vote", "Label model", "End model"):
        assert re.search(
            rf"{name} +\d+\.\d% +\d+\.\d% to \d+\.\d% +\d\.\d{{3}} +\d\.\d{{3}} to \d\.\d{{3}}", result.out
        )
    assert f"Report: {spam}/report.html" in result.out.replace("\n", "")
    assert result.err == ""


def test_run_as_json_is_complete(call, spam):
    found = call("run", "--project", spam, "--json").json
    assert set(found["scores"]["test"]["models"]) == {"majority vote", "label model", "end model"}
    accuracy = found["scores"]["test"]["models"]["end model"]["accuracy"]
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert found["artifacts"]["soft_labels"].startswith("soft_labels:")
    assert found["number"] == 2
    assert found["label_model"]["kind"] in {"converged", "max_steps", "fell_back", "closed_form"}
    assert found["label_model"]["sentence"].endswith(".")
    assert found["warnings"] == []


def test_failing_functions_and_silent_classes_are_warned_of(call, spam):
    (spam / "supervision.py").write_text(
        "import labelwright as lw\n\nsong = lw.keyword_lf('song', ['song'], label='ham', field='body')\n"
        "love = lw.keyword_lf('love', ['love'], label='ham', field='body')\n"
        "@lw.labeling_function(labels=['spam'])\ndef boom(x):\n    raise KeyError('nokey')\n"
    )
    with (spam / "labelwright.toml").open("a") as file:
        file.write('\n[apply]\non_error = "abstain"\n')
    expected = "warning: boom failed on 64 of 64 examples (KeyError: 'nokey')\n"
    tried = call("lf", "test", "--project", spam, "--limit", 0)
    assert tried.err == expected
    assert "FAILED" not in tried.out
    path = spam / "labelwright.toml"
    path.write_text(path.read_text().replace('kind = "text"', 'kind = "none"'))
    ran = call("run", "--project", spam, "--json")
    assert ran.code == 0, ran.err
    assert expected in ran.err
    assert "warning: no function votes for 'spam'" in ran.err
    assert len(ran.json["warnings"]) == 2


def test_nothing_scored_names_gold_and_splits(call, spam):
    path = spam / "labelwright.toml"
    path.write_text(path.read_text().replace("train = 0.8\ntest = 0.2", ""))
    result = call("run", "--project", spam)
    said = result.out[result.out.index("Nothing was scored") :]
    assert "[task]" in said
    assert "[data.splits]" in said


def test_lf_list_and_lf_test(call, spam):
    listed = call("lf", "list", "--project", spam, "--json").json["functions"]
    assert [f["fields"] for f in listed] == [["body"]] * 3
    name = listed[0]["name"]
    assert name in call("lf", "list", "--project", spam).out
    tried = call("lf", "test", name, "--project", spam, "--limit", 2, "--json").json
    (one,) = tried["functions"]
    assert 0 < one["coverage"] < 1
    assert len(one["examples"]) == 2
    word = name.removeprefix("mentions_")
    assert all(word in e["text"] for e in one["examples"])
    shown = call("lf", "test", "--project", spam).out
    assert f"{name}:" in shown
    assert "[c" in shown
    assert "[row " not in shown
    settings = spam / "labelwright.toml"
    settings.write_text("".join(s for s in settings.read_text().splitlines(keepends=True) if not s.startswith("id =")))
    assert "[row " in call("lf", "test", "--project", spam).out
    assert f"{name}:" not in call("lf", "test", "--project", spam, "--limit", 0).out


def test_lf_test_shows_failures(call, spam):
    with (spam / "supervision.py").open("a") as file:
        file.write("\n@lw.labeling_function(labels=['ham'])\ndef broken(x):\n    return x.body.index('zzz')\n")
    result = call("lf", "test", "broken", "--project", spam)
    assert result.code == 0
    assert "FAILED" in result.out
    assert "ValueError" in result.out


def test_lf_test_takes_a_function_that_reads_no_field(call, spam):
    with (spam / "supervision.py").open("a") as file:
        file.write("\n@lw.labeling_function(labels=['ham'])\ndef to_do(x):\n    return None\n")
        file.write("\n@lw.labeling_function(labels=['ham'])\ndef always(x):\n    return 'ham'\n")
    result = call("lf", "test", "to_do", "always", "--project", spam, "--json")
    assert result.code == 0, result.err
    to_do, always = result.json["functions"]
    assert (to_do["votes"], always["coverage"]) == (0, 1.0)
    assert len(always["examples"]) == 3


def test_predict_shows_or_writes(call, spam, tmp_path):
    shown = call("predict", spam / "comments.csv", "--project", spam)
    assert "44 more; --output FILE" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    plain = call("predict", spam / "comments.csv", "--project", spam, "--model", "label", "--json").json
    assert plain["count"] == len(plain["predictions"]) == 64
    written = call("predict", spam / "comments.csv", "--project", spam, "--output", "out.parquet")
    assert written.out == "Wrote 64 predictions: out.parquet\n"
    assert pl.read_parquet(tmp_path / "out.parquet").height == 64


def test_export_of_labels_and_model(call, spam, tmp_path):
    result = call("export", "--to", "jsonl", "--split", "all", "--model", "model", "--project", spam)
    assert result.out.splitlines()[0] == "Wrote 64 examples: labels.jsonl"
    assert pl.read_ndjson(tmp_path / "labels.jsonl").height == 64
    found = call("predict", spam / "comments.csv", "--model-folder", "model", "--json").json
    inside = call("predict", spam / "comments.csv", "--project", spam, "--json").json
    assert [p["prob_spam"] for p in found["predictions"]] == [p["prob_spam"] for p in inside["predictions"]]
    assert call("export", "--project", spam).code == 2


def test_report_is_written_again(call, spam, tmp_path):
    (spam / "report.html").unlink()
    assert call("report", "--project", spam).code == 0
    assert call("report", "--project", spam, "--output", "there/r.html", "--json").json == {"report": "there/r.html"}
    assert (spam / "report.html").read_bytes() == (tmp_path / "there" / "r.html").read_bytes()


def test_doctor_checks_and_advises(call):
    result = call("doctor", "--json")
    assert {"python", "cores", "threads", "write access", "extra torch"} <= {c["name"] for c in result.json["checks"]}
    assert "write access" in call("doctor").out


@pytest.mark.slow
def test_demo_is_a_project_and_keeps_edits(call, tmp_path):
    first = call("demo", "--json").json
    assert set(first["scores"]["test"]["models"]) == {"majority vote", "label model", "end model", "supervised"}
    assert first["kept"] == []
    with (tmp_path / "labelwright-demo" / "supervision.py").open("a") as file:
        file.write("\n# an edit\n")
    second = call("demo")
    assert "Fully supervised" in second.out
    assert "Kept as they were: labelwright.toml, supervision.py, biopsies.csv" in second.out
    assert "# an edit" in (tmp_path / "labelwright-demo" / "supervision.py").read_text()
    assert call("run", "--project", "labelwright-demo", "--json").json["run_id"] == first["run_id"]


def test_notes_go_to_standard_error(call, spam):
    path = spam / "labelwright.toml"
    settings = path.read_text().replace("train = 0.8\ntest = 0.2", 'column = "class"\ntrain = "ham"\ntest = "spa"')
    path.write_text(settings.replace('test = "spa"\n', ""))
    result = call("run", "--project", spam, "--json")
    assert result.code == 0
    assert result.json["splits"] == {"train": 32}
    assert "note: 32 examples are in no split" in result.err


def test_doctor_exits_with_1_where_it_finds_a_problem(call, monkeypatch):
    from labelwright.pipeline.doctor import Check

    monkeypatch.setattr(
        "labelwright.pipeline.check_installation", lambda _: [Check("a", "b"), Check("c", "d", "problem")]
    )
    result = call("doctor")
    assert (result.code, result.out.splitlines()[-1]) == (1, "1 problem.")
    as_json = call("doctor", "--json")
    assert (as_json.code, as_json.json["ok"]) == (1, False)
    monkeypatch.setattr("labelwright.pipeline.check_installation", lambda _: [Check("a", "b")])
    assert call("doctor").code == 0


def test_commands_to_copy_quote_paths(call, spam, tmp_path):
    spam = spam.rename(tmp_path / "my project")
    made = call("init", "other one", "--data", "my project/comments.csv", "--text", "body", "--labels", "ham,spam")
    assert "lf test --project 'other one', then labelwright run --project 'other one'" in made.out
    assert "labelwright export --to parquet --project 'my project'" in call("run", "--project", "my project").out
    exported = call("export", "--model", "a model", "--project", "my project")
    assert "--model-folder 'a model'" in exported.out


def test_an_exported_model_is_no_label_model(call, spam):
    result = call("predict", spam / "comments.csv", "--model-folder", "model", "--model", "label")
    assert result.code == 2
    assert "--model label needs a project" in result.err


def test_summaries_of_lf_are_whole(call):
    assert "..." not in call("lf", "--help").out.partition("Commands:")[2]


@pytest.mark.parametrize(("slices", "words"), [(1, "(p < 0.05)"), (2, "(p < 0.05, adjusted for 2 slices)")])
def test_a_mark_says_how_many_slices_it_is_adjusted_for(call, spam, slices, words):
    with (spam / "supervision.py").open("a") as file:
        file.write("\n@lw.slicing_function\ndef songs(x):\n    return 'song' in x.body\n")
        if slices == 2:
            file.write("\n@lw.slicing_function\ndef long(x):\n    return len(x.body) > 20\n")
    data = spam / "comments.csv"
    lines = [line.replace(",ham", ",spam") if "song" in line else line for line in data.read_text().splitlines()]
    data.write_text("\n".join(lines) + "\n")
    settings = (spam / "labelwright.toml").read_text()
    halves = settings.replace("train = 0.8", "train = 0.4").replace("test = 0.2", "test = 0.6")
    (spam / "labelwright.toml").write_text(halves)
    ran = call("run", "--project", spam)
    assert ran.code == 0, ran.err
    assert f"* differs from the rest beyond chance {words}" in ran.out
