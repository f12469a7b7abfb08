"""The small language of conditions: comparisons and a few functions over columns, and nothing else.

Text is parsed by Python's ``ast`` and compiled through an allow-list. No attribute, no call outside the list and no
name but a column's is reachable, so an expression from a settings file cannot run code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import polars as pl

from labelwright.core.errors import FunctionError

from .reading import unknown_field

__all__ = ["ParsedExpression", "parse_expression"]

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
# Name of a function -> the kinds of its arguments and of its result.
_FUNCTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "contains": (("text", "text"), "truth"),
    "startswith": (("text", "text"), "truth"),
    "endswith": (("text", "text"), "truth"),
    "len": (("text",), "number"),
    "lower": (("text",), "text"),
    "upper": (("text",), "text"),
    "abs": (("number",), "number"),
    "is_null": (("any",), "truth"),
}
_QUOTED = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|`([^`\n]+)`""")


@dataclass(frozen=True)
class _Typed:
    """A piece of an expression, and what kind of value it gives: text, number, truth, any, or another type's name."""

    expression: pl.Expr
    kind: str


class ParsedExpression:
    """An expression of the language, checked for its form; its types are checked against a schema.

    Parameters
    ----------
    text : str
        As the user wrote it.
    owner : str
        Whose expression it is, for messages.

    Attributes
    ----------
    fields : tuple of str
        The columns it reads, in order of appearance.
    normal : str
        The expression in one spelling: layout and needless parentheses do not count.
    """

    def __init__(self, text: str, owner: str) -> None:
        self.text = text
        self.owner = owner
        self._columns: dict[int, str] = {}
        self._root = self._parsed()
        self._fields: dict[str, None] = {}
        try:
            self.normal = self._normal(self._root)
        except RecursionError as error:
            raise FunctionError(f"{owner}: it is nested too deeply; split it into several functions.") from error
        self.fields = tuple(self._fields)

    def bind(self, schema: pl.Schema) -> pl.Expr:
        """Return the Polars expression for data with these columns.

        Raises
        ------
        FunctionError
            If a column is missing, if two kinds of value do not go together, or if the whole is not a condition.
        """
        typed = self._compile(self._root, schema)
        if typed.kind not in ("truth", "any"):
            self._fail(self._root, f"the expression gives {_a(typed.kind)}, but it must be a condition, true or false")
        return typed.expression.cast(pl.Boolean)

    # reading

    def _parsed(self) -> ast.expr:
        def plain(match: re.Match[str]) -> str:
            if match[1]:
                return match[1]
            # A name of the same length keeps every position, so that messages point at the right place.
            self._columns[len(self.text[: match.start()].encode())] = match[2]
            return "_" * len(match[0].encode())

        source = _QUOTED.sub(plain, self.text)
        # Leading blanks would be an indentation; parentheses let an expression span lines.
        try:
            return ast.parse(f"({source}\n)", mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None) or 1
            # One parenthesis was put in front of the first line.
            column = (getattr(error, "offset", None) or 1) - (2 if line == 1 else 1)
            raise FunctionError(self._pointing(f"not an expression: {error.args[0]}", line, column)) from error

    def _pointing(self, message: str, line: int, column: int) -> str:
        lines = self.text.splitlines() or [""]
        shown = lines[min(line, len(lines)) - 1]
        # What was expected after the last line is missing at its end.
        column = max(0, min(column, len(shown))) if line <= len(lines) else len(shown)
        return f"{self.owner}: {message}.\n    {shown}\n    {' ' * column}^"

    def _fail(self, node: ast.expr, message: str) -> NoReturn:
        lines = self.text.splitlines() or [""]
        # ast counts bytes, and one parenthesis was put in front of the first line.
        offset = node.col_offset - (node.lineno == 1)
        shown = lines[min(node.lineno, len(lines)) - 1].encode()[: max(0, offset)]
        raise FunctionError(self._pointing(message, node.lineno, len(shown.decode(errors="ignore"))))

    def _name(self, node: ast.Name) -> str:
        before = "".join(self.text.splitlines(keepends=True)[: node.lineno - 1]).encode()
        offset = len(before) + node.col_offset - (node.lineno == 1)
        return self._columns.get(offset, node.id)

    def _normal(self, node: ast.expr) -> str:
        """Return the spelling of a node, after checking that it belongs to the language."""
        match node:
            case ast.BoolOp():
                word = "and" if isinstance(node.op, ast.And) else "or"
                return f"({word} {' '.join(map(self._normal, node.values))})"
            case ast.UnaryOp(op=ast.Not()):
                return f"(not {self._normal(node.operand)})"
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                sign = "-" if isinstance(node.op, ast.USub) else "+"
                return f"({sign} {self._normal(node.operand)})"
            case ast.BinOp() if type(node.op) in _ARITHMETIC:
                return f"({_ARITHMETIC[type(node.op)]} {self._normal(node.left)} {self._normal(node.right)})"
            case ast.Compare():
                return self._normal_comparison(node)
            case ast.Call():
                self._check_call(node)
                return f"({node.func.id} {' '.join(map(self._normal, node.args))})"  # type: ignore[attr-defined]
            case ast.Name():
                self._fields.setdefault(self._name(node))
                return f"`{self._name(node)}`"
            case ast.Constant(value=bool() | int() | float() | str()):
                return repr(node.value)
            case ast.Constant(value=None):
                self._fail(node, "a comparison with None is never true; write is_null(column)")
            case _:
                self._fail(
                    node,
                    "this is not part of the language: use columns, numbers, text, comparisons, and, or, not, in, "
                    f"arithmetic and {', '.join(_FUNCTIONS)}",
                )

    def _normal_comparison(self, node: ast.Compare) -> str:
        said = self._normal(node.left)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if type(operator) not in _COMPARISONS:
                self._fail(right, "'is' is not part of the language; write == or is_null(column)")
            word = _COMPARISONS[type(operator)]
            if isinstance(right, (ast.List, ast.Tuple, ast.Set)):
                if not word.endswith("in"):
                    self._fail(right, f"a list stands only after 'in', not after {word!r}")
                said += f" {word} [{' '.join(repr(self._member(item)) for item in right.elts)}]"
            else:
                said += f" {word} {self._normal(right)}"
        return f"({said})"

    def _member(self, item: ast.expr) -> str | float:
        negative = isinstance(item, ast.UnaryOp) and isinstance(item.op, ast.USub)
        value = item.operand if isinstance(item, ast.UnaryOp) and negative else item
        if not isinstance(value, ast.Constant) or not isinstance(value.value, (str, int, float)):
            self._fail(item, "a list holds numbers and text only")
        if negative and not isinstance(value.value, str):
            return -value.value
        return value.value

    def _check_call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name not in _FUNCTIONS:
            self._fail(node.func, f"there is no such function; there are {', '.join(_FUNCTIONS)}")
        wanted = len(_FUNCTIONS[name][0])
        if node.keywords or len(node.args) != wanted:
            self._fail(node, f"{name} takes {wanted} argument{'s' if wanted > 1 else ''}, got {len(node.args)}")

    # compiling

    def _compile(self, node: ast.expr, schema: pl.Schema) -> _Typed:
        match node:
            case ast.BoolOp():
                parts = [self._of_kind(value, "truth", schema) for value in node.values]
                every = isinstance(node.op, ast.And)
                return _Typed(pl.all_horizontal(parts) if every else pl.any_horizontal(parts), "truth")
            case ast.UnaryOp(op=ast.Not()):
                return _Typed(~self._of_kind(node.operand, "truth", schema), "truth")
            case ast.UnaryOp():
                return self._signed(node, schema)
            case ast.BinOp():
                return self._arithmetic(node, schema)
            case ast.Compare():
                return self._comparison(node, schema)
            case ast.Call():
                return self._call(node, schema)
            case ast.Name():
                return self._column(node, schema)
            case ast.Constant():
                kinds = {bool: "truth", str: "text"}
                return _Typed(_literal(node.value), kinds.get(type(node.value), "number"))
        raise AssertionError(node)  # the form was checked

    def _of_kind(self, node: ast.expr, kind: str, schema: pl.Schema) -> pl.Expr:
        typed = self._compile(node, schema)
        if kind != "any" and typed.kind not in (kind, "any"):
            self._fail(node, f"this is {_a(typed.kind)}, but {_a(kind)} is needed here")
        return typed.expression.cast(pl.Boolean) if kind == "truth" and typed.kind == "any" else typed.expression

    def _column(self, node: ast.Name, schema: pl.Schema) -> _Typed:
        name = self._name(node)
        if name not in schema:
            self._fail(node, f"the data has no column {name!r}; {unknown_field(name, schema).rstrip('.')}")
        dtype, column = schema[name], pl.col(name)
        if dtype == pl.Null:
            return _Typed(column, "any")
        if dtype.is_integer():
            # Wide, so that one example, whose integers have no width, means the same.
            narrow = dtype not in (pl.UInt64, pl.Int128, pl.UInt128)
            return _Typed(column.cast(pl.Int64 if narrow else pl.Int128), "number")
        if dtype.is_float():
            return _Typed(column.cast(pl.Float64).fill_nan(None), "number")
        kinds: dict[Any, str] = {pl.String: "text", pl.Boolean: "truth"}
        return _Typed(column, kinds.get(dtype.base_type(), str(dtype)))

    def _signed(self, node: ast.UnaryOp, schema: pl.Schema) -> _Typed:
        negative = isinstance(node.op, ast.USub)
        if isinstance(node.operand, ast.Constant) and type(node.operand.value) in (int, float):
            return _Typed(_literal(-node.operand.value if negative else node.operand.value), "number")  # type: ignore[operator]
        operand = self._of_kind(node.operand, "number", schema)
        return _Typed(-operand.cast(pl.Float64) if negative else operand, "number")

    def _arithmetic(self, node: ast.BinOp, schema: pl.Schema) -> _Typed:
        left, right = (self._of_kind(side, "number", schema).cast(pl.Float64) for side in (node.left, node.right))
        operations: dict[str, Callable[[], pl.Expr]] = {
            "+": lambda: left + right,
            "-": lambda: left - right,
            "*": lambda: left * right,
            "/": lambda: left / right,
            "//": lambda: left // right,
            "%": lambda: left % right,
        }
        # 0 / 0 is no number: a missing value, as NaN in the data is.
        return _Typed(operations[_ARITHMETIC[type(node.op)]]().fill_nan(None), "number")

    def _comparison(self, node: ast.Compare, schema: pl.Schema) -> _Typed:
        parts = []
        for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            parts.append(self._compared(left, _COMPARISONS[type(operator)], right, schema))
        return _Typed(pl.all_horizontal(parts) if len(parts) > 1 else parts[0], "truth")

    def _compared(self, left: ast.expr, word: str, right: ast.expr, schema: pl.Schema) -> pl.Expr:
        if isinstance(right, (ast.List, ast.Tuple, ast.Set)):
            return self._among(left, word, right.elts, schema)
        if word.endswith("in"):
            found = (
                self._of_kind(right, "text", schema)
                .cast(pl.String)
                .str.contains(self._of_kind(left, "text", schema).cast(pl.String), literal=True)
            )
            return found if word == "in" else ~found
        one, other = self._compile(left, schema), self._compile(right, schema)
        if "any" not in (one.kind, other.kind) and one.kind != other.kind:
            self._fail(right, f"{_a(one.kind)} cannot be compared with {_a(other.kind)}")
        a, b = one.expression, other.expression
        compared: dict[str, Callable[[], Any]] = {
            "<": lambda: a < b,
            "<=": lambda: a <= b,
            ">": lambda: a > b,
            ">=": lambda: a >= b,
            "==": lambda: a == b,
            "!=": lambda: a != b,
        }
        expression: pl.Expr = compared[word]()
        return expression

    def _among(self, left: ast.expr, word: str, items: Sequence[ast.expr], schema: pl.Schema) -> pl.Expr:
        typed = self._compile(left, schema)
        equal = []
        for item in items:
            value = self._member(item)
            kind = "text" if isinstance(value, str) else "truth" if isinstance(value, bool) else "number"
            if typed.kind not in (kind, "any"):
                self._fail(item, f"{_a(typed.kind)} cannot be compared with {_a(kind)}")
            equal.append(typed.expression == _literal(value))
        found = pl.any_horizontal(equal) if equal else typed.expression.is_null() & False
        return found if word == "in" else ~found

    def _call(self, node: ast.Call, schema: pl.Schema) -> _Typed:
        name: str = node.func.id  # type: ignore[attr-defined]
        kinds, result = _FUNCTIONS[name]
        first, *rest = (self._of_kind(value, kind, schema) for value, kind in zip(node.args, kinds, strict=True))
        if name == "is_null":
            return _Typed(first.is_null(), result)
        if name == "abs":
            return _Typed(first.cast(pl.Float64).abs(), result)
        first = first.cast(pl.String)
        calls: dict[str, Callable[[], pl.Expr]] = {
            "contains": lambda: first.str.contains(rest[0].cast(pl.String), literal=True),
            "startswith": lambda: first.str.starts_with(rest[0].cast(pl.String)),
            "endswith": lambda: first.str.ends_with(rest[0].cast(pl.String)),
            "len": lambda: first.str.len_chars().cast(pl.Int64),
            "lower": lambda: first.str.to_lowercase(),
            "upper": lambda: first.str.to_uppercase(),
        }
        return _Typed(calls[name](), result)


def parse_expression(text: str, owner: str) -> ParsedExpression:
    """Parse an expression of the language.

    Parameters
    ----------
    text : str
        Such as ``"len(text) < 40 and not contains(lower(text), 'song')"``. Names are columns; a column whose name is
        no identifier stands in backticks.
    owner : str
        Whose expression it is, for messages.

    Raises
    ------
    FunctionError
        If it is not an expression of the language; the message points at the place.

    Examples
    --------
    >>> parse_expression("price>3 and (`n words` < 40)", "cheap").fields
    ('price', 'n words')
    """
    return ParsedExpression(text, owner)


def _literal(value: Any) -> pl.Expr:
    if type(value) is int:
        # No column holds an integer beyond these, so they say the same.
        value = min(max(value, -(2**100)), 2**100)
    return pl.lit(value)


def _a(kind: str) -> str:
    return {"number": "a number", "truth": "true or false", "text": "text"}.get(kind, kind)
