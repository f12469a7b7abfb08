"""The written form of syntax trees: blind to layout, sharp on everything else."""

from __future__ import annotations

import ast
import inspect
import json
import random

import pytest

from labelwright.functions.syntax import canonical


def written(text: str) -> str:
    return canonical(ast.parse(text))


@pytest.mark.parametrize("module", [ast, json, inspect, random], ids=lambda module: module.__name__)
def test_printing_and_parsing_again_is_the_same(module):
    tree = ast.parse(inspect.getsource(module))
    assert canonical(ast.parse(ast.unparse(tree))) == canonical(tree)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x=1 # one"),
        ("x = 'a' 'b'", 'x = "ab"'),
        ("x = f'a' f'{b}' 'c'", "x = f'a{b}c'"),
        ("x = f'{b:}'", "x = f'{b}'"),
        ("x = 1_000", "x = 0x3e8"),
        ("x = u'a'", "x = 'a'"),
        ("def f():\n '''Doc.'''\n return 1", "def f(): return 1"),
        ("def f():\n '''Doc.'''", "def f(): pass"),
        ("def f(a: int = 1, *b: str) -> 'x': c: int = a", "def f(a=1, *b): c = a"),
        ("with a, b: c", "with (a, b): c"),
        ("if a:\n b\nelse:\n pass", "if a:\n b"),
        ("x = (a)", "x = a"),
        ("x = a,", "x = (a,)"),
    ],
)
def test_what_means_the_same_is_written_the_same(one, other):
    assert written(one) == written(other)


DIFFERENT = [
    *("x = 1", "x = 1.0", "x = True", "x = '1'", "x = b'1'", "x = 1j", "x = None", "x = ...", "x = -1", "x = 0.0"),
    *("x = -0.0", "y = 1", "x += 1", "x == 1", "x = []", "x = ()", "x = {}", "x = [[]]"),
    *("x = f'{a}'", "x = f'{a!r}'", "x = f'{a:>3}'", "x = '{a}'", "x = f'{a}b'", "x = f'{a}{b}'"),
    *("a and b", "a or b", "not a", "a < b", "a <= b", "a < b < c", "(a < b) < c", "a @ b", "a[b]", "a[b:]", "a[:b]"),
    *("a[::b]", "a.b", "a(b)", "a(*b)", "a(**b)", "a(b=b)", "lambda: a", "lambda b: a", "lambda *b: a"),
    *("[a for a in b]", "{a for a in b}", "(a for a in b)", "[a for a in b if c]", "[a for a in b for c in d]"),
    *("for a in b: c()", "while a: c()", "if a: c()", "with a: c()", "with a as d: c()"),
    *(
        "def f(a): return a",
        "def f(a, /): return a",
        "def f(*, a): return a",
        "def f(a=1): return a",
        "def g(a): return a",
    ),
    *("try: a()\nexcept B: c()", "try: a()\nexcept: c()", "try: a()\nfinally: c()", "try: a()\nexcept* B: c()"),
    *("import a", "import a as b", "from a import b", "from .a import b", "from ..a import b", "global a", "del a"),
    *("class A: pass", "class A(B): pass", "class A:\n b: int", "class A:\n b: str", "class A:\n b: int = 1"),
    *("match a:\n case 1: b()", "match a:\n case x: b()", "match a:\n case [x]: b()", "match a:\n case [*x]: b()"),
    *(
        "match a:\n case {'k': x}: b()",
        "match a:\n case B(x): b()",
        "match a:\n case B(k=x): b()",
        "return a",
        "yield a",
    ),
    *("raise a", "raise a from b", "assert a", "assert a, b", "(a := b)", "@d\ndef f(a): return a", "await a"),
]


def test_what_means_something_else_is_written_differently():
    forms = {written(text) for text in DIFFERENT}
    assert len(forms) == len(DIFFERENT)


def test_huge_integers_can_be_written():
    assert written(f"x = 0x{'f' * 10_000}") != written(f"x = 0x{'f' * 10_001}")
