"""A project of many kinds of functions, and edits of it: which functions each edit makes stale.

An edit is semantic where it may change a vote; see docs/explanation/versions.md for what counts and what does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["COSMETIC", "FILES", "SEMANTIC", "Edit", "as_package", "write_project"]

FILES: dict[str, str] = {}

FILES["supervision.py"] = '''
"""Labeling functions."""

import functools
import re
from pathlib import Path

import lexicon
import polars as pl
from helpers import text as texts
from helpers.rules import RULES, Kind, Scorer, logged, urgent
from helpers.text import clean

import labelwright as lw

HERE = Path(__file__).parent
LIMIT = 10
WORDS = set((HERE / "words.txt").read_text().split())
KNOWN = HERE / "known.txt"
LINK = re.compile("https?", re.IGNORECASE)
SCORER = Scorer(bias=3)


@lw.labeling_function(labels=["spam"])
def has_link(x, at_least=1):
    """Say whether there are links."""
    found = len(LINK.findall(x.text))
    return "spam" if found >= at_least else None


@lw.labeling_function(labels=["ham"], examples=[("short", "ham")])
def short(x):
    return "ham" if len(x.text) < LIMIT else None


@lw.labeling_function(labels=["spam"])
def in_words(x):
    return "spam" if WORDS & set(clean(x.text).split()) else None


@lw.labeling_function(labels=["spam"])
def in_file(x):
    return "spam" if x.author in KNOWN.read_text().split() else None


@lw.labeling_function(labels=["spam"], resources={"table": lexicon.load()})
def in_table(x, table):
    return "spam" if x.author in table else None


@lw.preprocessor()
def lowered(x):
    x.lower = texts.fold(x.text)
    return x


@lw.labeling_function(labels=["ham"], pre=[lowered])
def by_lower(x):
    return "ham" if "song" in x.lower else None


shout = lw.labeling_function("shout", labels=["spam"])(lambda x: "spam" if x.text.isupper() else None)


def mentions(word, label):
    @lw.labeling_function(f"mentions_{word}", labels=[label])
    def one_of_many(x):
        return label if word in x.text else None

    return one_of_many


mentions_free = mentions("free", "spam")


@lw.labeling_function(labels=["spam"])
def scored(x):
    return "spam" if SCORER.score(x.text) > 20 else None


@lw.labeling_function(labels=["spam", "ham"])
def by_rule(x):
    for word, label in RULES.items():
        if word in x.text:
            return label
    return None


@lw.labeling_function(labels=["spam"])
@logged
def wrapped(x):
    return "spam" if "buy" in x.text else None


@lw.labeling_function(labels=["spam"])
def lazily(x):
    from helpers.deep import is_deep

    return "spam" if is_deep(x.text) else None


@lw.labeling_function(labels=["ham"])
def kinds(x):
    match x.kind:
        case "song" | "video":
            return "ham"
        case _:
            return Kind.OTHER.label


partly = lw.labeling_function("partly", labels=["spam"])(functools.partial(urgent, marks=2))


@lw.labeling_function(labels=["spam"])
def of_others(x):
    return "spam" if has_link(x) and any(word in x.text for word in lexicon.LOUD) else None


@lw.batch_lf(labels=["spam"], fields=["text"])
def by_part(part):
    return part.select(pl.when(pl.col("text").str.len_chars() > 100).then(pl.lit("spam"))).to_series().to_list()


FUNCTIONS = [
    has_link, short, in_words, in_file, in_table, by_lower, shout, mentions_free, scored, by_rule, wrapped, lazily,
    kinds, partly, of_others, by_part,
    lw.keyword_lf("begging", ["subscribe", "channel"], "spam"),
    lw.regex_lf("digits", r"\\d{5}", "spam", flags=re.ASCII),
    lw.threshold_lf("popular", "likes", ">", 100, "ham"),
    lw.lookup_lf("known_pairs", ["author", "title"], lexicon.PAIRS, "ham"),
    lw.expression_lf("praise", "len(text) < 40 and contains(text, 'love')", "ham"),
    lw.expression_lf("liked", pl.col("likes") > lexicon.MANY, "ham"),
    lw.column_lf("stars", "rating", {1: "spam", 5: "ham"}),
]
'''

FILES["lexicon.py"] = '''
"""Words and tables."""

import json
from pathlib import Path

PAIRS = {("Ann", "Song"), ("Bo", "Tune")}
LOUD = ("now", "free")
MANY = 500
UNUSED = 1


def load():
    return json.loads(Path(__file__).with_name("table.json").read_text())
'''

FILES["helpers/__init__.py"] = '"""Helpers."""\n'

FILES["helpers/text.py"] = '''
"""Texts."""

from .deep import MARKS


def clean(text, lower=True):
    """Clean a text."""
    if lower:
        text = fold(text)
    return text.strip(MARKS)


def fold(text):
    return text.casefold()


def unused(text):
    return text.upper()
'''

FILES["helpers/deep.py"] = '''
import re

MARKS = " .!"
DEEP = re.compile(
    r"""
    free \\s+ money   # a comment of the pattern
    """,
    re.VERBOSE,
)


def is_deep(text: str) -> bool:
    return DEEP.search(text) is not None
'''

FILES["helpers/rules.py"] = """
import enum
import functools
from dataclasses import dataclass

