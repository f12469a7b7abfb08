"""The walk from a function to everything that decides what it does.

Depth first, in an order that depends on names alone. Functions, classes and instances are numbered when they are first
met and named by their number when they are met again, so recursion of any kind ends and two walks of the same program
write down the same list.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import sys
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from labelwright.core.errors import VersionError

from .names import MISSING, Dynamic, Package, class_attributes, names_of_class, names_of_function
from .objects import (
    CONTAINERS,
    DESCRIPTORS,
    dispatch_table,
    file_of_class,
    is_importable,
    is_object_array,
    is_within,
    made_of,
    shortened,
    state_of,
)
from .origins import OWN, STANDARD, distribution_of, is_house, origin_of, package_of
from .parts import Edge, PartList
from .pipelines import pipeline_parts
from .sources import Source, class_source, function_source, module_source
from .values import Unwritable, sealed, write_leaf

__all__ = ["Walker"]


class Walker(PartList):
    """Collects the parts of one version.

    Parameters
    ----------
    declared : bool, default False
        Whether the author has declared what the code depends on, so that what cannot be hashed is left out.
    inside : frozenset of int, optional
        Ids of members of sets that are being walked, for a set that holds a function that uses the set.
    home : str, optional
        File and line where the walk begins, for messages.
    """

    def __init__(self, *, declared: bool = False, inside: frozenset[int] = frozenset(), home: str = "") -> None:
        super().__init__(declared=declared, home=home)
        self._in_declaration = False
        self._inside = inside
        self._met: dict[int, tuple[int, Any]] = {}
        self._open: set[int] = set()
        self._root: Any = None

    def root(
        self, obj: Any, *, depends_on: Sequence[Any], resources: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> None:
        """Walk from the object a version is asked for.

        Parameters
        ----------
        obj, depends_on, resources, parameters
            As for `labelwright.functions.versions.version_of`.
        """
        name = getattr(obj, "__name__", None) or getattr(obj, "name", None) or type(obj).__name__
        edge = Edge("value", "", str(name), -1)
        self._root = obj  # whoever wrote it, it is asked for by its source
        with self._naming(edge):
            self._reach(obj, edge)
            for kind, given in (("resource", resources), ("parameter", parameters)):
                for key in sorted(given):
                    self._reach(given[key], edge.below(kind, key, 0))
            self._declare(depends_on, edge, 0)

    @contextmanager
    def _naming(self, edge: Edge) -> Iterator[None]:
        try:
            yield
        except RecursionError:
            raise VersionError(
                f"the version of {edge.path!r} cannot be worked out: it reaches values nested too deeply. "
                "Declare what it depends on instead: depends_on=[...]"
            ) from None

    def _declare(self, depends_on: Sequence[Any], edge: Edge, index: int) -> None:
        # What is declared must itself be hashable, or the declaration would say nothing.
        before = self._declared, self._in_declaration
        self._declared, self._in_declaration = False, True
        for position, dependency in enumerate(depends_on):
            self._reach(dependency, edge.below("dependency", str(position), index, f"depends_on[{position}]"))
        self._declared, self._in_declaration = before

    def _reach(self, obj: Any, edge: Edge, *, ordered: bool = False) -> int:
        """Add a part for whatever an edge leads to, and for all that follows from it."""
        try:
            digest = write_leaf(obj, folders=self._in_declaration)
        except Unwritable as error:
            return self._refuse(edge, str(error))
        if digest is not None:
            return self._add(edge, edge.kind, digest, text=shortened(obj))
        if id(obj) in self._met:
            return self._add(edge, "again", sealed("again", [b"%d" % self._met[id(obj)][0]]))
        if type(obj) in CONTAINERS or is_object_array(obj):
            index = self._add(edge, edge.kind, b"", text=shortened(obj))
            digest = self._container(obj, edge, index, ordered)
            self.parts[index] = dataclasses.replace(self.parts[index], digest=digest.hex())
            return index
        return self._object(obj, edge)

    # Containers: written down in place; what they hold that is not plain becomes a part below them.

    def _container(self, obj: Any, edge: Edge, index: int, ordered: bool) -> bytes:
        if id(obj) in self._open:
            self._refuse(edge, "holds itself")
            return b""
        self._open.add(id(obj))
        try:
            return self._contents(obj, edge, index, ordered)
        finally:
            self._open.discard(id(obj))

    def _contents(self, obj: Any, edge: Edge, index: int, ordered: bool) -> bytes:
        kind = type(obj).__name__
        if isinstance(obj, (set, frozenset)):
            return sealed(kind, self._unordered(obj, edge))
        if isinstance(obj, (dict, types.MappingProxyType)):
            keeps_order = ordered or isinstance(obj, OrderedDict)
            if not keeps_order and not isinstance(obj, defaultdict) and _are_plain(obj) and _are_plain(obj.values()):
                return sealed(f"{kind} of plain values", (ascii(sorted(map(ascii, obj.items()))).encode(),))
            pairs = list(zip(self._each(obj, edge), obj, strict=True))
            pairs = pairs if keeps_order else sorted(pairs, key=lambda pair: pair[0])
            items = (
                piece
                for position, (written, key) in enumerate(pairs)
                for piece in (written, self._item(obj[key], edge, index, position, f"[{shortened(key)}]", ordered))
            )
            if isinstance(obj, defaultdict):
                return sealed(kind, [self._item(obj.default_factory, edge, index, -1, "default_factory"), *items])
            return sealed(f"{kind} in order" if keeps_order else kind, items)
        if isinstance(obj, types.SimpleNamespace):
            state = vars(obj)
            return sealed(kind, (p for n in sorted(state) for p in (n.encode(), self._item(state[n], edge, index, n))))
        if isinstance(obj, slice):
            obj = (obj.start, obj.stop, obj.step)
        values = list(obj.flat) if is_object_array(obj) else list(obj)
        if type(obj) in (list, tuple) and _are_plain(values):
            return sealed(f"{kind} of plain values", (ascii(values).encode(),))
        shape = [str(obj.shape).encode()] if is_object_array(obj) else []
        if isinstance(obj, deque):
            shape = [str(obj.maxlen).encode()]
        return sealed(kind, [*shape, *(self._item(value, edge, index, n) for n, value in enumerate(values))])

    def _item(
        self,
        value: Any,
        edge: Edge,
        index: int,
        label: int | str,
        shown: str | None = None,
        ordered: bool = False,
    ) -> bytes:
        below = edge.below("value", str(label), index, shown or f"[{label}]")
        try:
            digest = write_leaf(value, folders=self._in_declaration)
        except Unwritable as error:
            self._refuse(below, str(error))
            return b"left out"
        if digest is not None:
            return digest
        if type(value) in CONTAINERS or is_object_array(value):
            return self._container(value, below, index, ordered)
        return b"part %d" % self._reach(value, below)

    def _unordered(self, members: Any, edge: Edge) -> list[bytes]:
        if _are_plain(members):
            return [ascii(sorted(map(ascii, members))).encode()]
        return sorted(self._each(members, edge))

    def _each(self, members: Any, edge: Edge) -> Iterator[bytes]:
        """Digests of things that have no order among themselves, each worked out on its own."""
        for member in members:
            try:
                digest = write_leaf(member)
            except Unwritable as error:
                self._refuse(edge, f"holds something that {error}")
                digest = b"left out"
            if digest is None and id(member) in self._inside:
                digest = b"itself"
            if digest is None:
                inside = self._inside | {id(member)}
                alone = Walker(declared=self._declared, inside=inside, home=self._where(edge.parent))
                alone._reach(member, dataclasses.replace(edge, label="", parent=-1))
                digest = bytes.fromhex(alone.version())
            yield digest

    # Everything else: functions, classes, modules, instances.

    def _object(self, obj: Any, edge: Edge) -> int:
        if obj is MISSING:
            return self._add(edge, "undefined", b"")
        if isinstance(obj, Dynamic):
            return self._refuse(edge, f"calls {obj.name}, behind which any code may run")
        if isinstance(obj, Package):
            return self._package(edge, obj.name, "")
        if isinstance(obj, types.FunctionType):
            return self._function(obj, edge)
        if isinstance(obj, type):
            return self._class(obj, edge)
        if isinstance(obj, types.ModuleType):
            return self._module(obj, edge)
        ingredients = None if hasattr(type(obj), "__version_parts__") else made_of(obj)
        if ingredients is not None:
            return self._composed(obj, edge, *ingredients)
        return self._instance(obj, edge)

    def _composed(self, obj: Any, edge: Edge, kind: str, name: str, below: Mapping[str, Any]) -> int:
        """Add something that is no more than what it is made of (a bound method, a partial, a wrapper in C)."""
        index = self._meet(obj, edge, "instance", sealed(kind, [name.encode()]), text=f"{kind} {name}".strip())
        for label, value in below.items():
            self._reach(value, edge.below("value", label, index))
        return index

    def _meet(self, obj: Any, edge: Edge, kind: str, digest: bytes, *, where: str = "", text: str = "") -> int:
        index = self._add(edge, kind, digest, where=where, text=text)
        self._met[id(obj)] = (index, obj)  # the object is kept, so that its id is not used again
        return index

    def _function(self, function: types.FunctionType, edge: Edge) -> int:
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise VersionError(f"{edge.path} is an async function; a labeling function answers at once, so use `def`")
        origin = origin_of(function)
        if function is not self._root and origin != OWN and is_importable(function, origin):
            return self._package(edge, origin, function.__qualname__)
        if function is not self._root and origin != OWN:
            return self._made_elsewhere(function, edge, origin)
        source = function_source(function, edge.path)
        if source is None:
            return self._refuse(
                edge, "has no source text to read (made by exec, typed into a shell, or read from standard input)"
            )
        index = self._meet(function, edge, "function", sealed("f", [source.tree.encode()]), **_told(source))
        self._defaults(function, edge, index, source)
        for name in names_of_function(function, source):
            self._reach(name.value, edge.below(name.kind, name.label, index), ordered=name.ordered)
        self._written(source, edge, index)
        return index

    def _written(self, source: Source, edge: Edge, index: int) -> None:
        for name in sorted(source.uses.written):
            self._refuse(
                edge.below("constant", f"{name} (written)", index, name),
                "is changed by the code that uses it, so what it holds depends on what ran before "
                "(functools.cache keeps results without that)",
            )

    def _defaults(self, function: types.FunctionType, edge: Edge, index: int, source: Source) -> None:
        values = function.__defaults__ or ()
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        given = dict(zip(names[len(names) - len(values) :], values, strict=True)) | (function.__kwdefaults__ or {})
        for name in sorted(given):
            below = edge.below("default", f"default of {name}", index, name)
            self._reach(given[name], below, ordered=name in source.written_out)

    def _made_elsewhere(self, function: types.FunctionType, edge: Edge, origin: str) -> int:
        """Add a function that installed code made here: a decorator's wrapper, a factory's product."""
        index = self._package(edge, origin, function.__qualname__)
        self._met[id(function)] = (index, function)
        table = dispatch_table(function)
        if table is not None:
            for kind in sorted(table):
                self._reach(table[kind], edge.below("value", f"for {kind}", index))
            return index
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        for name in sorted(cells):
            try:
                value = cells[name].cell_contents
            except ValueError:
                continue
            self._reach(value, edge.below("closure value", name, index))
        return index

    def _package(self, edge: Edge, origin: str, name: str) -> int:
        if origin == STANDARD or origin in sys.stdlib_module_names:
            # No version: the standard library keeps its promises, and hashes are equal across versions of Python.
            return self._add(edge, "package", sealed(STANDARD, [name.encode()]), text=STANDARD)
        found = distribution_of(origin)
        if found is None:
            return self._refuse(edge, f"comes from package {origin!r}, of which no version is known")
        text = " ".join(found)
        return self._add(edge, "package", sealed("package", [text.encode(), name.encode()]), text=text)

    def _module(self, module: types.ModuleType, edge: Edge) -> int:
        origin = origin_of(module)
        if origin != OWN:
            return self._package(edge, origin, package_of(module))
        text = module_source(module.__file__) if module.__file__ and self._in_declaration else None
        if text is None:
            return self._refuse(
                edge,
                "is a module used as a value, so what matters of it cannot be seen; use its names one by one "
                f"({module.__name__.rpartition('.')[2]}.NAME)",
            )
        return self._meet(module, edge, "module", sealed("module", [text.encode()]), where=module.__file__ or "")

    def _class(self, kind: type, edge: Edge) -> int:
        origin = origin_of(kind)
        if origin != OWN:
            return self._package(edge, origin, f"{package_of(kind)}.{kind.__qualname__}")
        filename = file_of_class(kind)
        source = class_source(kind, filename)
        is_enum = issubclass(kind, enum.Enum)
        fields = getattr(kind, "_fields", None) if issubclass(kind, tuple) else None
        if source is None and not is_enum and fields is None:
            return self._refuse(edge, f"is the class {kind.__qualname__}, of which no single source text can be found")
        told = {} if source is None else _told(source)
        tree = kind.__name__ if source is None else source.tree
        index = self._meet(kind, edge, "class", sealed("class", [tree.encode(), ascii(fields).encode()]), **told)
        for position, base in enumerate(kind.__bases__):
            if base is not object:
                self._reach(base, edge.below("value", f"base {position}", index))
        if issubclass(kind, enum.Enum):
            for name, member in kind.__members__.items():
                self._reach(member._value_, edge.below("constant", name, index))
        if source is not None and filename is not None:
            self._class_body(kind, edge, index, source, filename)
        elif fields is not None:
            self._reach(kind._field_defaults, edge.below("default", "defaults", index))  # type: ignore[attr-defined]  # typeshed does not know it
        return index

    def _class_body(self, kind: type, edge: Edge, index: int, source: Source, filename: str) -> None:
        for name in names_of_class(kind, source, filename):
            self._reach(name.value, edge.below(name.kind, name.label, index), ordered=name.ordered)
        self._written(source, edge, index)
        if issubclass(kind, enum.Enum):
            return
        assigned = set(class_attributes(source.node)) - {"__slots__", "__doc__"}
        # Attributes may also have been set from outside, after the class was made.
        assigned |= {name for name in vars(kind) if not name.startswith(("__", "_abc_", "_is_", "_field"))}
        for attribute in sorted(assigned):
            value = vars(kind).get(attribute, MISSING)
            if isinstance(value, types.FunctionType):
                if not is_within(value, source, filename):
                    self._reach(value, edge.below("value", f".{attribute}", index, attribute))
            # Methods are in the source; what a computed attribute came to is not.
            elif value is not MISSING and not isinstance(value, DESCRIPTORS):
                self._reach(value, edge.below("constant", f".{attribute}", index, attribute))

    def _instance(self, obj: Any, edge: Edge) -> int:
        kind = type(obj)
        if hasattr(kind, "__version_parts__"):
            return self._self_told(obj, edge, obj.__version_parts__())
        if kind.__module__.startswith("spacy.") and hasattr(obj, "pipe_names"):
            return self._self_told(obj, edge, pipeline_parts(obj))
        if is_house(kind.__module__) and isinstance(getattr(obj, "version", None), str):
            return self._meet(obj, edge, "instance", sealed("version", [obj.version.encode()]), text=shortened(obj))
        if isinstance(obj, enum.Enum):
            index = self._meet(obj, edge, "instance", sealed("member", [obj.name.encode()]), text=str(obj))
            self._reach(kind, edge.below("value", "class", index, kind.__name__))
            return index
        origin = origin_of(kind)
        state = state_of(obj)
        plain_record = dataclasses.is_dataclass(obj) or (isinstance(obj, tuple) and hasattr(obj, "_fields"))
        if state is None or (origin != OWN and not plain_record):
            whose = "" if origin == OWN else f" (from {origin})"
            return self._refuse(edge, f"is of type {kind.__qualname__}{whose}, which has no stable written form")
        index = self._meet(obj, edge, "instance", b"", text=shortened(obj))
        self._reach(kind, edge.below("value", "class", index, kind.__name__))
        for name in sorted(state):
            self._reach(state[name], edge.below("constant", name, index))
        return index

    def _self_told(self, obj: Any, edge: Edge, parts: Mapping[str, Any]) -> int:
        """Add an object that says itself what its version is made of."""
        index = self._meet(
            obj, edge, "instance", sealed("parts", [type(obj).__qualname__.encode()]), text=shortened(obj)
        )
        depends_on = getattr(obj, "depends_on", ())
        before = self._declared
        self._declared = before or bool(depends_on)
        for name in sorted(parts):
            if name == "function":  # the object stands for it, so it is called by the object's name
                self._reach(parts[name], Edge("value", name, edge.path, index))
            elif name == "resources":
                for key in sorted(parts[name]):
                    self._reach(parts[name][key], edge.below("resource", key, index))
            else:
                self._reach(parts[name], edge.below("parameter", name, index))
        self._declared = before
        self._declare(depends_on, edge, index)
        return index


_PLAIN = frozenset((str, float, bool, type(None)))


def _are_plain(values: Iterable[Any]) -> bool:
    """Whether values may be written down all at once: lexicons of a million words are common."""
    # ascii is the same on every version; repr follows the version's Unicode tables. Python refuses to print integers
    # of thousands of digits.
    return all(type(value) in _PLAIN or (type(value) is int and -(2**64) < value < 2**64) for value in values)


def _told(source: Source) -> dict[str, str]:
    return {"where": source.where, "text": source.text}
