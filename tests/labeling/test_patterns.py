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
from labelwright.labeling.patterns import PatternSearch, _disguised_texts, _odd_texts, check_pattern

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
            translation = translate(pattern, flags, fidelity)
        except Untranslatable:
            continue
        found = series.str.contains(translation.pattern).to_list()
        if fidelity is Fidelity.NEAR and translation.blind:
            assert _disguised_texts(series).str.contains(translation.pattern).to_list() == expected, (pattern, flags)
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
quantifiers = st.sampled_from(["?", "*", "+", "{2}", "{,2}", "{1,2}", "{0,1}", "*?", "+?", "??", "?+", "*+", "++"])


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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@settings(max_examples=600, deadline=None)
@given(patterns, flag_sets, st.lists(texts, min_size=1, max_size=12))
def test_a_pattern_means_what_python_means(pattern, flags, rows):
    if _valid(pattern, int(flags)):
        agrees(pattern, int(flags), [*rows, "", "a\n", "ab", "kiss", "b a"])


# what the grammar may miss

CASES = [
    "foo$", "foo$\n", "^foo$", "(?m)^foo$", r"foo\Z", r"\Afoo", "a{,2}b", "a{,}b", "a{", "x{2,1}?" if False else "x{1,2}",
    r"[\w-]", "[]a]", "[^]a]", "[a&&b]", "[[a]", "[a--b]", "[a~~b]", "[a||b]", "[[:alpha:]]", r"[\d\s]", r"\07", r"\x41", r"\u00e9",
    r"\N{LATIN SMALL LETTER E WITH ACUTE}", r"(?P<n>a)b(?P=n)", r"(a)?b(?(1)c|d)", "(?>a+)b", "a++b", "a*+a",
    "(?x) a  b # comment", "(?i)straße", "(?i)İ", "(?i)[^ſ]", "(?i)K", "(?s)a.b", "a.b", r"\bé\b", r"\Bé", "", "a|", r"[^\n]", r"[\x1c-\x1f]",
    r"\s", r"[^\s]", "~", "#", "a b", r"\ ", r"\#", r"\<b", "<b>", r"[\^a]", r"[a\-z]", "[a-]", r"\$", "(?a)\\w+é", "(?i:a)b", "(?-i:a)b",
    r"(?<=a)b", r"(?<!a)b", r"a(?=b)", r"a(?!b)", r"(?<=a\b)-", r"(?:\bfoo)?bar", r"(?:foo\b)?$", r"(?:^a)?\bb", r"\b(?:foo|-bar)\b",
    r"(?:a\b)+", r"\b\b", r"\ba?b\b", r"(\bfoo\b){2}", r"(.)\1\1", r"\bno\b.*\bnormal\b", "(?:$|a)*b", r"(?:|a)*b", r"a{0}b", "\ud800|a",
    "[\ud7fe-\ue001]", r"\Aa\b", r"a\b$", r"(?m)^\ba\b$", r"[^\W_]+\b!", r"\b\$\d+", r"(?i)\bfree\b", r"(?<!\w)(?:c\+\+)", r"(?=a)b|c", r"(?!)",
]  # fmt: skip
ROWS = [
    "", "\n", "foo", "foo\n", "foo\n\n", "a\nfoo\nb", "foo\r", "ab", "b", "aab", "é", "aé", "é\u0301", "No", "no² normal", "no normal\n", "abnormal", "K", "ſ", "ß", "ẞ",
    "STRASSE", "STRAßE", "İ", "i̇", "ı", "i", "a-", "-bar", "foo bar", "foobar", "barfoo", "a.b", "a\nb", "a\rb", "a\x1cb", "a\x85b", "$5", "US$5", "c++", "abc++", "free", "FREE!", "unfree",
    "free\u0301", "²free", "a{", "x{2,1}?", "[a]", "&", "~", "|", ":alpha:", "[:alpha:]", "\x07", "A", "aaa", "!!!", "#", "a b", "<b>", "bd", "abc", "aba", "a\ud7ff", "\ue000", "_!", "a!",
]  # fmt: skip


@pytest.mark.parametrize("pattern", CASES)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_corners(pattern):
    for flags in (0, re.IGNORECASE, re.MULTILINE, re.ASCII, re.ASCII | re.IGNORECASE):
        if _valid(pattern, flags):
            agrees(pattern, flags, ROWS)


