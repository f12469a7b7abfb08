"""Every edit that matters changes the version, no other does: one function with its helpers, edit by edit."""

from __future__ import annotations

import ast

import pytest

from labelwright.functions.versions import version_of

from .projects import HELPERS, SUPERVISION


def test_same_text_elsewhere_has_the_same_version(load):
    first = version_of(load(SUPERVISION, helpers=HELPERS).spam)
    assert version_of(load(SUPERVISION, helpers=HELPERS).spam) == first
    assert len(first) == 64
    assert set(first) <= set("0123456789abcdef")


LAYOUT = [
    ("def spam(", "# a comment\n\n\n\ndef spam("),
    ("def spam(x, limit=10,", "def spam(\n    x,\n    limit=10,  # at most\n   "),
    ('    """Say whether it is spam."""\n', ""),
    ("Say whether it is spam.", "Other words."),
    ("total: int = 0", "total = 0"),
    (
        "def spam(x, limit=10, *, strict=False):",
        "def spam(x: object, limit: int = 10, *, strict: bool = False) -> 'int':",
    ),
    ("    total: int = 0", "    pass\n    'a remark'\n    total: int = 0"),
    ("SPAM if total > limit or", "(SPAM) if ((total > limit)) or"),
    ("SPAM = 1\n", "UNUSED = 7\nSPAM = 1\n\n\ndef other():\n    return UNUSED\n\n"),
    ("SPAM = 1", "SPAM = 2 - 1"),
    ("limit=10", "limit=0xA"),
]


@pytest.mark.parametrize(("old", "new"), LAYOUT)
def test_layout_comments_docstrings_and_annotations_do_not_count(load, old, new):
    before = version_of(load(SUPERVISION, helpers=HELPERS).spam)
    edited = SUPERVISION.replace(old, new)
    assert edited != SUPERVISION
    assert version_of(load(edited, helpers=HELPERS).spam) == before


IN_HELPERS = [
    ("THRESHOLD = 0.5", "THRESHOLD = 0.25"),
    ('"song", "video"', '"song", "videos"'),
    ('"a": 1, "b": 0', '"a": 0, "b": 1'),
    ('"a": 1, "b": 0', '"b": 0, "a": 1'),  # a table written out counts in its order: the first match may win
    ('re.compile("http")', 're.compile("https")'),
    ('re.compile("http")', 're.compile("http", re.I)'),
    ("lower=True", "lower=False"),
    ("text.lower()", "text.upper()"),
    ('text.strip(" .")', 'text.strip(" ,")'),  # a helper of a helper
    ("text.strip", "text.lstrip"),
    ("weight = 2", "weight = 3"),
    ("self.bias = bias", "self.bias = bias + 1"),
    ("return len(text) *", "return len(text) +"),
    ("class Scorer:", "class Base:\n    pass\n\n\nclass Scorer(Base):"),
]


@pytest.mark.parametrize(("old", "new"), IN_HELPERS)
def test_a_change_in_an_imported_helper_counts(load, old, new):
    before = version_of(load(SUPERVISION, helpers=HELPERS).spam)
    edited = HELPERS.replace(old, new)
    assert edited != HELPERS
    assert version_of(load(SUPERVISION, helpers=edited).spam) != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("WORDS = {", "# comment\nWORDS = {"),
        ('"song", "video"', '"video", "song"'),
        ("def strip", "def unused():\n    return 1\n\n\ndef strip"),
        ("class Scorer:", 'class Scorer:\n    """Scores."""\n'),
        ("WORDS = {", "UNUSED = object()\nWORDS = {"),
    ],
)
def test_what_the_function_does_not_use_of_a_helper_does_not_count(load, old, new):
    before = version_of(load(SUPERVISION, helpers=HELPERS).spam)
    edited = HELPERS.replace(old, new)
    assert edited != HELPERS
    assert version_of(load(SUPERVISION, helpers=edited).spam) == before


def mutants(text: str, name: str):
    """Every way of changing one node of a definition to something else that still parses."""
    count = len(list(ast.walk(definition(ast.parse(text), name))))
    for position in range(count):
        tree = ast.parse(text)
        scope = definition(tree, name)
        node = list(ast.walk(scope))[position]
        if mutate(node, scope):
            yield ast.unparse(ast.fix_missing_locations(tree))


def definition(tree: ast.Module, name: str) -> ast.AST:
    return next(node for node in tree.body if getattr(node, "name", None) == name)


COMPARED = {ast.Gt: ast.GtE, ast.In: ast.NotIn, ast.Eq: ast.NotEq, ast.Lt: ast.LtE}


