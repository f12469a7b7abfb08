"""Syntax trees written out in our own words: equal on every Python from 3.11 on, blind to comments and layout.

``ast.dump`` cannot serve: its output changes with the interpreter (new fields, empty lists left out, f-strings cut up
differently). Standard library only, so that any interpreter can check the claim.
"""

from __future__ import annotations

import ast
from typing import TypeVar

__all__ = ["Definition", "canonical", "copied", "strip_function", "written"]

_SKIPPED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_params", "type_ignores"})
"""Fields that say nothing about what the code does, or that some versions lack."""

_SAYS_NOTHING = frozenset({"Pass", "TypeAlias"})
"""Statements that do nothing, or nothing that runs."""

Node = TypeVar("Node", bound=ast.AST)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


def canonical(node: ast.AST) -> str:
    r"""Write a syntax tree as text.

    Left out: positions, docstrings and other constants that stand alone as statements, ``pass``, annotations outside
    class bodies (inside them dataclasses read them), type parameters and type aliases.

    Parameters
    ----------
    node : ast.AST
        The tree.

    Returns
    -------
    str
        Equal for equal trees, on every supported version of Python.

    Examples
    --------
    >>> one = canonical(ast.parse("def f(x: int) -> str:\n    'Doc.'\n    return (x  # why"
    ...                           "\n        + 1)"))
    >>> one == canonical(ast.parse("def f(x): return x + 1"))
    True
    >>> one == canonical(ast.parse("def f(x): return x + 1.0"))
    False
    """
    return written(_Strip().visit(copied(node)))


def written(node: ast.AST) -> str:
    """Write a tree that has been stripped before, as `strip_function` does."""
    pieces: list[str] = []
    _write(node, pieces)
    return "".join(pieces)


def copied(node: Node) -> Node:
    """Copy a tree; several times faster than `copy.deepcopy`, which does not know that it is one."""
    copy = type(node)()
    for name, value in vars(node).items():
        if isinstance(value, ast.AST):
            value = copied(value)
        elif isinstance(value, list):
            value = [copied(item) if isinstance(item, ast.AST) else item for item in value]
        setattr(copy, name, value)
    return copy


def _write(value: object, pieces: list[str]) -> None:
    if isinstance(value, ast.Constant):
        pieces.append(f"Constant({_constant(value.value)})")
    elif isinstance(value, ast.AST):
        pieces.append(f"{type(value).__name__}(")
        for name in sorted(value._fields):
            field = getattr(value, name, None)
            # An absent field and an empty one are the same thing in different versions.
            if name in _SKIPPED_FIELDS or field is None or field == []:
                continue
            pieces.append(f"{name}=")
            _write(field, pieces)
            pieces.append(";")
        pieces.append(")")
    elif isinstance(value, list):
        pieces.append("[")
        for item in value:
            _write(item, pieces)
            pieces.append(",")
        pieces.append("]")
    else:
        pieces.append(_constant(value))


def _constant(value: object) -> str:
    if isinstance(value, float):
        return f"float:{value.hex()}"
    if isinstance(value, complex):
        return f"complex:{value.real.hex()},{value.imag.hex()}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"int:{value:x}"  # decimal would meet the limit on the digits of huge integers
    return f"{type(value).__name__}:{value!a}"


class _Strip(ast.NodeTransformer):
    """Removes what does not change what the code does."""

    def __init__(self) -> None:
        self._in_class = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        _drop_type_parameters(node)
        outer, self._in_class = self._in_class, False
        self.generic_visit(node)
        self._in_class = outer
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        _drop_type_parameters(node)
        outer, self._in_class = self._in_class, True
        self.generic_visit(node)
        self._in_class = outer
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        if self._in_class:
            return node
        return None if node.value is None else ast.Assign(targets=[node.target], value=node.value)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        self.generic_visit(node)
        return None if isinstance(node.value, ast.Constant) else node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                setattr(node, name, [child for child in block if type(child).__name__ not in _SAYS_NOTHING])
        return super().generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.format_spec, ast.JoinedStr) and not node.format_spec.values:
            node.format_spec = None  # f"{x:}" is f"{x}", and versions differ in how they say so
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        # Python 3.12 cuts the fixed text of f-strings at other places than 3.11 does.
        self.generic_visit(node)
        merged: list[ast.expr] = []
        for value in node.values:
            last = merged[-1] if merged else None
            if isinstance(value, ast.Constant) and isinstance(last, ast.Constant):
                merged[-1] = ast.Constant(value=str(last.value) + str(value.value))
            elif not (isinstance(value, ast.Constant) and value.value == ""):
                merged.append(value)
        node.values = merged
        return node


def _drop_type_parameters(node: ast.AST) -> None:
    if getattr(node, "type_params", None):
        node.type_params = []  # type: ignore[attr-defined]  # typeshed does not know it


def strip_function(node: Definition) -> Definition:
    """Reduce a definition to what counts, and of that to what its object does not carry itself.

    The decorators and default values of a function have been evaluated when it was made: defaults enter a version by
    value, and a decorator that matters shows as the object in the function's place. Its name is the caller's business.
    A class keeps its decorators.

    Parameters
    ----------
    node : ast.FunctionDef, ast.Lambda or ast.ClassDef
        The definition; it is not changed.

    Returns
    -------
    The same kind of node.
    """
    node = _Strip().visit(copied(node))
    if isinstance(node, ast.ClassDef):
        return node
    arguments = node.args
    arguments.kw_defaults = [None for _ in arguments.kwonlyargs]
    # How many arguments have a default is told by the values; the tree needs valid ones to be unparsed.
    arguments.defaults = []
    if not isinstance(node, ast.Lambda):
        node.decorator_list = []
        node.name = "f"
    return node
