"""Which names a definition takes from outside itself, and what it does with them, by its syntax tree alone."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass

from .syntax import Definition, copied

__all__ = ["Uses", "free_names", "uses_of"]


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
    stripped = copied(node)
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
