"""Names that a definition takes from outside itself."""

from __future__ import annotations

import ast

import pytest

from labelwright.functions.syntax import strip_function
from labelwright.functions.used_names import free_names, uses_of


@pytest.mark.parametrize(
    ("text", "used", "assigned"),
    [
        ("def f(x): return A + x", {"A"}, set()),
        ("def f(x):\n A = 1\n return A", set(), set()),
        ("def f(x):\n def g(): return B\n return g", {"B"}, set()),
        ("def f(x):\n def g(B): return B\n return g", set(), set()),
        ("lambda x: [y for y in W if (z := y)]", {"W"}, set()),
        ("def f(x):\n global N\n N = 1", {"N"}, {"N"}),
        ("def f(x):\n nonlocal n\n n += 1", set(), {"n"}),
        ("def f(x):\n n = 0\n def g():\n  nonlocal n\n  n += 1\n return g", set(), set()),
        ("def f(x):\n try: a\n except E as e: e\n with W as w: w", {"a", "E", "W"}, set()),
        ("def f(x):\n match x:\n  case K.A: return 1\n  case [p, *q]: return p, q", {"K"}, set()),
        ("class A(B):\n c = D\n def m(self): return c", {"B", "D", "c"}, set()),
    ],
)
def test_free_names(text, used, assigned):
    node = ast.parse(text).body[0]
    node = node.value if isinstance(node, ast.Expr) else node
    assert free_names(strip_function(node)) == (used, assigned)


def test_uses_keep_the_way_through_modules():
    text = "def f(x):\n import a.b\n from .c import d as e\n return a.b.g(e.h, K.l[m].n, x.o, P().q)"
    uses = uses_of(ast.parse(text).body[0])
    assert uses.chains == {("a", "b", "g"), ("e", "h"), ("K", "l"), ("m",), ("P",)}
    assert set(uses.imports) == {("a", "a", 0, None), ("", "a.b", 0, None), ("e", "c", 1, "d")}
