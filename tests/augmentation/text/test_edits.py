import itertools

from hypothesis import given
from hypothesis import strategies as st

from labelwright.augmentation.text.edits import Edit, apply_edits, moved


@st.composite
def edited(draw):
    text = draw(st.text(min_size=1, max_size=30))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12, unique=True)))
    stretches = list(itertools.pairwise(cuts))
    is_edit = draw(st.lists(st.booleans(), min_size=len(stretches), max_size=len(stretches)))
    new = draw(st.lists(st.text(max_size=5), min_size=len(stretches), max_size=len(stretches)))
    edits = [Edit(*s, n) for s, n, e in zip(stretches, new, is_edit, strict=True) if e]
    return text, edits, [s for s, e in zip(stretches, is_edit, strict=True) if not e]


@given(edited())
def test_spans_that_nobody_touched_hold_the_same_text(case):
    text, edits, spans = case
    after = apply_edits(text, edits)
    for (start, end), (first, last) in zip(spans, moved(spans, edits), strict=True):
        assert after[first:last] == text[start:end]


@given(edited())
def test_the_length_changes_by_what_was_written(case):
    text, edits, _ = case
    assert len(apply_edits(text, edits)) == len(text) + sum(len(e.new) - (e.end - e.start) for e in edits)
