import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.augmentation import Sequences, apply_sequences, transformation_function
from labelwright.augmentation.text import (
    Entity,
    delete_words,
    mask_spans,
    swap_entities,
    swap_words,
    synonyms,
    template_slots,
    typos,
)
from labelwright.core.errors import FunctionError

WORDS = ["Ann", "Bob", "Eve", "married", "wonderful", "the", "children", "of"]
ENTITIES = [Entity("first", kind="person"), Entity("start", "end", kind="person", text="name")]
PEOPLE = {"person": ["Zoë Li", "Yu", "Xenia Maria Wu"]}
MARKS = r"<(?P<kind>\w+)>(?P<entity>.*?)</\w+>"


@transformation_function
def shout(text):
    return " ".join(reversed(text.upper().split()))


INNER = [synonyms({"married": ["wed to", "was the wife of"]}, high=1.0), delete_words(high=1.0), swap_words(high=1.0)]
INNER += [typos(high=1.0), mask_spans(high=1.0), shout]
INNERS = pytest.mark.parametrize("inner", INNER, ids=lambda inner: inner.name)


@st.composite
def sentences(draw, as_tokens=False, inclusive=False):
    """A record with two entities of one to three words that do not overlap."""
    tokens = draw(st.lists(st.sampled_from(WORDS), min_size=6, max_size=12))
    cuts = sorted(draw(st.lists(st.integers(0, len(tokens)), min_size=4, max_size=4, unique=True)))
    spans = [(cuts[0], cuts[1]), (cuts[2], cuts[3])]
    if not as_tokens:
        starts = np.cumsum([0, *(len(token) + 1 for token in tokens)])
        spans = [(int(starts[a]), int(starts[b]) - 1) for a, b in spans]
    (a, b), (c, d) = ((start, end - inclusive) for start, end in spans)
    text = tokens if as_tokens else " ".join(tokens)
    record = {"text": text, "first": (a, b), "start": c, "end": d, "name": "?", "id": 7}
    return record


def entity_texts(record, inclusive=False):
    value, spans = record["text"], [record["first"], (record["start"], record["end"])]
    return [value[start : end + inclusive] for start, end in spans]


