"""Helpers of the project whose versions are compared between interpreters."""
# ruff: noqa

import re
from pathlib import Path

WORDS = {"song", "video", "channel", "subscribe"}
WEIGHTS = {"song": 0.5, "video": 1.0, "channel": -2.25}
RULES = {"check out": 1, "love": 0}
LINK = re.compile(r"https?://\S+", re.IGNORECASE)
HERE = Path(__file__)
LIMIT = 1_000


def clean(text, *, lower=True):
    """Make a text comparable."""
    text = LINK.sub(" ", text)
    return text.lower() if lower else text


def is_even(number):
    return True if number == 0 else is_odd(number - 1)


def is_odd(number):
    return False if number == 0 else is_even(number - 1)