RULES = {"song": "ham", "free song": "spam"}
STEP = 1


class Kind(enum.Enum):
    SONG = "song"
    OTHER = "other"

    @property
    def label(self):
        return "ham" if self is Kind.SONG else None


class Base:
    weight = 2

    def score(self, text):
        return len(text) * self.weight + self.offset()


@dataclass
class Scorer(Base):
    bias: int = 0
    scale: float = 1.0

    def offset(self):
        return self.bias * self.scale


def logged(function):
    @functools.wraps(function)
    def inner(x):
        found = function(x)
        return found if x.text else None

    return inner


def urgent(x, marks=1):
    return "spam" if x.text.count("!") >= marks else None
"""

FILES["words.txt"] = "song\nvideo\n"
FILES["known.txt"] = "Eve\nMallory\n"
FILES["table.json"] = '{"Ann": 1, "Bo": 2}\n'


@dataclass(frozen=True)
class Edit:
    """One edit of one file, and the names of the functions that it makes stale."""

    name: str
    file: str
    old: str
    new: str
    stale: str = ""

    def apply(self, files: dict[str, str]) -> dict[str, str]:
        """Return the files after the edit."""
        assert self.old in files[self.file], self.name
        return files | {self.file: files[self.file].replace(self.old, self.new)}


def as_package(files: dict[str, str]) -> dict[str, str]:
    """Return the same project with ``supervision`` as a package that its neighbours are in."""
    moved = {f"supervision/{name.replace('supervision.py', '__init__.py')}": text for name, text in files.items()}
    text = moved["supervision/__init__.py"].replace("from helpers", "from .helpers")
    return moved | {"supervision/__init__.py": text.replace("import lexicon", "from . import lexicon")}


def write_project(folder: Path, files: dict[str, str]) -> Path:
    """Write the files of the project, as an editor would."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return folder


S, T, D, R, L = "supervision.py", "helpers/text.py", "helpers/deep.py", "helpers/rules.py", "lexicon.py"
LINKED = "has_link of_others"

