"""Relation extraction: change the words around entities, or the entities, and keep track of where they are."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from labelwright.augmentation.base import Magnitude, TransformationFunction
from labelwright.core.errors import FunctionError

from .base import TextFunction, checked_words, drawn
from .edits import Edit, apply_edits, moved
from .entities import Entity, Located, Places, RecordEntities, places_of
from .words import folded, passage

__all__ = ["EntityFunction", "SlotFunction", "Where", "swap_entities", "template_slots"]

Where: TypeAlias = Literal["outside", "between"]


@dataclass(frozen=True, eq=False, kw_only=True)
class SlotFunction:
    """Applies a function on text to the words around entities; made by `template_slots`.

    Parameters
    ----------
    places : Places
    inner : TransformationFunction
    where : {"outside", "between"}
    """

    places: Places
    inner: TransformationFunction
    where: Where

    def __call__(self, example: Any, *, rng: np.random.Generator, magnitude: float = float("nan")) -> Any:
        """Return the example with other words around its entities, or None where nothing can be changed."""
        located = self.places.read(example)
        if located is None:
            return None
        kept = self._kept(located)
        function = self.inner.function
        if isinstance(function, TextFunction):
            found = function.edits(passage(located.text, function.protect, kept), magnitude, rng)
        else:
            found = self._by_stretch(located.text, kept, magnitude, rng)
        if found is None:
            return None
        return self.places.write(example, apply_edits(located.text, found), moved(located.spans, found))

    def _kept(self, located: Located) -> list[tuple[int, int]]:
        kept = sorted(located.kept)
        if self.where == "between":
            # The stretch from the first entity's end to the last one's start is all that is left.
            kept += [(0, min(end for _, end in kept)), (max(start for start, _ in kept), len(located.text))]
        return sorted(kept)

    def _by_stretch(
        self, text: str, kept: list[tuple[int, int]], magnitude: float, rng: np.random.Generator
    ) -> list[Edit] | None:
        """Return edits by a function of the user's, which sees one stretch of text at a time."""
        given = {"magnitude": magnitude, "rng": rng}
        more = {name: given[name] for name in self.inner.takes} | {**self.inner.resources}
        out, at = [], 0
        for start, end in [*kept, (len(text), len(text))]:
            stretch = text[at:start]
            if stretch.strip():
                first = at + len(stretch) - len(stretch.lstrip())
                new = self.inner.function(stretch.strip(), **more)
                if new is not None:
                    out.append(Edit(first, first + len(stretch.strip()), new))
            at = max(at, end)
        return out or None


@dataclass(frozen=True, eq=False, kw_only=True)
class EntityFunction:
    """Exchanges entities for others of their kind; made by `swap_entities`.

    Parameters
    ----------
    places : Places
    others : dict of str to tuple of str
        What may stand in the place of an entity, by kind.
    """

    places: Places
    others: dict[str, tuple[str, ...]]

    def __call__(self, example: Any, *, magnitude: float, rng: np.random.Generator) -> Any:
        """Return the example with other entities, or None where there is none for any."""
        located = self.places.read(example)
        if located is None:
            return None
        _refuse_overlap(located.spans)
        words = [located.text[start:end] for start, end in located.spans]
        # No entity becomes one that the text has already: two people would be one.
        used = {folded(word) for word in words}
        free = [i for i, kind in enumerate(located.kinds) if self._choices(kind, used)]
        if not free:
            return None
        changed: dict[int, str] = {}
        for i in drawn(free, magnitude, len(words), rng):
            choices = self._choices(located.kinds[i], used)
            if choices:
                changed[i] = choices[int(rng.integers(len(choices)))]
                used.add(folded(changed[i]))
        edits = sorted(Edit(*located.spans[i], new) for i, new in changed.items())
        starts = moved([(start, start) for start, _ in located.spans], edits)
        spans = [(start, start + len(changed.get(i, words[i]))) for i, (start, _) in enumerate(starts)]
        return self.places.write(example, apply_edits(located.text, edits), spans)

    def _choices(self, kind: str, used: set[str]) -> list[str]:
        return [other for other in self.others.get(kind, ()) if folded(other) not in used]


