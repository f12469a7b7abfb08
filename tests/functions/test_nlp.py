"""spaCy documents: one pipeline pass for all functions, in batches, with blank pipelines (no model is downloaded)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest

from labelwright.core.errors import FunctionError, MissingExtraError
from labelwright.functions.nlp import SpacyPreprocessor
from labelwright.functions.one_pass import Run
from labelwright.functions.preprocessors import preprocessor
from labelwright.functions.versions import version_of

spacy = pytest.importorskip("spacy", reason="spaCy comes with the extra `text`")

ROWS = [{"text": "Please subscribe."}, {"text": "A song. Another one."}, {"text": ""}]


def counting(nlp):
    """The texts that go through a pipeline, one entry per call of the tokenizer."""
    seen: list[str] = []
    tokenizer = nlp.tokenizer
    nlp.tokenizer = lambda text: (seen.append(text), tokenizer(text))[1]
    return seen


def test_documents_are_added_and_the_original_left_alone():
    row = dict(ROWS[0])
    document = SpacyPreprocessor("text", "doc", language="en")(row).doc
    assert [token.text for token in document] == ["Please", "subscribe", "."]
    assert row == ROWS[0]


def test_equal_settings_are_one_pass_for_all_functions():
    nlp = spacy.blank("en")
    seen = counting(nlp)
    per_function = [SpacyPreprocessor("text", "doc", language=nlp) for _ in range(5)]
    assert len(set(per_function)) == 1
    run = Run(per_function)
    run.prepare(ROWS)
    documents = [[run.apply([pre], row).doc for pre in per_function] for row in ROWS]
    assert seen == [row["text"] for row in ROWS]
    assert all(document is same[0] for same in documents for document in same)


@pytest.mark.parametrize(
    "other",
    [{"language": "de"}, {"doc_field": "other"}, {"text_field": "title"}, {"memoize": True}, {"disable": ["tagger"]}],
)
def test_other_settings_are_another_preprocessor(other):
    settings = {"text_field": "text", "doc_field": "doc", "language": "en"}
    assert SpacyPreprocessor(**settings) != SpacyPreprocessor(**settings | other)
    assert SpacyPreprocessor(**settings) == SpacyPreprocessor(**settings)


def test_batches_give_what_single_texts_give():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    pre = SpacyPreprocessor("text", "doc", language=nlp, batch_size=2)
    run = Run([pre])
    run.prepare(ROWS)
    for row in ROWS:
        assert [s.text for s in run.apply([pre], row).doc.sents] == [s.text for s in pre(row).doc.sents]


def test_disabled_components_do_not_run():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    pre = SpacyPreprocessor("text", "doc", language=nlp, disable=["sentencizer", "absent"])
    run = Run([pre])
    run.prepare(ROWS)
    assert not run.apply([pre], ROWS[1]).doc.has_annotation("SENT_START")
    assert not pre(ROWS[1]).doc.has_annotation("SENT_START")


def test_a_gap_in_the_text_is_told_with_its_field():
    pre = SpacyPreprocessor("text", "doc", language="en")
    rows = [{"text": "a"}, {"text": None}, {"text": float("nan")}]
    run = Run([pre])
    run.prepare(rows)
    assert len(run.apply([pre], rows[0]).doc) == 1
    for row in rows[1:]:
        with pytest.raises(FunctionError, match=r"field 'text' holds .* not a text"):
            run.apply([pre], row)


def test_a_gap_does_not_keep_the_others_from_their_batch():
    nlp = spacy.blank("en")
    seen = counting(nlp)
    Run([SpacyPreprocessor("text", "doc", language=nlp)]).prepare([{"text": "a"}, {"text": None}, {"text": "b"}])
    assert seen == ["a", "b"]


def test_a_preprocessor_may_go_first():
    @preprocessor
    def lower(x):
        x.low = x.text.lower()
        return x

    pre = SpacyPreprocessor("low", "doc", language="en", pre=[lower])
    run = Run([pre])
    run.prepare(ROWS)
    assert run.apply([pre], ROWS[0]).doc.text == "please subscribe."


def test_documents_are_remembered_by_text():
    nlp = spacy.blank("en")
    seen = counting(nlp)
    pre = SpacyPreprocessor("text", "doc", language=nlp, memoize=True)
    run = Run([pre])
    rows = [{"text": "a", "n": n} for n in range(3)]
    run.prepare(rows)
    assert [run.apply([pre], row).n for row in rows] == [0, 1, 2]
    run.prepare([{"text": "a", "n": 4}])
    before = len(seen)
    assert pre({"text": "a", "n": 5}).n == 5
    assert len(seen) == before


def test_it_travels_to_workers():
    pre = cloudpickle.loads(cloudpickle.dumps(SpacyPreprocessor("text", "doc", language="en")))
    assert len(pre(ROWS[0]).doc) == 3
    assert pre == SpacyPreprocessor("text", "doc", language="en")


def test_a_model_that_is_not_there_is_told_with_a_way_out():
    with pytest.raises(FunctionError, match=r"python -m spacy download en_no_such_model.*language='en'"):
        SpacyPreprocessor("text", "doc", language="en_no_such_model")(ROWS[0])


def test_without_spacy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'labelwright\[text\]'"):
        SpacyPreprocessor("text", "doc", language="xx")(ROWS[0])


def pipeline(patterns):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    return nlp


APPLE, PEAR = ({"label": "ORG", "pattern": word} for word in ("Apple", "Pear"))


def test_versions_follow_the_settings_and_the_pipeline():
    def version(**options):
        return version_of(SpacyPreprocessor(**{"text_field": "text", "doc_field": "doc", "language": "en"} | options))

    versions = [
        version(),
        version(language="de"),
        version(doc_field="d"),
        version(disable=["ner"]),
        version(language=pipeline([APPLE])),
        version(language=pipeline([PEAR])),
    ]
    assert len(set(versions)) == len(versions)
    assert version(batch_size=7) == versions[0]
    assert version(language=pipeline([APPLE])) == versions[4]


def test_a_pipeline_used_directly_counts_the_same_way():
    def make(nlp):
        return lambda x: nlp(x.text)

    one, same, other = (version_of(make(pipeline([pattern]))) for pattern in (APPLE, APPLE, PEAR))
    assert one == same != other


@pytest.mark.slow
def test_the_version_of_a_pipeline_is_the_same_in_every_process():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_nlp import APPLE, PEAR, pipeline, SpacyPreprocessor\n"
        "print(SpacyPreprocessor('text', 'doc', language=pipeline([APPLE, PEAR])).version)"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "12"
    }
    assert len(printed) == 1
