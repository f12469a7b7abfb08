r"""Python's ``re.search`` is the meaning of a pattern; every road to an answer must give that answer."""

from __future__ import annotations

import importlib
import pickle
import re
import sys

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core.errors import FunctionError
from labelwright.labeling import pattern_classes
from labelwright.labeling.pattern_rewrite import Fidelity, Untranslatable, translate
from labelwright.labeling.patterns import PatternSearch, _odd_texts, check_pattern

EVERY = [chr(c) for c in (*range(0xD800), *range(0xE000, 0x110000))]
# Newlines, controls, exotic spaces, digits of other scripts, superscripts, marks, joiners, ligatures, case oddities.
ODD = list(
    "\n\r\t\x0b\x0c\x1c\x1f\x85\xa0\u2028\u3000\u200b٣۵𝟗²½①\u0301\u093e\u200d\ufe0f❤️ﬁﬅﬆſKÅßẞİıµμςσΣǅéÉ日本一\U0001f600_‿-]^&~[|\\ "
)
PLAIN = list("abkisKIS01 _.,!")
texts = (
    st.text(st.sampled_from(PLAIN + ODD), max_size=8)
    | st.text(st.sampled_from(PLAIN), max_size=8)
    | st.text(max_size=5)
)


def search(pattern: str, flags: int, rows: list[str | None]) -> list[bool]:
    frame = pl.DataFrame({"text": rows}, schema={"text": pl.String})
    found = frame.select(PatternSearch(pattern, flags).expression("text")).to_series()
    return [bool(f) for f in found.to_list()]


def agrees(pattern: str, flags: int, rows: list[str]) -> None:
    expected = [re.search(pattern, row, flags) is not None for row in rows]
    assert search(pattern, flags, list(rows)) == expected, (pattern, flags)
    # The three translations keep their own promises too, whichever of them a plan would choose.
    series = pl.Series(rows, dtype=pl.String)
    odd = _odd_texts(series).to_list()
    for fidelity in Fidelity:
        try:
            found = series.str.contains(translate(pattern, flags, fidelity).pattern).to_list()
        except Untranslatable:
            continue
        for row, got, want, is_odd in zip(rows, found, expected, odd, strict=True):
            if fidelity is Fidelity.EXACT or (fidelity is Fidelity.NEAR and not is_odd):
                assert got == want, (fidelity, pattern, flags, row)
            elif fidelity is Fidelity.SUPERSET:
                assert got or not want, (fidelity, pattern, flags, row)


# a grammar of patterns


def _escaped(c: str) -> str:
    return re.escape(c)


literals = st.sampled_from(PLAIN + ODD).map(_escaped)
categories = st.sampled_from([r"\w", r"\W", r"\d", r"\D", r"\s", r"\S"])
members = (
    literals
    | categories
    | st.sampled_from(["a-k", "A-Z", "0-9", "à-ÿ", "\\[-a", "ſ-ƀ", "İ-Ĳ", "&&", "--", "~~", "[:alpha:", "[a"])
)
classes = st.builds(
    lambda n, m: f"[{n}{''.join(m)}]", st.sampled_from(["", "^"]), st.lists(members, min_size=1, max_size=3)
)
places = st.sampled_from(
    [r"\b", r"\b", r"\B", "^", "$", r"\A", r"\Z", r"(?!\w)", r"(?<!\w)", "(?=a)", "(?<=b)", "(?!ab)", "(?<![k1])"]
)
atoms = literals | literals | categories | classes | st.just(".") | places
quantifiers = st.sampled_from(["?", "*", "+", "{2}", "{,2}", "{1,2}", "{0,1}", "*?", "+?", "??"] + ["?+", "*+", "++"])


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({})".format, inner),
        st.builds("(?:{}|{})".format, inner, inner),
        st.builds("(?:{}){}".format, inner, quantifiers),
        st.builds("(?{}:{})".format, st.sampled_from(["i", "s", "m", "a", "-i", "i-s"]), inner),
        st.builds("(?>{})".format, inner),
        st.builds("(?={})".format, inner),
        st.builds("(?!{})".format, inner),
        st.builds(r"({})\1".format, inner),
        st.builds("(a)?{}(?(1)b|{})".format, inner, inner),
        st.lists(inner, min_size=2, max_size=4).map("".join),
    )


patterns = st.recursive(atoms, _grow, max_leaves=8)
flag_sets = st.lists(st.sampled_from([re.I, re.M, re.S, re.A]), max_size=2, unique=True).map(sum)


def _valid(pattern: str, flags: int) -> bool:
    try:
        re.compile(pattern, flags)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@settings(max_examples=600, deadline=None)
@given(patterns, flag_sets, st.lists(texts, min_size=1, max_size=12))
def test_a_pattern_means_what_python_means(pattern, flags, rows):
    if _valid(pattern, int(flags)):
        agrees(pattern, int(flags), [*rows, "", "a\n", "ab", "kiss", "b a"])
