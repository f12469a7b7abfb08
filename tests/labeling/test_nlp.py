"""Functions of spaCy documents: one pass for all, in batches."""

from __future__ import annotations

from typing import Any

import pytest

from labelwright import apply, nlp_labeling_function
from labelwright.engines import LocalEngine

spacy = pytest.importorskip("spacy")


@nlp_labeling_function(language="en", labels=[1])
def many_marks(x: Any) -> Any:
    return 1 if sum(token.is_punct for token in x.doc) > 2 else -1


@nlp_labeling_function(language="en", labels=[0])
def long(x: Any) -> Any:
    return 0 if len(x.doc) > 3 else -1


def test_one_pass_of_the_pipeline_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = many_marks.pre[0].nlp  # type: ignore[attr-defined]
    piped: list[str] = []
    original = type(nlp).pipe

    def pipe(self: Any, texts: Any, **settings: Any) -> Any:
        held = list(texts)
        piped.extend(held)
        return original(self, held, **settings)

    monkeypatch.setattr(type(nlp), "pipe", pipe)
    texts = ["wow ! ! !", "a song that I like", "ok"]
    data = [{"text": t, "other": i} for i, t in enumerate(texts)]
    votes = apply([many_marks, long], data, engine=LocalEngine(kind="inline"))
    assert votes.values.tolist() == [[1, 0], [-1, 0], [-1, -1]]
    assert piped == texts


def test_only_the_text_is_built() -> None:
    assert many_marks.fields == ("text",)


def test_a_missing_text_is_a_counted_failure() -> None:
    votes = apply([long], [{"text": "a song that I like"}, {"text": None}], on_error="abstain")
    assert votes.values[:, 0].tolist() == [0, -1]
    assert (votes.failures[0].source, votes.failures[0].count) == ("long", 1)
