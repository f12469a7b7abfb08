"""How an artifact came to be: what went in, by content, and with which parameters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from .base import ArtifactId

__all__ = ["Derivation", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """What determines an artifact: the kind of work, its inputs by content, and its parameters.

    Parameters
    ----------
    kind : str
        What is done, such as ``"votes"``.
    inputs : mapping of str to ArtifactId
        What it reads, by role.
    parameters : mapping of str to a JSON value
        Everything else that the result hangs on: the version of a function, a random state, a format. Keys are text,
        floats are finite.

    Examples
    --------
    >>> part = ArtifactId("part", "ab" * 32)
    >>> today = Recipe("votes", {"part": part}, {"function": "v2"})
    >>> today.digest == Recipe("votes", {"part": part}, {"function": "v2"}).digest
    True
    >>> today.changes_from(Recipe("votes", {"part": part}, {"function": "v1"}))
    ('function',)
    """

    kind: str
    inputs: Mapping[str, ArtifactId] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        """The recipe as JSON with sorted keys: equal recipes have equal texts.

        Raises
        ------
        ValueError, TypeError
            If a parameter is no JSON value.
        """
        content = {
            "inputs": {name: str(key) for name, key in self.inputs.items()},
            "kind": self.kind,
            "parameters": dict(self.parameters),
        }
        return _text_of(content)

    @cached_property
    def digest(self) -> str:
        """64 hexadecimal digits: the SHA-256 of ``text``."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @classmethod
    def parse(cls, text: str) -> Recipe:
        """Read a recipe from its ``text``."""
        content = json.loads(text)
        inputs = {name: ArtifactId.parse(key) for name, key in content["inputs"].items()}
        return cls(content["kind"], inputs, content["parameters"])

    def changes_from(self, other: Recipe) -> tuple[str, ...]:
        """Return the names of the inputs and parameters in which the two differ: why one is stale."""
        if self.kind != other.kind:
            return ("kind",)
        return tuple(sorted({name for name, _ in self._values() ^ other._values()}))

    def _values(self) -> set[tuple[str, str]]:
        """Return inputs and parameters as names and texts: Python takes 1 and True for equal, a digest does not."""
        inputs = {(name, str(key)) for name, key in self.inputs.items()}
        return inputs | {(name, _text_of(value)) for name, value in self.parameters.items()}


@dataclass(frozen=True)
class Derivation:
    """One time that a recipe was followed.

    Parameters
    ----------
    recipe : Recipe
    output : ArtifactId
        What it made.
    seconds : float
        How long it took.
    rows : int
        How many examples were worked on.
    made : datetime.datetime
        When it was made (UTC).
    versions : mapping of str to str
        Versions of the libraries that did it, by name.
    """

    recipe: Recipe
    output: ArtifactId
    seconds: float = 0.0
    rows: int = 0
    made: datetime = field(default_factory=lambda: datetime.now(UTC))
    versions: Mapping[str, str] = field(default_factory=dict)


def _text_of(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
