"""Where the entities of an example are: in fields of its record, or between marks in its text."""

from __future__ import annotations

import abc
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from labelwright.core.errors import FunctionError

__all__ = ["Entity", "Located", "MarkedEntities", "Places", "RecordEntities", "places_of"]

Span: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Entity:
    """Which fields of a record say where an entity is.

    Parameters
    ----------
    start : str
        Field with the position where it starts; or, without ``end``, with both positions as a pair.
    end : str, optional
        Field with the position where it ends. Positions count characters where the text is one string, tokens where it
        is a list of strings.
    kind : str
        What it is ("person"): decides what may stand in its place.
    text : str, optional
        Field that repeats its words; written anew when it is exchanged.
    inclusive : bool
        Whether the end is the position of the last character or token rather than the one after it.

    Examples
    --------
    >>> Entity("person1_start", "person1_end", kind="person").fields
    ('person1_start', 'person1_end')
    """

    start: str
    end: str | None = None
    kind: str = ""
    text: str | None = None
    inclusive: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields with its positions."""
        return (self.start,) if self.end is None else (self.start, self.end)


class Located(NamedTuple):
    """A text with the entities in it.

    Parameters
    ----------
    text : str
    spans : list of (int, int)
        Start and end of each entity, in characters.
    kept : list of (int, int)
        What must not be touched: the entities, with their marks where they have some.
    kinds : list of str
    """

    text: str
    spans: list[Span]
    kept: list[Span]
    kinds: list[str]


class Places(abc.ABC):
    """A way to find the entities of an example, and to write the example with new ones."""

    @abc.abstractmethod
    def read(self, example: Any) -> Located | None:
        """Find the entities; None where the text or an entity is missing."""

    @abc.abstractmethod
    def write(self, example: Any, text: str, spans: Sequence[Span]) -> Any:
        """Return an example like ``example`` with another text, in which the entities are at ``spans``."""


@dataclass(frozen=True, eq=False)
class MarkedEntities(Places):
    """Entities found by a pattern; made by ``markers=``.

    Parameters
    ----------
    pattern : re.Pattern
        Its group ``entity`` (else its first group, else all of it) is the entity, its group ``kind`` the kind.
    """

    pattern: re.Pattern[str]

    def read(self, example: str | None) -> Located | None:
        """Find the entities in a text."""
        found = [] if example is None else list(self.pattern.finditer(example))
        if example is None or not found:
            return None
        named = self.pattern.groupindex
        group: int | str = "entity" if "entity" in named else min(1, self.pattern.groups)
        kinds = [(match["kind"] or "") if "kind" in named else "" for match in found]
        return Located(example, [match.span(group) for match in found], [match.span() for match in found], kinds)

    def write(self, example: str, text: str, spans: Sequence[Span]) -> str:
        """Return the text: the marks have moved with it."""
        del example, spans
        return text


@dataclass(frozen=True, eq=False)
class RecordEntities(Places):
    """Entities whose positions are in fields of the record; made by ``entities=``.

    Parameters
    ----------
    entities : tuple of Entity
    field : str
        The field with the text or the tokens.
    """

    entities: tuple[Entity, ...]
    field: str

    def read(self, example: Mapping[str, Any]) -> Located | None:
        """Find the entities in a record."""
        if not isinstance(example, Mapping):
            raise FunctionError(
                f"entities are in fields of records, but the example is a {type(example).__name__}; hand in whole "
                "records, or find the entities by markers=."
            )
        value = self._get(example, self.field)
        found = [self._positions(example, entity) for entity in self.entities]
        if value is None or any(one is None for one in found):
            return None
        text, starts = (value, None) if isinstance(value, str) else _joined(value, self.field)
        size = len(text) if starts is None else len(starts)
        spans = []
        for entity, (start, end) in zip(self.entities, (one for one in found if one is not None), strict=True):
            if not 0 <= start < end <= size:
                raise FunctionError(
                    f"entity {entity.fields} lies at {start} to {end}, but field {self.field!r} has {size} "
                    f"{'characters' if starts is None else 'tokens'}; is the end that of the last one? (inclusive=True)"
                )
            spans.append((start, end) if starts is None else (starts[start], starts[end - 1] + len(value[end - 1])))
        return Located(text, spans, spans, [entity.kind for entity in self.entities])

    def write(self, example: Mapping[str, Any], text: str, spans: Sequence[Span]) -> dict[str, Any]:
        """Return the record with a new text, and the positions and words of the entities in it."""
        as_tokens = not isinstance(example[self.field], str)
        out = {**example, self.field: type(example[self.field])(text.split()) if as_tokens else text}
        for entity, (start, end) in zip(self.entities, spans, strict=True):
            if entity.text is not None:
                out[entity.text] = text[start:end]
            if as_tokens:
                start, end = len(text[:start].split()), len(text[:end].split())
            end -= entity.inclusive
            if entity.end is None:
                pair = example[entity.start]
                as_array = isinstance(pair, np.ndarray)
                out[entity.start] = np.array([start, end], pair.dtype) if as_array else type(pair)((start, end))
            else:
                for field, position in zip(entity.fields, (start, end), strict=True):
                    out[field] = type(example[field])(position)
        return out

    def _get(self, example: Mapping[str, Any], field: str) -> Any:
        if field not in example:
            raise FunctionError(f"the record has no field {field!r}; it has {', '.join(map(str, example))}.")
        return example[field]

    def _positions(self, example: Mapping[str, Any], entity: Entity) -> Span | None:
        values = [self._get(example, field) for field in entity.fields]
        if entity.end is None and values[0] is not None:
            values = list(values[0])
        if any(value is None for value in values):
            return None
        start, end = (int(value) for value in values)
        return start, end + entity.inclusive


def _joined(tokens: Sequence[str], field: str) -> tuple[str, list[int]]:
    """Return tokens as one text with single spaces, and where each starts."""
    starts, at = [], 0
    for token in tokens:
        if not isinstance(token, str) or len(token.split()) != 1:
            raise FunctionError(f"field {field!r} holds the token {token!r}; each must be text without white space.")
        starts.append(at)
        at += len(token) + 1
    return " ".join(tokens), starts


def places_of(entities: Iterable[Entity] | None, markers: str | None, field: str | None, name: str) -> Places:
    """Check that entities are given in one way, and return that way."""
    if (entities is None) == (markers is None):
        raise FunctionError(
            f"{name}: say where the entities are, in one way: entities=[Entity('start', 'end'), ...] or markers=r'...'."
        )
    if markers is not None:
        try:
            return MarkedEntities(re.compile(markers))
        except re.error as error:
            raise FunctionError(f"{name}: markers is no regular expression: {error}.") from error
    found = tuple(entities or ())
    if not found or not all(isinstance(one, Entity) for one in found):
        raise FunctionError(f"{name}: entities is {entities!r}; it must hold at least one Entity.")
    return RecordEntities(found, field or "text")