def mutate(node: ast.AST, scope: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        if scope.body[0] is node or any(getattr(child, "value", None) is node for child in scope.body[:1]):
            return False  # the docstring
        changed = {str: lambda text: f"{text}!", bool: lambda flag: not flag, type(None): lambda _: 0}
        node.value = changed.get(type(node.value), lambda number: number + 1)(node.value)
        return True
    if isinstance(node, ast.Compare):
        node.ops = [COMPARED[type(op)]() for op in node.ops]
        return True
    if isinstance(node, ast.BinOp):
        node.op = ast.Sub() if isinstance(node.op, ast.Mult | ast.Add) else ast.Add()
        return True
    if isinstance(node, ast.AugAssign):
        node.op = ast.Sub()
        return True
    if isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return True
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        node.op = ast.UAdd()
        return True
    if isinstance(node, ast.Attribute):
        node.attr += "_"
        return True
    if isinstance(node, ast.Call) and node.args:
        node.args = [*node.args, ast.Constant(value=None)]
        return True
    if isinstance(node, ast.If) and node.orelse:
        node.orelse = []
        return True
    if isinstance(node, ast.For):
        node.orelse = [ast.Expr(ast.Call(ast.Name("print", ast.Load()), [], []))]
        return True
    if isinstance(node, ast.IfExp):
        node.body, node.orelse = node.orelse, node.body
        return True
    if isinstance(node, ast.Return):
        node.value = ast.Tuple([node.value], ast.Load())
        return True
    return False


@pytest.mark.parametrize(("file", "name"), [("supervision", "spam"), ("helpers", "clean"), ("helpers", "Scorer")])
def test_every_mutant_has_a_version_of_its_own(load, file, name):
    texts = {"supervision": SUPERVISION, "helpers": HELPERS}
    original = version_of(load(texts["supervision"], helpers=texts["helpers"]).spam)
    seen = {original: texts[file]}
    changed = list(mutants(texts[file], name))
    assert len(changed) >= 7
    for text in changed:
        files = texts | {file: text}
        version = version_of(load(files["supervision"], helpers=files["helpers"]).spam)
        assert version not in seen, f"not told apart:\n{text}\n-- and --\n{seen[version]}"
        seen[version] = text


def test_a_mutant_of_nothing_is_the_original(load):
    # The mutants above are printed from the tree; printing alone must not be what changes them.
    before = version_of(load(SUPERVISION, helpers=HELPERS).spam)
    printed = [ast.unparse(ast.parse(text)) for text in (SUPERVISION, HELPERS)]
    assert version_of(load(printed[0], helpers=printed[1]).spam) == before


PIECES = '''
import functools
from dataclasses import dataclass, field

BEFORE = 3


def words():
    return ["a"]


@dataclass
class Lexicon:
    words: list = field(default_factory=words)


class Shadow:
    BEFORE = BEFORE + 1


@functools.singledispatch
def fold(value):
    return None


@fold.register
def _(value: str):
    return value.lower()


@fold.register
def _(value: int):
    return value > 3


def documented():
    """alpha beta"""


class Documented:
    """gamma"""
'''

TAKEN = """
import pieces


def spam(x):
    return {}
"""


@pytest.mark.parametrize(
    ("used", "old", "new"),
    [
        # The body of a class reads a name outside before it has one of its own.
        ("pieces.Lexicon().words", 'return ["a"]', 'return ["b"]'),
        ("pieces.Shadow.BEFORE", "BEFORE = 3", "BEFORE = 4"),
        ("pieces.fold(x)", "value > 3", "value > 4"),
        ("pieces.fold(x)", "value.lower()", "value.upper()"),
        ("pieces.fold(x)", "value: int", "value: float"),
        # A docstring that code reads is data.
        ("x in pieces.documented.__doc__", "alpha beta", "alpha"),
        ("x in pieces.Documented.__doc__", "gamma", "delta"),
    ],
)
def test_what_is_reached_in_unusual_ways_counts(load, used, old, new):
    assert old in PIECES
    before = version_of(load(TAKEN.format(used), pieces=PIECES).spam)
    assert version_of(load(TAKEN.format(used), pieces=PIECES).spam) == before
    assert version_of(load(TAKEN.format(used), pieces=PIECES.replace(old, new)).spam) != before


def test_a_docstring_that_nothing_reads_does_not_count_in_those_ways_either(load):
    text = TAKEN.format("pieces.documented()")
    before = version_of(load(text, pieces=PIECES).spam)
    assert version_of(load(text, pieces=PIECES.replace("alpha beta", "alpha")).spam) == before
