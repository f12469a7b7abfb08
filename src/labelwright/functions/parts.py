"""The list of parts that a version is made of."""

from __future__ import annotations

import dataclasses

from labelwright.core.errors import VersionError

from .values import sealed

__all__ = ["Edge", "Part", "PartList"]


@dataclasses.dataclass(frozen=True)
class Part:
    """One thing that a version is made of.

    Attributes
    ----------
    kind : str
        ``function``, ``class``, ``instance``, ``constant``, ``closure value``, ``default``, ``resource``,
        ``parameter``, ``dependency``, ``package``, ``again`` (met before) or ``left out`` (answered for by
        ``depends_on``), and a few more of that sort.
    name : str
        How it was reached, from the function on: ``"spam > helpers.clean"``.
    digest : str
        Hash of the thing itself.
    where : str
        File and line, where it has them.
    text : str
        Source, short form of the value, or version; for people, not part of the hash.
    parent : int
        Index of the part that uses it, -1 for the function itself.
    """

    kind: str
    name: str
    digest: str = ""
    where: str = ""
    text: str = ""
    parent: int = -1


@dataclasses.dataclass(frozen=True)
class Edge:
    """How something was reached.

    Attributes
    ----------
    kind : str
        What the part is called if it is a plain value.
    label : str
        Name in the code that uses it; part of the hash.
    path : str
        Name of the part, for people.
    parent : int
        Index of the part that uses it, -1 for the function itself.
    """

    kind: str
    label: str
    path: str
    parent: int

    def below(self, kind: str, label: str, index: int, shown: str | None = None) -> Edge:
        """Edge from the part that this one led to, at an index, to something that it uses."""
        return Edge(kind, label, f"{self.path} > {shown or label}", index)


class PartList:
    """Parts in the order in which they are met, and the hash of them all.

    Parameters
    ----------
    declared : bool, default False
        Whether what cannot be hashed is left out instead of refused.
    home : str, optional
        File and line where the walk begins, for messages.

    Attributes
    ----------
    parts : list of Part
    """

    def __init__(self, *, declared: bool = False, home: str = "") -> None:
        self.parts: list[Part] = []
        self._labels: list[str] = []
        self._declared = declared
        self._home = home

    def version(self) -> str:
        """Hash of the parts, in 64 hexadecimal digits."""
        pieces = (
            piece.encode("utf-8", "surrogatepass")
            for part, label in zip(self.parts, self._labels, strict=True)
            for piece in (str(part.parent), label, part.kind, part.digest)
        )
        return sealed("version 1", pieces).hex()

    def _add(self, edge: Edge, kind: str, digest: bytes, *, where: str = "", text: str = "") -> int:
        self.parts.append(Part(kind, edge.path, digest.hex(), where, text, edge.parent))
        self._labels.append(edge.label)
        return len(self.parts) - 1

    def _refuse(self, edge: Edge, reason: str) -> int:
        if self._declared:
            return self._add(edge, "left out", b"", text=reason)
        root, _, rest = edge.path.partition(" > ")
        home = self._where(edge.parent)
        used = f", used at {home}," if home else ""
        raise VersionError(
            f"the version of {root!r} cannot be worked out: {rest or 'it'}{used} {reason}. Declare what the function "
            "depends on instead: depends_on=[...] takes a version text, a path, a function or any plain value."
        )

    def _where(self, index: int) -> str:
        """File and line of the nearest code that leads to a part."""
        while index >= 0 and not self.parts[index].where:
            index = self.parts[index].parent
        return self.parts[index].where if index >= 0 else self._home