@INNERS
@settings(max_examples=25)
@given(record=sentences(), share=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_entities_and_their_places_are_right_in_texts(inner, record, share, seed):
    after = template_slots(inner, entities=ENTITIES)(record, magnitude=share, rng=np.random.default_rng(seed))
    if after is not None:
        assert entity_texts(after) == entity_texts(record)
        assert after["id"] == 7
        assert after["name"] == entity_texts(record)[1]


@INNERS
@settings(max_examples=25)
@given(record=sentences(as_tokens=True), share=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_entities_and_their_places_are_right_in_tokens(inner, record, share, seed):
    after = template_slots(inner, entities=ENTITIES)(record, magnitude=share, rng=np.random.default_rng(seed))
    if after is not None:
        assert entity_texts(after) == entity_texts(record)
        assert all(token and not token.isspace() for token in after["text"])


@settings(max_examples=25)
@given(record=sentences(as_tokens=True, inclusive=True), seed=st.integers(0, 2**32))
def test_ends_that_are_the_last_token(record, seed):
    entities = [Entity("first", inclusive=True), Entity("start", "end", inclusive=True)]
    after = template_slots(delete_words(high=1.0), entities=entities)(
        record, magnitude=1.0, rng=np.random.default_rng(seed)
    )
    if after is not None:
        assert entity_texts(after, True) == entity_texts(record, True)


@INNERS
@settings(max_examples=25)
@given(record=sentences(), seed=st.integers(0, 2**32))
def test_between_touches_nothing_before_or_after(inner, record, seed):
    slots = template_slots(inner, entities=ENTITIES, where="between")
    after = slots(record, magnitude=1.0, rng=np.random.default_rng(seed))
    if after is not None:
        assert after["text"].startswith(record["text"][: record["first"][1]])
        assert after["text"].endswith(record["text"][record["start"] :])


@pytest.mark.parametrize("as_tokens", [False, True])
@settings(max_examples=25)
@given(data=st.data(), share=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_exchanged_entities_are_where_the_record_says(as_tokens, data, share, seed):
    record = data.draw(sentences(as_tokens=as_tokens))
    after = swap_entities(PEOPLE, entities=ENTITIES)(record, magnitude=share, rng=np.random.default_rng(seed))

    def plain(found):
        return [" ".join(one) if as_tokens else one for one in found]

    old, new = plain(entity_texts(record)), plain(entity_texts(after))
    assert all(b == a or b in PEOPLE["person"] for a, b in zip(old, new, strict=True))
    assert after["name"] == new[1]
    assert len(set(new)) >= len(set(old))
    if share == 1:
        assert not set(old) & set(new)
    outside = [
        len(plain([r["text"]])[0]) - len(entities[0]) - len(entities[1])
        for r, entities in ((record, old), (after, new))
    ]
    assert outside[0] == outside[1]


@INNERS
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_marks_and_what_is_between_them_stay(inner, seed):
    text = "The <person>Ann Lee</person> married the wonderful <person>Bob</person> there."
    after = template_slots(inner, markers=MARKS)(text, magnitude=1.0, rng=np.random.default_rng(seed))
    assert "<person>Ann Lee</person>" in after
    assert "<person>Bob</person>" in after
    assert after != text


def test_marked_entities_are_exchanged_by_kind():
    text = "<person>Ann</person> left <city>Rome</city>."
    after = swap_entities(PEOPLE, markers=MARKS)(text, magnitude=1.0, rng=np.random.default_rng(0))
    assert after.startswith("<person>")
    assert "Ann" not in after
    assert after.endswith("</person> left <city>Rome</city>.")
    assert swap_entities(PEOPLE, markers=MARKS)("nobody", magnitude=1.0, rng=np.random.default_rng(0)) is None


def test_two_entities_never_become_one():
    swap = swap_entities({"": ["Yu", "Wu"]}, markers=r"<.>(.*?)</.>")
    for seed in range(30):
        after = swap("<a>Ann</a> and <b>Bob</b>", magnitude=1.0, rng=np.random.default_rng(seed))
        assert "Yu" in after
        assert "Wu" in after


def test_through_a_policy_types_and_fields_stay():
    record = {
        "text": ("Ann", "wonderful", "children", "Bob"),
        "first": np.array([0, 1]),
        "start": np.int32(3),
        "end": 4,
    }
    record["name"] = "Bob"
    done = Sequences([0, 0], [[0], [1]], [[0.5], [1.0]])
    functions = [template_slots(delete_words(high=1.0), entities=ENTITIES), swap_entities(PEOPLE, entities=ENTITIES)]
    found = apply_sequences(functions, [record], done, np.random.default_rng(0))
    assert found.applied.all()
    for after in found.examples:
        assert {name: type(value) for name, value in after.items()} == {n: type(v) for n, v in record.items()}
    marked = template_slots(delete_words(), markers=MARKS, field="body")
    assert marked.field == "body"


def test_what_is_missing_cannot_be_changed():
    slots = template_slots(delete_words(), entities=ENTITIES)
    record = {"text": "Ann met Bob", "first": (0, 3), "start": 8, "end": 11, "name": "Bob"}
    for field in ("text", "first", "start"):
        assert slots({**record, field: None}, magnitude=0.1, rng=np.random.default_rng(0)) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"end": 12}, "11 characters"),
        ({"start": 11}, "11 characters"),
        ({"text": ["Ann met", "Bob"], "first": (0, 1), "start": 1, "end": 2}, "white space"),
        ({"first": (0, 9)}, "overlap"),
    ],
)
def test_places_that_cannot_be_are_refused(change, said):
    record = {"text": "Ann met Bob", "first": (0, 3), "start": 8, "end": 11, "name": "Bob"} | change
    with pytest.raises(FunctionError, match=said):
        swap_entities(PEOPLE, entities=ENTITIES)(record, magnitude=1.0, rng=np.random.default_rng(0))


def test_arguments():
    for more in ({}, {"entities": ENTITIES, "markers": "a"}):
        with pytest.raises(FunctionError, match="one way"):
            template_slots(delete_words(), **more)
    for bad in ([], ["first"]):
        with pytest.raises(FunctionError, match="at least one Entity"):
            template_slots(delete_words(), entities=bad)
    with pytest.raises(FunctionError, match="regular expression"):
        swap_entities(PEOPLE, markers="(")
    with pytest.raises(FunctionError, match="outside, between"):
        template_slots(delete_words(), markers="a", where="inside")
    with pytest.raises(FunctionError, match="names no entity"):
        swap_entities({"person": []}, markers="a")
    with pytest.raises(FunctionError, match="whole batches"):
        template_slots(transformation_function("b", batched=True)(lambda texts: texts), markers="a")
    with pytest.raises(FunctionError, match="no field 'start'"):
        swap_entities(PEOPLE, entities=ENTITIES)({"text": "a", "first": (0, 1)}, magnitude=1.0, rng=None)
    with pytest.raises(FunctionError, match="whole records"):
        swap_entities(PEOPLE, entities=ENTITIES)("Ann met Bob", magnitude=1.0, rng=None)
