"""Versions of user code: one hash of everything that decides what a function does.

`version_of` gives the hash, `explain` what went into it. The walk is in `labelwright.functions.walker`; what counts
and what does not is written up in ``docs/explanation/versions.md``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .parts import Part
from .walker import Walker

__all__ = ["Explanation", "Part", "explain", "version_of"]


def version_of(
    obj: Any,
    *,
    depends_on: Sequence[Any] = (),
    resources: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> str:
    """Content hash of what a function does.

    Parameters
    ----------
    obj : function, class, callable object, preprocessor or labeling function
        What is asked about.
    depends_on : sequence of object, optional
        What else it depends on: a version string, a path (a folder counts with every file in it), a module, a
        function, any value. Giving it also answers for whatever cannot be hashed, which is then left out.
    resources, parameters : mapping of str to object, optional
        Values that the function is called with; they count by name.

    Returns
    -------
    str
        64 hexadecimal digits, equal in every process and on every supported version of Python.

    Raises
    ------
    VersionError
        Something that matters cannot be hashed; the message names it and says where it was found. No hash is ever
        made of an address or of anything else that the next process would see differently.

    Notes
    -----
    Time and memory grow with the code and the values reached, each visited once.

    Examples
    --------
    >>> WORDS = {"song", "video"}
    >>> def about_music(x):
    ...     return 0 if WORDS & set(x.text.split()) else None
    >>> before = version_of(about_music)
    >>> WORDS.add("channel")
    >>> version_of(about_music) == before
    False
    """
    return explain(obj, depends_on=depends_on, resources=resources, parameters=parameters).version


def explain(
    obj: Any,
    *,
    depends_on: Sequence[Any] = (),
    resources: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Explanation:
    """Say what goes into the version of a function.

    Parameters
    ----------
    obj, depends_on, resources, parameters
        As for `version_of`.

    Returns
    -------
    Explanation
        Prints as a tree; `Explanation.changes` compares it with another.

    Raises
    ------
    VersionError
        As for `version_of`.

    Examples
    --------
    >>> LIMIT = 3
    >>> def short(x):
    ...     return 1 if len(x.text) < LIMIT else None
    >>> print(explain(short))  # doctest: +ELLIPSIS
    function short (...)
      constant LIMIT = 3
    """
    walker = Walker(declared=bool(depends_on))
    walker.root(obj, depends_on=depends_on, resources=resources or {}, parameters=parameters or {})
    return Explanation(walker.version(), tuple(walker.parts))


@dataclass(frozen=True)
class Explanation:
    """What went into a version.

    Attributes
    ----------
    version : str
        The hash.
    parts : tuple of Part
        What it was made of, the function first, in the order of the walk.
    """

    version: str
    parts: tuple[Part, ...]

    def __str__(self) -> str:
        depth = {-1: -1}
        lines = []
        for index, part in enumerate(self.parts):
            depth[index] = depth[part.parent] + 1
            shown = f" = {part.text}" if part.text else ""
            if part.kind in ("function", "class"):
                shown = f" ({part.where})"
            elif part.kind in ("package", "left out"):
                shown = f": {part.text}"
            elif part.kind == "again":
                shown = " (above)"
            lines.append(f"{'  ' * depth[index]}{part.kind} {part.name.rpartition(' > ')[2]}{shown}")
        return "\n".join(lines)

    def changes(self, newer: Explanation) -> list[str]:
        """Say in words what changed between two explanations of the same function.

        Parameters
        ----------
        newer : Explanation
            The later one.

        Returns
        -------
        list of str
            Empty where the versions are equal.

        Examples
        --------
        >>> def make(limit):
        ...     return lambda x: 1 if len(x.text) < limit else None
        >>> explain(make(3)).changes(explain(make(5)))
        ['closure value limit changed: 3 -> 5']
        """
        if self.version == newer.version:
            return []
        old = {part.name: part for part in self.parts}
        new = {part.name: part for part in newer.parts}
        root = self.parts[0].name if self.parts else ""
        found = [_change(old[name], part, root) for name, part in new.items() if name in old]
        found += [f"now uses {_called(part, root)}" for name, part in new.items() if name not in old]
        found += [f"no longer uses {_called(part, root)}" for name, part in old.items() if name not in new]
        return [sentence for sentence in found if sentence] or ["what it refers to changed"]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"version": self.version, "parts": [asdict(part) for part in self.parts]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Explanation:
        """Undo `to_dict`."""
        return cls(values["version"], tuple(Part(**part) for part in values["parts"]))


def _called(part: Part, root: str) -> str:
    kind = "" if part.kind in ("function", "class", "again") else f"{part.kind} "
    return kind + part.name.removeprefix(f"{root} > ")


def _change(old: Part, new: Part, root: str) -> str | None:
    if (old.kind, old.digest) == (new.kind, new.digest):
        return None
    if old.kind in ("function", "class") and new.kind == old.kind:
        whose = "source" if new.name == root else f"source of {_called(new, root)}"
        return f"{whose} changed: {_first_difference(old, new)}"
    if old.text != new.text and old.text and new.text:
        return f"{_called(new, root)} changed: {old.text} -> {new.text}"
    return None if "again" in (old.kind, new.kind) else f"{_called(new, root)} changed"


def _first_difference(old: Part, new: Part) -> str:
    """The line of the newer text where the two part ways, comments and layout aside."""

    def lines(text: str) -> list[str]:
        return ["".join(re.sub(r"(^|\s)#.*", "", line).split()) for line in text.splitlines()]

    first = int(new.where.rpartition(":")[2] or 0)
    before, after = lines(old.text), lines(new.text)
    for tag, *_, start, _ in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            return f"line {first + min(start, max(len(after) - 1, 0))}"
    return f"line {first}"