SEMANTIC = [
    # constants, defaults, code
    Edit("a constant", S, "LIMIT = 10", "LIMIT = 11", "short"),
    Edit("the type of a constant", S, "LIMIT = 10", "LIMIT = 10.0", "short"),
    Edit("a default argument", S, "at_least=1", "at_least=2", LINKED),
    Edit("a comparison", S, "< LIMIT", "<= LIMIT", "short"),
    Edit("the class that is returned", S, 'return "spam" if found', 'return None if found', LINKED),
    Edit("a method that is called", S, "x.text.isupper()", "x.text.islower()", "shout"),
    Edit("a field that is read", S, "x.author in KNOWN", "x.title in KNOWN", "in_file"),
    Edit("a case of a match", S, 'case "song" | "video"', 'case "song"', "kinds"),
    Edit("an operator", S, "has_link(x) and any", "has_link(x) or any", "of_others"),
    Edit("a quantifier", S, "and any(", "and all(", "of_others"),
    Edit("a statement in front", S, "    found = len(", "    print(x)\n    found = len(", LINKED),
    Edit("the name of a local variable, which counts as documented", S, "found", "links", LINKED),
    Edit("an argument of a closure", S, 'mentions("free", "spam")', 'mentions("free", "ham")', "mentions_free"),
    Edit("the code of a closure", S, "label if word in", "label if word not in", "mentions_free"),
    Edit("the limit of a batch function", S, "> 100).then", "> 101).then", "by_part"),
    Edit("the labels that are declared", S, '@lw.labeling_function(labels=["ham"], ex', '@lw.labeling_function(labels=["ham", "spam"], ex', "short"),
    # patterns
    Edit("a compiled pattern", S, '"https?"', '"https"', LINKED),
    Edit("the flag of a compiled pattern", S, "re.IGNORECASE", "re.NOFLAG", LINKED),
    Edit("a pattern in another module", D, "free \\s+ money", "free \\s* money", "lazily"),
    Edit("the flag of a pattern in another module", D, "re.VERBOSE", "re.VERBOSE | re.DOTALL", "lazily"),
    # helpers, through any number of modules
    Edit("an imported function", T, "text.strip(MARKS)", "text.lstrip(MARKS)", "in_words"),
    Edit("the default of an imported function", T, "lower=True", "lower=False", "in_words"),
    Edit("a helper of a helper, and of a preprocessor", T, "text.casefold()", "text.lower()", "in_words by_lower"),
    Edit("a constant two modules away", D, '" .!"', '" ."', "in_words"),
    Edit("a function imported when it is called", D, "is not None", "is None", "lazily"),
    Edit("a decorator", R, "if x.text else", "if not x.text else", "wrapped"),
    Edit("the argument of a partial", S, "marks=2", "marks=3", "partly"),
    Edit("the function of a partial", R, 'count("!")', 'count("?")', "partly"),
    Edit("the code of a preprocessor", S, "x.lower = texts.fold(x.text)", "x.lower = texts.fold(x.title)", "by_lower"),
    Edit("another helper in its place", S, "texts.fold(x", "texts.unused(x", "by_lower"),
    # classes
    Edit("a class attribute of a base", R, "weight = 2", "weight = 3", "scored"),
    Edit("the default of a field that is not given", R, "scale: float = 1.0", "scale: float = 2.0", "scored"),
    Edit("the state of an instance", S, "Scorer(bias=3)", "Scorer(bias=4)", "scored"),
    Edit("a method", R, "self.bias * self.scale", "self.bias + self.scale", "scored"),
    Edit("the method of a base", R, "len(text) * self.weight", "len(text) + self.weight", "scored"),
    Edit("the property of an enumeration", R, "self is Kind.SONG", "self is Kind.OTHER", "kinds"),
    Edit("the order of a table that is gone through", R, '"song": "ham", "free song": "spam"', '"free song": "spam", "song": "ham"', "by_rule"),
    Edit("a value of a table", R, '"song": "ham"', '"song": "spam"', "by_rule"),
    # resources
    Edit("a file that is read on import", "words.txt", "video", "videos", "in_words"),
    Edit("a file that is read when called", "known.txt", "Eve", "Eva", "in_file"),
    Edit("a resource that is loaded from a file", "table.json", '"Bo": 2', '"Bob": 2', "in_table"),
    Edit("a tuple of words", L, '("now", "free")', '("now",)', "of_others"),
    # declarative functions
    Edit("a keyword", S, '["subscribe", "channel"]', '["subscribe", "channels"]', "begging"),
    Edit("whether keywords are whole words", S, '"channel"], "spam")', '"channel"], "spam", whole_words=False)', "begging"),
    Edit("the field of a keyword", S, '"channel"], "spam")', '"channel"], "spam", "title")', "begging"),
    Edit("a pattern", S, "{5}", "{6}", "digits"),
    Edit("the flag of a pattern", S, "flags=re.ASCII", "flags=0", "digits"),
    Edit("a threshold", S, '">", 100', '">", 101', "popular"),
    Edit("the comparison of a threshold", S, '">", 100', '">=", 100', "popular"),
    Edit("the class of a threshold", S, '100, "ham"', '100, "spam"', "popular"),
    Edit("an entry of a knowledge base", L, '("Bo", "Tune")', '("Bo", "Tunes")', "known_pairs"),
    Edit("the fields of a knowledge base", S, '["author", "title"]', '["title", "author"]', "known_pairs"),
    Edit("a number in an expression", S, "len(text) < 40", "len(text) < 41", "praise"),
    Edit("an operator in an expression", S, "< 40 and", "< 40 or", "praise"),
    Edit("a constant in an expression of Polars", L, "MANY = 500", "MANY = 501", "liked"),
    Edit("a value of a column", S, '1: "spam"', '2: "spam"', "stars"),
]  # fmt: skip

