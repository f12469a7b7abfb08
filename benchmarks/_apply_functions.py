"""The functions that ours and theirs are timed on, and the texts; imported by both sides, so it needs nothing."""

from __future__ import annotations

VOCABULARY = """
check out my channel please subscribe http www com love this song video best ever free money click link now great view
views million youtube katy perry shakira the a is and of you i it so for in on be that with like just
"""

PATTERNS = (
    "check out", "subscri", "https?://", "(?i)free", "my channel", r"\bmoney\b", "click", "love", "song", "best ever",
    "view", "million", "youtube", "katy", "shakira", "please", "great", "link now", r"\d+", r"(?i)www\.",
)  # fmt: skip


def check(x):
    return 1 if "check" in x.text else -1


def subscribe(x):
    return 1 if "subs" in x.text else -1


def many_words(x):
    return 0 if x.n > 10 else -1


def short(x):
    return 0 if len(x.text) < 30 else -1


def link(x):
    return 1 if "http" in x.text else -1


TRIVIAL = (check, subscribe, many_words, short, link)
