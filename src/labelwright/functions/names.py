"""What the names in a piece of code stand for when it runs."""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CellType, FunctionType, ModuleType
from typing import Any

from .origins import OWN, is_house, origin_of
from .sources import Source, imported_from, is_written_out

__all__ = ["MISSING", "Found", "Package", "names_of_class", "names_of_function"]


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()
"""What a name stands for that nothing defines."""

_OF_THE_FILE = frozenset(("__name__", "__file__", "__package__", "__spec__", "__loader__", "__builtins__", "__debug__"))
"""Names every module has; they say where the code lies, not what it does."""

_DYNAMIC = frozenset(("eval", "exec", "globals", "__import__"))
"""Builtins behind which anything may run, so that no reading of the code can say what."""


@dataclass(frozen=True)
class Package:
    """An installed package that has not been imported."""

    name: str


@dataclass(frozen=True)
class Dynamic:
    """A builtin that runs code which cannot be seen."""

    name: str


@dataclass(frozen=True)
class Found:
    """A name that code uses, and what it stands for.

    Attributes
    ----------
    label : str
        The name with the attributes that lead through modules: ``helpers.words.SPAM``.
    kind : str
        ``constant`` or ``closure value``.
    value : object
        What it stands for; `MISSING`, `Package` or `Dynamic` where that is not an object.
    ordered : bool
        Whether it is a table written out in the source, whose order is the author's.
    """

    label: str
    kind: str
    value: Any
    ordered: bool = False


def names_of_function(function: FunctionType, source: Source) -> list[Found]:
    """Outside names that a function uses, in alphabetical order.

    Parameters
    ----------
    function : function
        The function.
    source : Source
        Its definition.

    Returns
    -------
    list of Found
    """
    closure = _closure(function)
    names = _Names(function.__globals__, closure, source, function.__code__.co_filename)
    # super() without arguments asks for the class through a closure variable that no line of the code shows.
    hidden = {("__class__",)} if "__class__" in closure else set()
    return names.all(source.uses.chains | hidden)


def names_of_class(kind: type, source: Source, filename: str) -> list[Found]:
    """Outside names that a class uses, in alphabetical order.

    Parameters
    ----------
    kind : type
        The class.
    source : Source
        Its definition.
    filename : str
        Its file.

    Returns
    -------
    list of Found
    """
    closure: dict[str, CellType] = {}
    outside: Mapping[str, Any] = vars(sys.modules.get(kind.__module__, builtins))
    for value in vars(kind).values():
        method = getattr(value, "__func__", value)
        if isinstance(method, FunctionType) and method.__code__.co_filename == filename:
            outside = method.__globals__
            closure |= _closure(method)
    return _Names(outside, closure, source, filename).all(source.uses.chains)


def _closure(function: FunctionType) -> dict[str, CellType]:
    return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))


class _Names:
    def __init__(
        self, outside: Mapping[str, Any], closure: Mapping[str, CellType], source: Source, filename: str
    ) -> None:
        self._globals = outside
        self._closure = closure
        self._filename = filename
        self._imports = {local: (module, level, name) for local, module, level, name in source.uses.imports if local}
        for local, module, level, _ in source.uses.imports:
            if not local:  # `import a.b` makes a.b reachable through a
                self._import(module, level)

    def all(self, chains: frozenset[tuple[str, ...]] | set[tuple[str, ...]]) -> list[Found]:
        found: dict[str, Found] = {}
        for chain in sorted(chains):
            if chain[0] not in _OF_THE_FILE:
                for item in self._follow(chain):
                    found.setdefault(item.label, item)
        return [found[label] for label in sorted(found)]

    def _follow(self, chain: tuple[str, ...]) -> Iterator[Found]:
        root = chain[0]
        if root in self._imports:
            kind, value = "constant", self._imported(*self._imports[root])
        elif root in self._closure:
            kind, value = "closure value", _contents(self._closure[root])
        elif root in self._globals:
            kind, value = "constant", self._globals[root]
        elif hasattr(builtins, root):
            if root in _DYNAMIC:
                yield Found(root, "constant", Dynamic(root))
            return
        else:
            kind, value = "constant", MISSING
        home, depth = (self._filename, root), 1
        while depth < len(chain) and isinstance(value, ModuleType) and _is_open(value):
            home = (getattr(value, "__file__", None) or "", chain[depth])
            value = _member(value, chain[depth])
            depth += 1
        if depth < len(chain) and isinstance(value, FunctionType) and chain[depth] in vars(value):
            yield Found(".".join(chain[: depth + 1]), kind, vars(value)[chain[depth]])
        if depth < len(chain) and chain[depth] == "__doc__" and isinstance(value, (FunctionType, type)):
            # A docstring counts for nothing, unless code reads it.
            yield Found(".".join(chain[: depth + 1]), kind, value.__doc__)
        ordered = isinstance(value, (dict, list, tuple)) and (
            self._is_written_out(*home)
            if kind == "constant"
            else depth == 1 and is_written_out(self._filename, root, anywhere=True)
        )
        yield Found(".".join(chain[:depth]), kind, value, ordered)

    def _is_written_out(self, filename: str, name: str) -> bool:
        """Whether a table is written out in its file, or in the one that this one takes it from."""
        package = self._globals.get("__package__")
        for _ in range(8):  # as many steps of `from x import y` as anyone takes
            if is_written_out(filename, name):
                return True
            taken = imported_from(filename, name)
            if taken is None:
                return False
            module = sys.modules.get(_absolute(taken[0], taken[1], package) or "")
            filename, name = getattr(module, "__file__", None) or "", taken[2]
            package = getattr(module, "__package__", None)
        return False

    def _imported(self, module: str, level: int, name: str | None) -> Any:
        found = self._import(module, level)
        if name is None or not isinstance(found, ModuleType):
            return found
        return _member(found, name)

    def _import(self, module: str, level: int) -> Any:
        """What an import inside the code brings, without running an installed package for it."""
        full = _absolute(module, level, self._globals.get("__package__"))
        if full is None:
            return MISSING
        if full in sys.modules:
            return sys.modules[full]
        top = full.partition(".")[0]
        try:
            spec = importlib.util.find_spec(top)
            if spec is None:
                return MISSING
            if top in sys.stdlib_module_names or "site-packages" in (spec.origin or "") or is_house(top):
                return Package(top)
            return importlib.import_module(full)
        except (ImportError, ValueError):
            return MISSING


def _absolute(module: str, level: int, package: Any) -> str | None:
    if not level:
        return module
    if not isinstance(package, str) or not package:
        return None
    try:
        return importlib.util.resolve_name("." * level + module, package).rstrip(".")
    except ImportError:
        return None


def _is_open(module: ModuleType) -> bool:
    """Whether to look into a module for what is used of it: the project's own, and constants of this package."""
    return origin_of(module) == OWN or is_house(module.__name__)


def _member(module: ModuleType, name: str) -> Any:
    try:
        value = getattr(module, name)
    except AttributeError:
        try:
            return importlib.import_module(f"{module.__name__}.{name}")
        except ImportError:
            return MISSING
    if is_house(module.__name__) and not isinstance(value, (str, int, float, ModuleType)):
        # Of this package only plain constants count by value; the rest changes with its version.
        return Package(module.__name__.partition(".")[0])
    return value


def _contents(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return MISSING


def class_attributes(node: ast.AST) -> Iterator[str]:
    """Names that a class body assigns."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        else:
            yield from class_attributes(child)