def template_slots(
    transform: TransformationFunction,
    *,
    entities: Iterable[Entity] | None = None,
    markers: str | None = None,
    where: Where = "outside",
    field: str | None = None,
    name: str | None = None,
) -> TransformationFunction:
    r"""Apply a transformation function on text to the words around entities, which stay as they are.

    Keeps every entity, letter by letter; the positions in the returned record are those in its new text.

    Parameters
    ----------
    transform : TransformationFunction
        What is done to the words. The declarative ones of this room see the whole sentence and leave the entities
        alone; one of your own gets each stretch between entities by itself, without the white space at its ends.
    entities : iterable of Entity, optional
        For records with the positions of the entities in fields.
    markers : str, optional
        For texts that mark them: a regular expression such as ``r"<(?P<kind>e\d)>(?P<entity>.*?)</e\d>"``. All that
        it matches stays.
    where : {"outside", "between"}
        Which words may be touched: all outside the entities, or only those from the first entity to the last.
    field : str, optional
        The field with the text. With ``entities``: "text" unless you say otherwise, one string or a list of tokens.
    name : str, optional
        Default: the name of ``transform`` with ``_around_entities``.

    Returns
    -------
    TransformationFunction
        With the magnitude of ``transform``. Gives ``None`` where a text or a position is missing, no mark is found, or
        ``transform`` can change nothing.

    Raises
    ------
    FunctionError
        If entities are given in no way or in both, ``where`` is unknown, or ``transform`` takes whole batches.

    Examples
    --------
    >>> from labelwright.augmentation.text import synonyms
    >>> marry = synonyms({"wed": ["was quickly married to"], "ann": ["Eve"]}, high=1.0)
    >>> swap = template_slots(marry, entities=[Entity("a", "b"), Entity("c", "d")])
    >>> record = {"text": "Ann wed Bob.", "a": 0, "b": 3, "c": 8, "d": 11}
    >>> swap(record, magnitude=1.0, rng=np.random.default_rng(0))
    {'text': 'Ann was quickly married to Bob.', 'a': 0, 'b': 3, 'c': 27, 'd': 30}
    """
    chosen = f"{transform.name}_around_entities" if name is None else name
    if where not in get_args(Where):
        raise FunctionError(f"{chosen}: where is {where!r}; allowed are {', '.join(get_args(Where))}.")
    if transform.batched:
        raise FunctionError(f"{chosen}: {transform.name!r} takes whole batches; it must take one text.")
    places = places_of(entities, markers, field, chosen)
    return TransformationFunction(
        name=chosen,
        function=SlotFunction(places=places, inner=transform, where=where),
        magnitude=transform.magnitude,
        field=None if isinstance(places, RecordEntities) else field,
    )


def swap_entities(
    others: Mapping[str, Sequence[str]],
    *,
    entities: Iterable[Entity] | None = None,
    markers: str | None = None,
    field: str | None = None,
    name: str = "swap_entities",
) -> TransformationFunction:
    r"""Exchange entities for others of the same kind.

    Keeps every word outside the entities, so a relation that the words express; a relation that is a fact about these
    very entities ("Barack", "Michelle") is lost where the words do not say it. Other mentions of an entity in the text,
    outside the given positions, stay. The positions in the returned record are those in its new text.

    Parameters
    ----------
    others : mapping of str to sequence of str
        By kind, what may stand in an entity's place. Entities of other kinds stay. The kind of an entity that has none
        is the empty text.
    entities, markers, field
        As for `template_slots`.
    name : str, default "swap_entities"

    Returns
    -------
    TransformationFunction
        Its magnitude is the share of the entities exchanged, up to 1. Gives ``None`` where no entity can be.

    Raises
    ------
    FunctionError
        If there are no others, or entities are given in no way or in both.

    Examples
    --------
    >>> marks = r"<(?P<kind>\w+)>(?P<entity>.*?)</\w+>"
    >>> swap = swap_entities({"person": ["Eve Li"]}, markers=marks)
    >>> swap("<person>Ann</person> left <city>Rome</city>.", magnitude=0.5, rng=np.random.default_rng(0))
    '<person>Eve Li</person> left <city>Rome</city>.'
    """
    for kind, words in others.items():
        checked_words(words, name, f"others[{kind!r}]")
    if not any(others.values()):
        raise FunctionError(f"{name}: others names no entity; nothing would ever change.")
    places = places_of(entities, markers, field, name)
    return TransformationFunction(
        name=name,
        function=EntityFunction(places=places, others={kind: tuple(words) for kind, words in others.items()}),
        magnitude=Magnitude(0.0, 1.0, unit="share of entities"),
        field=None if isinstance(places, RecordEntities) else field,
    )


def _refuse_overlap(spans: Sequence[tuple[int, int]]) -> None:
    ordered = sorted(spans)
    for (start, end), (begin, stop) in itertools.pairwise(ordered):
        if begin < end:
            raise FunctionError(
                f"entities at {start} to {end} and {begin} to {stop} overlap; only separate ones can be exchanged."
            )
