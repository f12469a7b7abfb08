"""Syntax trees written out in our own words: equal on every Python from 3.11 on, blind to comments and layout.

``ast.dump`` cannot serve: its output changes with the interpreter (new fields, empty lists left out, f-strings cut up
differently). Standard library only, so that any interpreter can check the claim.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Definition", "Uses", "canonical", "free_names", "strip_function", "uses_of", "written"]

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
    return written(_Strip().visit(_copied(node)))


def written(node: ast.AST) -> str:
    """Write a tree that has been stripped before, as `strip_function` does."""
    pieces: list[str] = []
    _write(node, pieces)
    return "".join(pieces)


def _copied(node: Node) -> Node:
    """Copy a tree; several times faster than `copy.deepcopy`, which does not know that it is one."""
    copy = type(node)()
    for name, value in vars(node).items():
        if isinstance(value, ast.AST):
            value = _copied(value)
        elif isinstance(value, list):
            value = [_copied(item) if isinstance(item, ast.AST) else item for item in value]
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
    node = _Strip().visit(_copied(node))
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


def free_names(node: Definition) -> tuple[frozenset[str], frozenset[str]]:
    """Names that a definition takes from outside itself.

    Parameters
    ----------
    node : ast.FunctionDef, ast.Lambda or ast.ClassDef
        As `strip_function` leaves it.

    Returns
    -------
    used : frozenset of str
        Globals, closure variables and builtins that are read.
    written : frozenset of str
        Outside names that the code itself assigns (``global`` and ``nonlocal``).

    Examples
    --------
    >>> used, written = free_names(ast.parse("lambda x: [w for w in WORDS if w in x.text]", mode="eval").body)
    >>> sorted(used), sorted(written)
    (['WORDS'], [])
    """
    stripped = _copied(node)
    ast.fix_missing_locations(stripped)
    for child in ast.walk(stripped):
        # A body that held only a docstring is empty now, and an empty body does not parse.
        if isinstance(getattr(child, "body", None), list) and not child.body and not isinstance(child, ast.Module):  # type: ignore[attr-defined]  # typeshed does not know it
            child.body = [ast.Pass()]  # type: ignore[attr-defined]  # typeshed does not know it
    outside = _outside_nonlocals(stripped)
    used: set[str] = set()
    written: set[str] = set(outside)
    source = ast.unparse(_DropNonlocals(outside).visit(stripped))
    tables = [symtable.symtable(source, "<version>", "exec")]
    own = {node.name} if isinstance(node, ast.ClassDef) else set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        if table.get_type() == "module":
            # Only what the definition itself needs when it is made: decorators and bases of a class.
            used |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()} - own
            continue
        if table.get_type() == "class":
            used |= _read_before_set(stripped, table.get_name())
        for symbol in table.get_symbols():
            if symbol.is_global():
                used.add(symbol.get_name())
                if symbol.is_declared_global() and (symbol.is_assigned() or symbol.is_imported()):
                    written.add(symbol.get_name())
    return frozenset(used), frozenset(written)


def _read_before_set(tree: ast.AST, name: str) -> set[str]:
    """Names that the body of a class reads before it sets them: ``words: list = field(default_factory=words)``.

    Python looks such a name up outside, though the class has one of its own later on.
    """
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            known: set[str] = set()
            for statement in node.body:
                names = list(_names_in_class_scope(statement))
                known_after = known | {n.id for n in names if isinstance(n.ctx, ast.Store)}
                found |= {n.id for n in names if isinstance(n.ctx, ast.Load) and n.id in known_after - known}
                known = known_after
    return found


def _names_in_class_scope(statement: ast.AST) -> Iterator[ast.Name]:
    """Names that a statement of a class body itself reads and sets; what functions do inside is theirs."""
    if isinstance(statement, ast.Name):
        yield statement
    for label, value in ast.iter_fields(statement):
        inside = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and label in (
            "body",
            "args",
        )
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and label != "annotation" and not (inside and label == "body"):
                yield from _names_in_class_scope(child)


class _DropNonlocals(ast.NodeTransformer):
    """Removes declarations of names that live outside the definition, which cannot be parsed without their home."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        inside = [name for name in node.names if name not in self._names]
        return ast.Nonlocal(names=inside) if inside else ast.Pass()


