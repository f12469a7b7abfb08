"""Finding the syntax tree of a function or class, and making sure that it is the one that runs."""

from __future__ import annotations
import __future__

import ast
import linecache
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import CodeType, FunctionType

from labelwright.core.errors import VersionError

from .syntax import Definition, canonical, strip_function, written
from .used_names import Uses, uses_of

__all__ = ["Source", "class_source", "function_source", "imported_from", "is_written_out", "module_source"]


@dataclass(frozen=True)
class Source:
    """A definition found in a source file.

    Attributes
    ----------
    node : ast.FunctionDef, ast.Lambda or ast.ClassDef
        The definition, reduced by `labelwright.functions.syntax.strip_function`.
    tree : str
        The same in canonical text.
    uses : Uses
        The outside names it uses.
    text : str
        Its lines as written.
    where : str
        File and line.
    line : int
        First line, from 1.
    written_out : frozenset of str
        Arguments whose default is a table written out, so that its order is the author's.
    """

    node: Definition
    tree: str
    uses: Uses
    text: str
    where: str
    line: int
    written_out: frozenset[str] = frozenset()


class _Module:
    """A parsed source file, with what has been worked out about it."""

    def __init__(self, lines: list[str], entry: object) -> None:
        self.lines = lines
        self.entry = entry  # of linecache, which makes a new one when the file changes
        self.tree = ast.parse("".join(lines))
        self.functions: dict[int, list[Definition]] = {}
        self.imported: dict[str, tuple[str, int, str]] = {}
        self.sources: dict[ast.AST, Source] = {}
        self.compiled: dict[int, dict[int, list[CodeType]]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                self.functions.setdefault(_first_line(node), []).append(node)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self.imported[alias.asname or alias.name] = (node.module or "", node.level, alias.name)

    @cached_property
    def written_out(self) -> frozenset[str]:
        """Names that every assignment at the top level gives a value written out."""
        return _written_out(_assignments(self.tree, _TOP_LEVEL))

    @cached_property
    def written_out_anywhere(self) -> frozenset[str]:
        """Names that every assignment in the file gives a value written out."""
        return _written_out(_assignments(self.tree, ()))

    def codes(self, filename: str, flags: int) -> dict[int, list[CodeType]] | None:
        """Code objects that the file compiles to, by first line."""
        if flags not in self.compiled:
            try:
                whole = compile("".join(self.lines), filename, "exec", flags=flags, dont_inherit=True)
            except (SyntaxError, ValueError, RecursionError):
                return None
            by_line: dict[int, list[CodeType]] = {}
            self.compiled[flags] = by_line
            for code in _codes(whole):
                by_line.setdefault(code.co_firstlineno, []).append(code)
        return self.compiled[flags]


_MODULES: dict[str, _Module] = {}
"""Parsed files by name; an entry is dropped when the lines are no longer the same."""


def _module(filename: str) -> _Module | None:
    linecache.checkcache(filename)
    known = _MODULES.get(filename)
    if known is not None and known.entry is not None and known.entry is linecache.cache.get(filename):
        return known
    lines = list(linecache.getlines(filename))
    if not lines:
        return None
    if known is not None and known.lines == lines:
        known.entry = linecache.cache.get(filename)
        return known
    try:
        module = _Module(lines, linecache.cache.get(filename))
    except (SyntaxError, ValueError, RecursionError):
        return None
    _MODULES[filename] = module
    return module


def _first_line(node: Definition) -> int:
    # A decorated function starts, for its code object, at its first decorator.
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def function_source(function: FunctionType, where: str) -> Source | None:
    """Find the definition of a function.

    Parameters
    ----------
    function : function
        A function or lambda written in Python.
    where : str
        How the function was reached, for messages.

    Returns
    -------
    Source or None
        None where there is no source to be read (``python -c``, standard input, generated code).

    Raises
    ------
    VersionError
        The file no longer holds what runs, or several lambdas on one line cannot be told apart.
    """
    code = function.__code__
    module = _module(code.co_filename)
    if module is None:
        return None
    nodes = [node for node in module.functions.get(code.co_firstlineno, ()) if _may_be(node, code)]
    if len(nodes) > 1:
        nodes = _narrowed(nodes, code)
    trees = {_source(node, module, code.co_filename).tree for node in nodes}
    if not trees or not _still_runs(module, nodes[0], code):
        raise VersionError(
            f"{where}: {code.co_filename} has changed since line {code.co_firstlineno} was run, so its text is not "
            "what runs. Import it again (in a notebook, run the cell again)."
        )
    if len(trees) > 1:
        raise VersionError(
            f"{where}: line {code.co_firstlineno} of {code.co_filename} holds several lambdas that cannot be told "
            "apart. Put each on a line of its own."
        )
    return _source(nodes[0], module, code.co_filename)


def _may_be(node: Definition, code: CodeType) -> bool:
    name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
    if name != code.co_name or isinstance(node, ast.ClassDef):
        return False
    every = node.args
    names = [argument.arg for argument in (*every.posonlyargs, *every.args, *every.kwonlyargs)]
    names += [argument.arg for argument in (every.vararg, every.kwarg) if argument is not None]
    return _unmangled(names) == _unmangled(list(code.co_varnames[: len(names)])) and (
        len(every.posonlyargs) == code.co_posonlyargcount and len(every.kwonlyargs) == code.co_kwonlyargcount
    )


def _unmangled(names: list[str]) -> list[str]:
    # Within a class, __name is compiled as _Class__name.
    return [name[name.index("__") :] if name.startswith("_") and "__" in name[1:] else name for name in names]


def _narrowed(nodes: list[Definition], code: CodeType) -> list[Definition]:
    """Of several functions on one line, the innermost that holds every instruction of the code object."""
    spans = [
        (position[0], position[2], position[1], position[3])
        for position in code.co_positions()
        # The opening instructions have no width, or belong to the line as a whole.
        if None not in position and position[2:] != (0, 0) and (position[0], position[2]) != (position[1], position[3])
    ]
    if not spans:
        # Python 3.12 gives a lambda that returns a constant no place at all; its constants tell it apart.
        return [node for node in nodes if isinstance(node, ast.Lambda) and _returns(node, code)]
    first = min((line, column) for line, column, *_ in spans)
    last = max((line, column) for *_, line, column in spans)
    for span in (_body_span, _whole_span):
        # Some versions place a constant result at the whole lambda rather than at its body.
        inside = [node for node in nodes if span(node)[0] <= first and last <= span(node)[1]]
        if inside:
            return [max(inside, key=lambda node: span(node)[0])]
    return nodes


def _returns(node: ast.Lambda, code: CodeType) -> bool:
    alone = compile(ast.Expression(node), code.co_filename, "eval", dont_inherit=True)
    return any(_same_code(code, other) for other in _codes(alone))


_Span = tuple[tuple[int, int], tuple[int, int]]


def _body_span(node: Definition) -> _Span:
    body = node.body if isinstance(node.body, list) else [node.body]
    return (body[0].lineno, body[0].col_offset), (body[-1].end_lineno or 0, body[-1].end_col_offset or 0)


def _whole_span(node: Definition) -> _Span:
    return (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)


def _still_runs(module: _Module, node: Definition, code: CodeType) -> bool:
    """Whether compiling the file again gives the code that runs."""
    # pytest rewrites assertions, so functions with one never compile to what runs under it.
    if any(isinstance(child, ast.Assert) for child in ast.walk(node)):
        return True
    # A notebook keeps `from __future__` of an earlier cell in force.
    flags = code.co_flags & __future__.annotations.compiler_flag
    codes = module.codes(code.co_filename, flags)
    return codes is None or any(_same_code(code, other) for other in codes.get(code.co_firstlineno, ()))


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


_CODE_FIELDS = ("co_firstlineno", "co_name", "co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars")


def _same_code(one: CodeType, other: CodeType) -> bool:
    if any(getattr(one, name) != getattr(other, name) for name in _CODE_FIELDS):
        return False
    return len(one.co_consts) == len(other.co_consts) and all(map(_same_constant, one.co_consts, other.co_consts))


def _same_constant(one: object, other: object) -> bool:
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return _same_code(one, other)
    # repr tells 0.0 from -0.0 and finds nan equal to itself; equality knows that sets have no order.
    return type(one) is type(other) and (repr(one) == repr(other) or (isinstance(one, frozenset) and one == other))


def class_source(kind: type, filename: str | None) -> Source | None:
    """Find the definition of a class.

    Parameters
    ----------
    kind : type
        A class written in Python.
    filename : str or None
        The file that it comes from.

    Returns
    -------
    Source or None
        None where there is no source, or where several definitions with the same qualified name differ.
    """
    module = None if filename is None else _module(filename)
    if module is None or filename is None:
        return None
    nodes = list(_classes(module.tree, kind.__qualname__.split(".")))
    lines = {value.__code__.co_firstlineno for value in vars(kind).values() if isinstance(value, FunctionType)}
    if len(nodes) > 1 and lines:
        holding = [node for node in nodes if all(_first_line(node) <= line <= (node.end_lineno or 0) for line in lines)]
        nodes = holding or nodes
    if len({_source(node, module, filename).tree for node in nodes}) != 1:
        return None
    return _source(nodes[0], module, filename)


def _classes(scope: ast.AST, path: list[str]) -> Iterator[ast.ClassDef]:
    """Classes with a qualified name, however deep in ``if`` and ``try`` they stand."""
    if path[0] == "<locals>":
        path = path[1:]
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if child.name != path[0]:
                continue
            if len(path) > 1:
                yield from _classes(child, path[1:])
            elif isinstance(child, ast.ClassDef):
                yield child
        else:
            yield from _classes(child, path)


def _source(node: Definition, module: _Module, filename: str) -> Source:
    if node not in module.sources:
        line = _first_line(node)
        text = "".join(module.lines[line - 1 : node.end_lineno])
        stripped = strip_function(node)
        where = f"{filename}:{line}"
        tree, uses = written(stripped), uses_of(stripped)
        module.sources[node] = Source(stripped, tree, uses, text, where, line, _written_defaults(node))
    return module.sources[node]


def module_source(filename: str) -> str | None:
    """Canonical text of a whole source file, or None where its lines cannot be had."""
    module = _module(filename)
    return None if module is None else canonical(module.tree)


def is_written_out(filename: str, name: str, *, anywhere: bool = False) -> bool:
    """Whether a file assigns a table to a name by writing it out, so that its order is the author's.

    Parameters
    ----------
    filename : str
        The file.
    name : str
        A name in it.
    anywhere : bool, default False
        Look at every function's variables, not at the top level alone.

    Returns
    -------
    bool
        False where it is computed: the order may then come from a set, and differ from process to process.
    """
    module = _module(filename)
    if module is None:
        return False
    return name in (module.written_out_anywhere if anywhere else module.written_out)


_LITERAL = (
    *(ast.Constant, ast.Dict, ast.List, ast.Tuple, ast.Set, ast.UnaryOp, ast.unaryop),
    *(ast.Name, ast.Attribute, ast.expr_context, ast.Lambda, ast.arguments, ast.arg),
)


def _is_literal(expression: ast.expr) -> bool:
    # What a lambda does when it is called does not make the table that holds it.
    stack: list[ast.AST] = [expression]
    while stack:
        node = stack.pop()
        if not isinstance(node, _LITERAL):
            return False
        if not isinstance(node, ast.Lambda):
            stack += ast.iter_child_nodes(node)
    return True


def _written_out(assignments: Iterable[tuple[str, ast.expr]]) -> frozenset[str]:
    literal: dict[str, bool] = {}
    for name, value in assignments:
        literal[name] = literal.get(name, True) and _is_literal(value)
    return frozenset(name for name, is_literal in literal.items() if is_literal)


def _written_defaults(node: Definition) -> frozenset[str]:
    if isinstance(node, ast.ClassDef):
        return frozenset()
    positional = [*node.args.posonlyargs, *node.args.args]
    pairs: list[tuple[ast.arg, ast.expr | None]] = [
        *zip(reversed(positional), reversed(node.args.defaults), strict=False),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
    ]
    return frozenset(argument.arg for argument, default in pairs if default is not None and _is_literal(default))


def imported_from(filename: str, name: str) -> tuple[str, int, str] | None:
    """Where a file takes a name from, as ``(module, level, name there)``, by ``from module import name``."""
    module = _module(filename)
    return None if module is None else module.imported.get(name)


_TOP_LEVEL = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
"""What opens a scope of its own, and so is passed over at the top level."""


def _assignments(scope: ast.AST, passed_over: tuple[type[ast.AST], ...]) -> Iterator[tuple[str, ast.expr]]:
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, passed_over):
            continue
        if isinstance(child, ast.Assign):
            yield from ((target.id, child.value) for target in child.targets if isinstance(target, ast.Name))
        elif isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name) and child.value is not None:
            yield child.target.id, child.value
        else:
            yield from _assignments(child, passed_over)
