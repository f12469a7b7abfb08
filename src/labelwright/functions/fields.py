"""Which fields of an example a function reads, worked out from its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labelwright.core.errors import VersionError

from .sources import function_source

__all__ = ["Access", "field_access"]


@dataclass(frozen=True, slots=True)
class Access:
    """What a function does with the fields of its first argument.

    Parameters
    ----------
    reads : frozenset of str
        Fields it reads.
    asks : frozenset of str
        Fields it asks for with ``x.get("field")``, which need not be there.
    writes : frozenset of str
        Fields it sets.
    """

    reads: frozenset[str]
    asks: frozenset[str]
    writes: frozenset[str]


def field_access(function: Callable[..., Any], *, preprocessor: bool = False) -> Access | None:
    """Work out which fields of an example a function reads.

    Parameters
    ----------
    function : callable
        Its first parameter is the example.
    preprocessor : bool, default False
        Whether it may set fields and return the example.

    Returns
    -------
    Access or None
        ``None`` where it cannot be told: the source is not at hand, or the example is handed on as a whole, looped
        over, or read by a name that is itself computed.

    Examples
    --------
    >>> import labelwright.functions.fields as fields
    >>> def short(x):
    ...     return 1 if len(x.text.split()) < x["limit"] else None
    >>> access = fields.field_access(short)  # None where a doctest's source is not at hand
    >>> access is None or sorted(access.reads) == ["limit", "text"]
    True
    """
    node = _definition(function)
    if node is None:
        return None
    arguments = [*node.args.posonlyargs, *node.args.args]
    if not arguments or arguments[0].arg in ("self", "cls"):
        return None
    example = arguments[0].arg
    # A parameter of an inner function that has the same name would be another value.
    if sum(isinstance(child, ast.arg) and child.arg == example for child in ast.walk(node)) > 1:
        return None
    collector = _Collector(example, preprocessor, node.body)
    collector.visit(node)
    mentioned = sum(isinstance(child, ast.Name) and child.id == example for child in ast.walk(node))
    if collector.understood != mentioned:
        return None
    return Access(frozenset(collector.reads), frozenset(collector.asks - collector.reads), frozenset(collector.writes))


def _definition(function: Any) -> ast.FunctionDef | ast.Lambda | None:
    try:
        source = function_source(function, "")
    except (VersionError, AttributeError, TypeError, OSError):
        return None
    node = None if source is None else source.node
    return node if isinstance(node, (ast.FunctionDef, ast.Lambda)) else None


class _Collector(ast.NodeVisitor):
    """Collects fields, and counts the mentions of the example that are nothing but access to a field."""

    def __init__(self, example: str, preprocessor: bool, body: ast.expr | list[ast.stmt]) -> None:
        self.example = example
        self.preprocessor = preprocessor
        # Only what is written on every path counts as written for what comes after it.
        self.certain = {id(statement) for statement in body} if isinstance(body, list) else set()
        self.written: set[str] = set()
        self.reads: set[str] = set()
        self.asks: set[str] = set()
        self.writes: set[str] = set()
        self.understood = 0

    def visit_Call(self, node: ast.Call) -> None:
        method = node.func
        if isinstance(method, ast.Attribute) and method.attr == "get" and self._is_example(method.value):
            key = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            if isinstance(key, str):
                self.asks.add(key)
                self.understood += 1
            for argument in (*node.args, *node.keywords):
                self.visit(argument)
        else:
            self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if self._is_example(node.value):
            # Methods of an example, handed on without a call, could read anything.
            if node.attr not in ("get", "keys"):
                self._note(node.attr, node.ctx)
        else:
            self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if self._is_example(node.value) and isinstance(key, str):
            self._note(key, node.ctx)
        else:
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        # Python's order: `x.text = x.text.lower()` reads the column before it covers it.
        for child in (node.value, *node.targets):
            self.visit(child)
        if id(node) in self.certain:
            self.written |= {t.attr for t in node.targets if isinstance(t, ast.Attribute) and self._is_example(t.value)}

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Attribute) and self._is_example(node.target.value):
            self.reads |= {node.target.attr} - self.written
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if self.preprocessor and self._is_example(node.value):
            self.understood += 1
        else:
            self.generic_visit(node)

    def _is_example(self, node: ast.AST | None) -> bool:
        return isinstance(node, ast.Name) and node.id == self.example and isinstance(node.ctx, ast.Load)

    def _note(self, name: str, context: ast.expr_context) -> None:
        if isinstance(context, ast.Load):
            # What the preprocessor itself has written by now is no column.
            self.reads |= {name} - self.written
            self.understood += 1
        elif isinstance(context, ast.Store) and self.preprocessor:
            self.writes.add(name)
            self.understood += 1