def _outside_nonlocals(node: ast.AST) -> set[str]:
    declared = {name for child in ast.walk(node) if isinstance(child, ast.Nonlocal) for name in child.names}
    return {name for name in declared if not _binds(node, name)}


def _binds(node: ast.AST, name: str) -> bool:
    """Whether some scope within the node makes the name its own (and so answers for a ``nonlocal`` further in)."""
    for scope in ast.walk(node):
        if not isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        every = scope.args
        arguments = [*every.posonlyargs, *every.args, *every.kwonlyargs, *filter(None, (every.vararg, every.kwarg))]
        if any(argument.arg == name for argument in arguments):
            return True
        body = scope.body if isinstance(scope.body, list) else [scope.body]
        stack: list[ast.AST] = list(body)
        declared_outside = stored = False
        while stack:
            child = stack.pop()
            if isinstance(child, ast.Nonlocal) and name in child.names:
                declared_outside = True
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                stored = stored or child.name == name
                continue
            if isinstance(child, ast.Name) and child.id == name and isinstance(child.ctx, ast.Store):
                stored = True
            stack += ast.iter_child_nodes(child)
        if stored and not declared_outside:
            return True
    return False


@dataclass(frozen=True)
class Uses:
    """How a definition uses names from outside.

    Attributes
    ----------
    chains : frozenset of tuple of str
        Names with the attributes read from them: ``helpers.words.SPAM`` is ``("helpers", "words", "SPAM")``.
    imports : tuple of tuple
        Imports inside the definition, each ``(local name, module, level, attribute or None)``.
    written : frozenset of str
        Outside names that the definition assigns, or into which it puts something.
    """

    chains: frozenset[tuple[str, ...]]
    imports: tuple[tuple[str, str, int, str | None], ...]
    written: frozenset[str]


def uses_of(node: Definition) -> Uses:
    """Find how a definition uses names from outside.

    Parameters
    ----------
    node : ast.FunctionDef, ast.Lambda or ast.ClassDef
        As `strip_function` leaves it.

    Returns
    -------
    Uses

    Examples
    --------
    >>> uses = uses_of(ast.parse("def f(x): return clean(x.text) in helpers.words.SPAM").body[0])
    >>> sorted(uses.chains)
    [('clean',), ('helpers', 'words', 'SPAM')]
    """
    used, written = free_names(node)
    imports: list[tuple[str, str, int, str | None]] = []
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                local = alias.asname or alias.name.partition(".")[0]
                imports.append((local, alias.name if alias.asname else local, 0, None))
                if not alias.asname and "." in alias.name:
                    imports.append(("", alias.name, 0, None))
        elif isinstance(child, ast.ImportFrom):
            imports += [(each.asname or each.name, child.module or "", child.level, each.name) for each in child.names]
    local_names = {local for local, *_ in imports}
    finder = _Chains(used | local_names)
    finder.visit(node)
    return Uses(frozenset(finder.chains), tuple(imports), written | _filled(node, used))


def _filled(node: ast.AST, names: frozenset[str]) -> set[str]:
    """Outside names into which the definition puts something: ``CACHE[key] = value``, ``settings.calls += 1``."""
    found = set()
    for child in ast.walk(node):
        if isinstance(child, (ast.Subscript, ast.Attribute)) and not isinstance(child.ctx, ast.Load):
            inner: ast.expr = child
            while isinstance(inner, (ast.Subscript, ast.Attribute)):
                inner = inner.value
            if isinstance(inner, ast.Name) and inner.id in names:
                found.add(inner.id)
    return found


class _Chains(ast.NodeVisitor):
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self.chains: set[tuple[str, ...]] = set()

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            if inner.id in self._names:
                self.chains.add((inner.id, *reversed(chain)))
        else:
            self.visit(inner)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        # The text of an annotation in a class body counts; what it names is not run.
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self._names and isinstance(node.ctx, ast.Load):
            self.chains.add((node.id,))
