"""Reading ``supervision.py``: a project's functions, imported without touching anybody else's modules."""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias, TypeVar

import cloudpickle

from labelwright.augmentation import TransformationFunction
from labelwright.core.errors import ProjectError
from labelwright.functions.versions import explain
from labelwright.labeling import LabelingFunction
from labelwright.slicing import SlicingFunction

__all__ = ["Supervision", "describe", "load_functions", "load_supervision", "pick_functions", "record"]

Function: TypeAlias = LabelingFunction | TransformationFunction | SlicingFunction
_Named = TypeVar("_Named", LabelingFunction, TransformationFunction, SlicingFunction)

# Modules that a project brought in, so that the next project (or the same one, edited) gets its own and not these.
_ours: dict[str, ModuleType] = {}


@dataclass(frozen=True, slots=True)
class Supervision:
    """What ``supervision.py`` holds: functions that label, that augment examples, and that tell slices."""

    functions: list[LabelingFunction]
    transformations: list[TransformationFunction]
    slices: list[SlicingFunction]


def load_supervision(folder: Path) -> Supervision:
    """Import ``supervision.py`` (or the package ``supervision/``) in ``folder`` and return its functions.

    Labeling functions are ``FUNCTIONS``, a list, where the module has one; else every labeling function that the module
    holds, in the order in which they came to be there. So are transformation functions, by ``TRANSFORMATIONS``, and
    slicing functions, by ``SLICES``. The module may import its neighbours in the folder; do that at its top, because
    ``sys.path`` is as it was when this returns.

    Raises
    ------
    ProjectError
        If there is no such file, if it raises (the message names file and line), if it holds no labeling function, or
        if two functions of one kind share a name.
    """
    source = _find(folder.resolve())
    for name in list(_ours):
        sys.modules.pop(name, None)
        del _ours[name]
    before = set(sys.modules)
    try:
        with _on_path(source):
            module = _execute(source)
    finally:
        _claim(folder.resolve(), before)
    functions = _collect(module, source, LabelingFunction, "FUNCTIONS", "a labeling function", "@lw.labeling_function")
    if not functions:
        raise ProjectError(
            f"{source} holds no labeling function. Write one, such as\n\n"
            '    import labelwright as lw\n\n    has_link = lw.keyword_lf("has_link", ["http"], label="spam")'
        )
    transformations = _collect(
        module,
        source,
        TransformationFunction,
        "TRANSFORMATIONS",
        "a transformation function",
        "@lw.transformation_function",
    )
    slices = _collect(module, source, SlicingFunction, "SLICES", "a slicing function", "@lw.slicing_function")
    # Votes are kept by name: of two functions with one name, one would be lost.
    _check_names(source, "labeling functions", functions)
    _check_names(source, "transformation functions", transformations)
    _check_names(source, "slicing functions", slices)
    return Supervision(functions, transformations, slices)


def load_functions(folder: Path) -> list[LabelingFunction]:
    """Return the labeling functions of `load_supervision`."""
    return load_supervision(folder).functions


def describe(function: Function) -> dict[str, Any]:
    """Return what a function is as plain values.

    Of a labeling function: name, kind, labels, fields and version. Of a transformation function: name, kind, field,
    magnitude (bounds, where it does nothing, unit), whether it is batched, and version. Of a slicing function: name,
    kind, fields and version.
    """
    if isinstance(function, TransformationFunction):
        return {
            "name": function.name,
            "kind": type(function).__name__,
            "field": function.field,
            "magnitude": None if function.magnitude is None else asdict(function.magnitude),
            "batched": function.batched,
            "version": function.version,
        }
    if isinstance(function, SlicingFunction):
        return {
            "name": function.name,
            "kind": type(function).__name__,
            "fields": None if function.fields is None else list(function.fields),
            "version": function.version,
        }
    return {
        "name": function.name,
        "kind": type(function).__name__,
        "labels": None if function.labels is None else list(function.labels),
        "fields": None if function.fields is None else list(function.fields),
        "version": function.version,
    }


