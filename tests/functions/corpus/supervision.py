"""Functions in every form that user code takes; imported by interpreters that have nothing but the standard library."""
# ruff: noqa

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import math
import operator
import os.path
import random
from collections import Counter, namedtuple
from datetime import date, datetime, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath

import lexicon
from lexicon import LIMIT, clean

SPAM, HAM = 1, 0
STARTED = datetime(2020, 1, 1, tzinfo=timezone.utc)
DAYS = [date(2020, 1, day) for day in range(1, 4)]
EXACT = (Decimal("1.10"), Fraction(1, 3), 1e-300, float("nan"), -0.0, 2**200, 1j)
TEXTS = ["caf\u00e9", "\U0001f600", "\ud800", b"\xff", None, True, ...]
NESTED = {"a": [1, {"b": {3, 2, 1}}], "c": frozenset({("x", 1), ("y", 2)})}
COUNTS = Counter("abracadabra")
Point = namedtuple("Point", "x y", defaults=[0])
ORIGIN = Point(1)


class Color(enum.Enum):
    RED = 1
    BLUE = "b"


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings."""

    limit: int = 3
    words: tuple[str, ...] = ("a", "b")
    tags: list[str] = dataclasses.field(default_factory=list)

    def far(self, text: str) -> bool:
        return len(text) > self.limit * LIMIT


CONFIG = Config(limit=5)


class Base:
    threshold = math.sqrt(2)

    def score(self, x):
        return len(x.text) / self.threshold


class Scorer(Base):
    __slots__ = ("weights",)

    def __init__(self, weights):
        self.weights = weights

    def __call__(self, x):
        return SPAM if super().score(x) + sum(self.weights) > 1 else None

    @property
    def total(self):
        return sum(self.weights)

    @staticmethod
    def of(x):
        return x.text


scorer = Scorer([1.5, 2.5])


def constants(x):
    return SPAM if x.text in lexicon.WORDS and x.day in DAYS and x.at > STARTED else None


def values(x):
    return [EXACT, TEXTS, NESTED, COUNTS, ORIGIN, CONFIG, Color.RED, PurePosixPath("a/b"), lexicon.RULES]


def formatted(x, width=10):
    name = f"{x.text!r:>{width}} {x.n:.2f}{{}} {x.n=} \N{BULLET}tail"
    nested = f"{f'{x.a}' + 'b'}"
    return SPAM if name + nested else None


def matched(x):
    match x.text.split():
        case [first, *rest] if first in lexicon.WEIGHTS:
            return SPAM
        case {"kind": str(kind), **others} | {"other": kind, **others}:
            return HAM
        case Color.RED | None | -1:
            return None
        case _:
            pass


def flow(x, /, *more, flag=False, **options):
    total: int = 0
    for index, word in enumerate(clean(x.text).split()):
        if (n := len(word)) > 3 and not flag:
            continue
        total += n**2 // (index or 1)
    else:
        total -= 1
    try:
        with open(os.path.join("a", "b")) as one, open("c"):
            del one
    except (OSError, ValueError) as error:
        raise RuntimeError("bad") from error
    finally:
        assert total, "empty"
    squares = {a: b for a, b in zip(*more) for _ in range(a) if a if b}
    return SPAM if any(lexicon.is_even(value) for value in squares.values()) else [*more, lambda y: y @ total]


def imports_inside(x):
    import json as reader
    import os.path

    from lexicon import clean as tidy

    import lexicon

    return SPAM if tidy(x.text) in lexicon.RULES else reader.loads(os.path.basename(x.text))


def reads_file(x):
    return SPAM if x.text in lexicon.HERE.read_text() else None


def makes(limit):
    def inner(x):
        return SPAM if len(x.text) > limit else None

    return inner


def recursive(x, depth=3):
    return recursive(x, depth - 1) if depth else SPAM


def stdlib(x):
    return json.dumps(x.text), random.random(), operator.itemgetter(1)(x), Path(x.text), functools.reduce(max, x.n)


@functools.lru_cache(maxsize=None)
def cached(text):
    return clean(text)


def uses_cached(x):
    return cached(x.text)


closure = makes(7)
partial = functools.partial(clean, lower=False)
first, second, third = (lambda x: 1), (lambda x: x.text), (lambda x: lambda x: x)
method = scorer.score
table = {"one": lambda x: 1, "two": clean, 3: operator.itemgetter("a", 2)}


def dispatch(x):
    return table[x.kind](x)


ALL = {
    name: globals()[name]
    for name in (
        "constants values formatted matched flow imports_inside reads_file recursive stdlib uses_cached "
        "closure partial first second third method dispatch scorer Config Color Scorer"
    ).split()
}
