"""A function with its helpers, to be edited."""

__all__ = ["HELPERS", "SUPERVISION"]

HELPERS = """
import re

THRESHOLD = 0.5
WORDS = {"song", "video"}
RULES = {"a": 1, "b": 0}
LINK = re.compile("http")


def clean(text, lower=True):
    if lower:
        text = text.lower()
    return LINK.sub("", strip(text))


def strip(text):
    return text.strip(" .")


class Scorer:
    weight = 2

    def __init__(self, bias):
        self.bias = bias

    def score(self, text):
        return len(text) * self.weight + self.bias > THRESHOLD
"""

SUPERVISION = '''
import helpers
from helpers import Scorer, clean

SPAM = 1
SCORER = Scorer(3)


def spam(x, limit=10, *, strict=False):
    """Say whether it is spam."""
    total: int = 0
    for word in clean(x.text).split():
        if word in helpers.WORDS and not strict:
            total += 1
        elif word in helpers.RULES:
            return helpers.RULES[word]
    return SPAM if total > limit or SCORER.score(x.text) else None
'''