def record(function: Function, folder: Path) -> dict[str, Any]:
    """Return what a run keeps of a function: `describe`, what its version is made of, and its source.

    ``explanation`` is what `labelwright.functions.versions.Explanation.to_dict` gives, with places relative to
    ``folder``, so that a project says the same wherever it lies; ``source`` is the text of the function, or its
    parameters where it was declared and has no text.
    """
    explanation = explain(function).to_dict()
    root = f"{folder.resolve()}{os.sep}"
    for part in explanation["parts"]:
        part["where"] = str(part["where"]).removeprefix(root)
    return {**describe(function), "explanation": explanation, "source": _source(explanation["parts"])}


def _source(parts: Sequence[dict[str, Any]]) -> str:
    """Return the text of the function that a function of ours holds, or what it was declared with, line by line."""
    own = next((p["text"] for p in parts if p["kind"] == "function" and p["parent"] == 0), "")
    if own:
        return str(own)
    given = [f"    {p['name'].rpartition(' > ')[2]}={p['text']}," for p in parts[1:] if p["parent"] == 0]
    return "\n".join([f"{parts[0]['text']}(", *given, ")", ""])


def pick_functions(
    functions: Sequence[_Named], names: Sequence[str] | None, *, what: str = "labeling function"
) -> list[_Named]:
    """Return the functions of these names, in the order of the names; all of them where ``names`` is ``None``.

    Raises
    ------
    ProjectError
        If there is no function of a name; the message names the closest.
    """
    if names is None:
        return list(functions)
    known = {f.name: f for f in functions}
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            there = f"There are: {', '.join(known)}." if known else "There is none."
            raise ProjectError(f"there is no {what} {name!r}.{hint} {there}")
    return [known[name] for name in names]


def _find(folder: Path) -> Path:
    for source in (folder / "supervision.py", folder / "supervision" / "__init__.py"):
        if source.is_file():
            return source
    raise ProjectError(
        f"{folder} has no supervision.py: it is where the project's labeling functions are. "
        "`labelwright init` writes one to start from."
    )


@contextmanager
def _on_path(source: Path) -> Iterator[None]:
    folder = source.parent.parent if source.name == "__init__.py" else source.parent
    path, write_bytecode = list(sys.path), sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    # Cached bytecode is told from new source by a time in whole seconds and a size: an edit could go unseen.
    sys.dont_write_bytecode = True
    # A module found by an earlier look at the folder may be gone or new.
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path, write_bytecode


def _execute(source: Path) -> ModuleType:
    is_package = source.name == "__init__.py"
    # A private name: a project must neither shadow nor be shadowed by another module called "supervision".
    name = f"_labelwright_supervision_{hashlib.sha256(str(source).encode()).hexdigest()[:12]}"
    where = [str(source.parent)] if is_package else None
    spec = importlib.util.spec_from_file_location(name, source, submodule_search_locations=where)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise ProjectError(f"{error.filename or source}, line {error.lineno}: {error.msg}.") from error
    except Exception as error:
        raise ProjectError(f"{_place(error, source)}: {type(error).__name__}: {error}") from error
    return module


def _place(error: Exception, source: Path) -> str:
    """Name the innermost line of the project's own code that the error went through."""
    own = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(source.parent)]
    return f"{own[-1].filename}, line {own[-1].lineno}" if own else str(source)


def _claim(folder: Path, before: set[str]) -> None:
    """Remember the folder's modules; workers cannot import them, so they travel to them by value."""
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        origin = getattr(module, "__file__", None)
        if origin and Path(origin).is_relative_to(folder) and "site-packages" not in Path(origin).parts:
            _ours[name] = module
            cloudpickle.register_pickle_by_value(module)


def _collect(module: ModuleType, source: Path, kind: type[Any], listed_as: str, what: str, decorator: str) -> list[Any]:
    """Return the functions of one kind that the module lists, or else holds."""
    listed = getattr(module, listed_as, None)
    if listed is None:
        found = [value for value in vars(module).values() if isinstance(value, kind)]
    else:
        found = list(listed)
        wrong = [value for value in found if not isinstance(value, kind)]
        if wrong:
            raise ProjectError(
                f"{source}: {listed_as} holds {wrong[0]!r}, which is not {what}; decorate it with {decorator}."
            )
    # The same function under two names is one function.
    return list({id(f): f for f in found}.values())


def _check_names(source: Path, what: str, functions: Sequence[Any]) -> None:
    names = [one.name for one in functions]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ProjectError(f"{source}: two {what} are called {twice!r}; give one another name.")