@pytest.mark.slow
@pytest.mark.parametrize("flags", [0, re.IGNORECASE, re.ASCII, re.ASCII | re.IGNORECASE])
@pytest.mark.parametrize(
    "pattern", [r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", ".", "[a-z]", "[^a-z]", r"[\w-]", r"[^\W\d]", "[À-ɏ]", "[ſ-ƀ]", "[^İ-ı]"]
)  # fmt: skip
def test_every_code_point(pattern, flags):
    text = "".join(EVERY)
    ours = translate(pattern, flags, Fidelity.EXACT).pattern
    assert pl.Series([text]).str.extract_all(ours).item().to_list() == re.findall(pattern, text, flags)


@pytest.mark.slow
def test_every_cased_character_folds_as_python_folds_it():
    cased = [c for c in EVERY if len({c, c.lower(), c.upper()}) > 1]
    text = "".join(cased)
    for c in cased:
        found = (
            pl.Series([text]).str.extract_all(translate(re.escape(c), re.I, Fidelity.EXACT).pattern).item().to_list()
        )
        assert found == re.findall(re.escape(c), text, re.I), c


@pytest.mark.slow
def test_case_stays_within_the_characters_that_are_looked_at():
    """Outside them, ignoring case changes nothing: asked of the engine that decides, for every code point."""
    sre = importlib.import_module("_sre")
    cased = set(pattern_classes._cased())
    assert {c for c in EVERY if sre.unicode_iscased(ord(c))} <= cased
    assert {c for c in EVERY if sre.unicode_tolower(ord(c)) != ord(c)} <= cased


def test_few_patterns_are_slow_and_they_say_why():
    assert PatternSearch(r"\bfree\b").slow is None
    assert PatternSearch(r"\bno\b.*\bnormal\b", re.I).slow is None
    assert PatternSearch(r"(?<!\w)free(?!\w)").slow is None
    assert PatternSearch(r"free(?!dom)").slow == "look-ahead"
    assert PatternSearch(r"(?<!un)free").slow == "look-behind"
    assert PatternSearch(r"(.)\1").slow == "a back-reference"
    assert PatternSearch("(?>a+)b").slow == "an atomic group"
    assert PatternSearch("a++b").slow == "a possessive quantifier"
    assert PatternSearch("(a)?b(?(1)c|d)").slow == "a condition on a group"
    assert PatternSearch(r"\w{5000}").slow == "a pattern too large for the linear-time engine"


def test_python_looks_only_at_what_the_filter_lets_through(monkeypatch):
    looked: list[str] = []
    whole = PatternSearch._in_python
    monkeypatch.setattr(PatternSearch, "_in_python", lambda self, t: looked.extend(t.to_list()) or whole(self, t))
    assert search(r"free(?!dom)", 0, ["free", "freedom", "cat", None]) == [True, False, False, False]
    assert looked == ["free", "freedom"]


def test_hostile_text_is_linear_where_the_engine_suffices():
    assert search(r"(a+)+\d", 0, ["a" * 50_000]) == [False]


def test_a_parser_that_is_not_known_costs_speed_not_meaning(monkeypatch):
    class Unknown:
        @staticmethod
        def parse(pattern, flags):
            raise AttributeError("another shape")

    from labelwright.labeling import patterns as room

    room._plan.cache_clear()
    monkeypatch.setitem(sys.modules, "re._parser", Unknown())
    try:
        assert search(r"\bfree\b", 0, ["free", "freedom"]) == [True, False]
        assert "does not know" in (PatternSearch(r"\bfree\b").slow or "")
    finally:
        room._plan.cache_clear()


def test_missing_texts_stay_missing_and_the_column_is_untouched():
    rows = ["free", None, "x", "\u2764\ufe0ffree", "5\u00b2"]
    frame = pl.DataFrame({"text": rows})
    for pattern in ("free", r"(?i)\bfree\b", r"free(?!dom)", r"free\B|\bfree"):
        found = frame.select(PatternSearch(pattern).expression("text")).to_series()
        assert found.fill_null(False).to_list() == [True, False, False, True, False]
        assert frame["text"].to_list() == rows


def test_a_search_travels_without_its_translations():
    there = pickle.loads(pickle.dumps(PatternSearch("a(?!bc)", re.I)))
    assert there == PatternSearch("a(?!bc)", re.I)
    assert there("A!")


@pytest.mark.parametrize(
    ("pattern", "flags", "said"),
    [
        ("a(b", 0, r"position 1\.\n    a\(b\n     \^"),
        ("x" * 60 + "[", 0, r"position 60"),
        ("*", 0, "nothing to repeat"),
        (None, 0, "is a string, got NoneType"),
        (re.compile("a"), 0, "is a string, got Pattern"),
        ("a", re.DEBUG, "not DEBUG"),
        ("a", "i", "flags is 'i'"),
        ("a", re.LOCALE, "not DEBUG or LOCALE"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern, flags, said):
    with pytest.raises(FunctionError, match=said):
        check_pattern(pattern, flags, "labeling function 'f'")