COSMETIC = [
    Edit("a comment on a line", S, "LIMIT = 10", "LIMIT = 10  # characters"),
    Edit("a comment in a function", S, "    found = len(", "    # all of them\n    found = len("),
    Edit("empty lines", S, "    found = len(", "\n\n    found = len("),
    Edit("spaces at the ends of lines", S, "None\n", "None  \n"),
    Edit("a docstring", S, '    """Say whether there are links."""\n', ""),
    Edit("the words of a docstring", T, "Clean a text.", "Return a clean text."),
    Edit("the docstring of a class", R, "class Base:\n", 'class Base:\n    """Something that scores."""\n\n'),
    Edit("the docstring of a module", L, "Words and tables.", "All words, and the tables."),
    Edit("the annotation of an argument", S, "def short(x):", "def short(x: object) -> str | None:"),
    Edit("the annotation of a variable", S, "    found = len", "    found: int = len"),
    Edit("annotations that are dropped", D, "(text: str) -> bool", "(text)"),
    Edit("the order of imports", S, "import functools\nimport re\n", "import re\nimport functools\n"),
    Edit("an import that nothing uses", S, "import re\n", "import json\nimport re\n"),
    Edit("a constant that nothing uses", L, "UNUSED = 1", "UNUSED = 2"),
    Edit("a helper that nothing uses", T, "text.upper()", "text.title()"),
    Edit("a new helper that nothing uses", R, "STEP = 1\n", "STEP = 1\n\n\ndef spare(x):\n    return x\n"),
    Edit("parentheses", S, '"ham" if len(x.text) < LIMIT else None', '("ham") if (len(x.text) < LIMIT) else (None)'),
    Edit("lines broken in a call", S, "(labels=[\"ham\"], pre=[lowered])", '(\n    labels=["ham"],\n    pre=[lowered],\n)'),
    Edit("quotes", S, 'case "song" | "video"', "case 'song' | 'video'"),
    Edit("a number written otherwise", S, "LIMIT = 10", "LIMIT = 0xA"),
    Edit("a constant that is worked out", S, "LIMIT = 10", "LIMIT = 2 * 5"),
    Edit("a string in two pieces", S, '"buy" in x.text', '"b" "uy" in x.text'),
    Edit("a pattern that is written raw", S, 're.compile("https?"', 're.compile(r"https?"'),
    Edit("the order of a set", L, '{("Ann", "Song"), ("Bo", "Tune")}', '{("Bo", "Tune"), ("Ann", "Song")}'),
    Edit("the order of lines in a set of words", "words.txt", "song\nvideo", "video\nsong"),
    Edit("the spaces of a resource that is loaded", "table.json", '"Ann": 1, "Bo": 2', '"Ann":1,  "Bo":2'),
    Edit("the order of keywords", S, '["subscribe", "channel"]', '["channel", "subscribe"]'),
    Edit("the spaces of an expression", S, "len(text) < 40 and contains(text, 'love')", "len(text)<40 and  contains(text,'love')"),
    Edit("an argument by its name", S, '["subscribe", "channel"], "spam")', '["subscribe", "channel"], label="spam")'),
    Edit("a default that is spelled out", S, '"channel"], "spam")', '"channel"], "spam", whole_words=True)'),
    Edit("examples", S, '[("short", "ham")]', '[("short", "ham"), ("a long text", None)]'),
    Edit("functions in another order", S, "has_link, short, in_words", "short, in_words, has_link"),
    Edit("the Python name of a function that has another", S, "one_of_many", "inner"),
    Edit("a statement that does nothing", S, "    found = len(", "    pass\n    found = len("),
    Edit("an indentation of two", R, "    ", "  "),
    Edit("lines that end as on Windows", S, "\n", "\r\n"),
]  # fmt: skip
