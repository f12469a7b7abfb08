"""Explanations as values, as text and as HTML: the figures are the same everywhere, and data stays data."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from labelwright.analysis.decided import DecidedExample, DecidedLabels, DecidedSplit
from labelwright.analysis.explanation import LabelExplanation
from labelwright.analysis.explanation_content import DependentPair, ExplainedVote, LabelCheck, PastLabel
from labelwright.analysis.explanation_text import bar

NONE = (0.0, 0.0, 0.0)


def vote(name, said, adds, *, without=(0.1, 0.7, 0.2), errors=NONE, **more):
    return ExplainedVote(name, f"{name}{'0' * 60}", said, adds, errors, adds, adds, without, **more)


def explained(**changes):
    votes = (vote("has_link", "spam", (-1.0, 1.5, -0.5)), vote("short", "ham or eggs", (0.2, -0.5, 0.3)))
    why = LabelExplanation(
        "demo",
        4,
        "c0ffee",
        "c07",
        "train",
        {"text": "see http://a.b", "length": 14},
        classes=("ham", "spam", "eggs"),
        prior=(0.2, -0.1, -0.1),
        total=(-0.6, 0.9, -0.3),
        probs=tuple(np.exp([-0.6, 0.9, -0.3]) / np.exp([-0.6, 0.9, -0.3]).sum()),
        votes=votes,
        abstained=("love", "song"),
    )
    return replace(why, **changes)


def test_odds_are_those_of_the_label_against_its_rival_and_add_up():
    why = explained()
    assert (why.label, why.rival) == ("spam", "eggs")
    added = sum(why.odds(v.adds) for v in why.votes)
    assert why.odds(why.prior) + added == pytest.approx(why.odds(why.total))
    assert why.odds(why.total) == pytest.approx(math.log(why.probs[1] / why.probs[2]))


def test_the_text_tells_votes_bars_and_what_changes():
    lines = (
        explained(
            votes=(
                vote("has_link", "spam", (-1.0, 1.5, -0.5), without=(0.6, 0.2, 0.2), refitted=(0.1, 0.8, 0.1)),
                vote("short", "ham or eggs", (0.2, -0.5, 0.3), discount=0.5),
            ),
            gold="ham",
            interval=((0.1, 0.2), (0.55, 0.75), (math.nan, math.nan)),
            pairs=(DependentPair(("has_link", "short"), (2.0, 1.0), 2.5),),
        )
        .to_text()
        .splitlines()
    )
    assert lines[0] == "Example c07, train, run 4 of demo"
    assert lines[4].startswith("spam 65.6% ")
    assert "[55.0 to 75.0]" in lines[4]
    assert "eggs 19.8%," in lines[4]
    assert lines[4].endswith("gold says ham")
    assert "log-odds spam : eggs" in lines[6]
    link = next(line for line in lines if line.startswith("has_link"))
    assert re.search(r"spam +\+2\.00 +\|█{10} +ham 60\.0% ! +spam 80\.0% +has_link", link)
    assert "! the label would be another without this function" in lines
    assert any(re.search(r"short +ham or eggs +-0\.80 +▒{4}\| ", line) for line in lines)
    assert "Counted as less than a full vote, as they repeat others: short 0.50" in lines
    assert "Abstained: love, song" in lines
    assert "  has_link +2.00 and short +1.00 alone; +2.50 together (-0.50)" in lines


def test_sampled_values_say_how_far_off_they_are():
    votes = (vote("a", "spam", (-1.0, 1.5, -0.5), errors=(0.01, 0.03, 0.02)),)
    text = explained(votes=votes, exact=False).to_text()
    assert "standard errors up to 0.030" in text
    assert "\u00b1 0.01" in explained(votes=votes, exact=False)._repr_html_()


def test_history_is_told_where_there_is_one():
    past = PastLabel(1, 3, "2026-01-02T03:04:05+00:00", ("v1",), "ham", 0.8)
    assert "History" not in explained(history=(replace(past, snapshots=()),)).to_text()
    text = explained(
        history=(
            past,
            PastLabel(4, 4, "2026-01-03T03:04:05+00:00", (), "spam", 0.64, ("has_link says spam; it is new",)),
            PastLabel(5, 5, "2026-01-03T03:04:05+00:00", (), "", math.nan, ("not in this run",)),
        )
    ).to_text()
    assert "  runs 1 to 3 (v1): ham 80.0%\n  run 4: spam 64.0%\n    has_link says spam; it is new\n" in text
    assert text.endswith("  run 5: not in this run")


def test_ties_and_rows_without_votes_are_said():
    tie = explained(probs=(0.4, 0.4, 0.2), total=(0.23, 0.23, -0.46))
    assert tie.label is None
    assert tie.to_text().splitlines()[4] == "A tie: ham 40.0%, spam 40.0%, eggs 20.0%"
    assert "A tie at 40.0%" in tie._repr_html_()
    silent = explained(votes=(), total=(0.2, -0.1, -0.1))
    assert "No function voted: this is the class balance." in silent.to_text()
    assert "No function voted" in silent._repr_html_()


def test_json_holds_all_of_it():
    check = LabelCheck(True, ("a",), (), (("b", "it was changed since"),), 0.0)
    history = (PastLabel(1, 1, "2026", (), "", math.nan, ("not in this run",)),)
    interval = ((0.1, 0.2), (0.5, 0.7), (math.nan, math.nan))
    why = explained(check=check, history=history, interval=interval, lineage={"part": "ab"})
    found = json.loads(json.dumps(why.to_dict(), allow_nan=False))
    assert found["label"] == "spam"
    assert found["log_odds"]["prior"] + sum(v["log_odds"] for v in found["votes"]) == pytest.approx(
        found["log_odds"]["total"]
    )
    assert found["interval"]["eggs"] == [None, None]
    assert found["history"][0]["probability"] is None
    assert found["check"]["not_run"] == [["b", "it was changed since"]]
    assert set(found) >= {"fields", "votes", "abstained", "dependencies", "lineage", "exact"}


def test_bars_need_neither_colour_nor_blocks():
    assert bar(-1.0, 2.0, plain=True) == "     =====|          "
    assert bar(2.0, 2.0, plain=True) == "          |##########"
    assert bar(0.0, 0.0) == "          |          "
    assert explained().to_text(plain=True).isascii()


def test_data_steers_neither_the_terminal_nor_the_page():
    hostile = '\x1b[2J</style><script>alert("x")</script>\n[red]'
    why = explained(
        fields={hostile: hostile * 3},
        classes=("ham", hostile, "eggs"),
        votes=(vote(hostile, hostile, (-1.0, 1.5, -0.5)),),
        abstained=(hostile,),
        history=(PastLabel(1, 1, "2026", (hostile,), hostile, 0.5, (hostile,)),) * 2,
        lineage={hostile: hostile},
        check=LabelCheck(False, (), ((hostile, hostile, hostile),), ((hostile, hostile),), 0.5),
    )
    assert "\x1b" not in why.to_text()
    decided = DecidedLabels(
        hostile,
        1,
        hostile,
        hostile,
        (DecidedSplit("train", 3, 1, 1, 0.5),),
        ((hostile, hostile, 1),),
        (DecidedExample(hostile, "train", hostile, hostile, hostile, 1.0, hostile),),
    )
    assert "\x1b" not in decided.to_text()
    for html in (why._repr_html_(), why.to_page(), decided._repr_html_(), decided.to_page()):
        assert "<script" not in html
        assert "\x1b" not in html


def test_pages_stand_alone():
    page = explained().to_page()
    assert page.startswith("<!doctype html>")
    assert "default-src &#x27;none&#x27;" in page
    assert "http" not in page.replace("see http://a.b", "").replace("http-equiv", "")
    assert "<html" not in explained()._repr_html_()


def test_what_a_function_decides_is_counted_over_splits():
    found = DecidedLabels(
        "demo",
        1,
        "has_link",
        "3f9c",
        (DecidedSplit("train", 10, 4, 2, 0.25), DecidedSplit("test", 5, 0, 0, math.nan)),
        (("spam", "tie", 2),),
        (DecidedExample("c07", "train", "spam", "spam", "spam", -1.0),),
    )
    assert (found.votes, found.flips) == (4, 2)
    payload = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert payload["splits"][1]["shift"] is None
    assert re.search(r"test +5 +0 +0 +- +-", str(found))
    assert "c07   -1.00  ▒▒▒▒▒▒▒▒▒▒|" in str(found)
    assert "has_link decides 2 labels" in found._repr_html_()


def test_ids_are_whole_and_texts_stay_in_a_narrow_terminal():
    name = "594d2720019834b362f372ce41a31534"
    example = DecidedExample(name, "train", "spam", "spam", "ham", 1.0, "check out my new channel")
    found = DecidedLabels("demo", 1, "has_link", "3f9c", (DecidedSplit("train", 1, 1, 1, 0.5),), (), (example,))
    wide, narrow = found.to_text(width=160), found.to_text(width=80)
    assert any(name in line and "my new channel" in line for line in wide.splitlines())
    assert name in narrow
    assert "      check out my new channel" in narrow.splitlines()
