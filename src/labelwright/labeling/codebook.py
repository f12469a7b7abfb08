"""From what functions return to codes: every vote is checked here, and classes nobody declared are learned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import ABSTAIN, Class, check_classes
from labelwright.core.errors import FunctionError, LabelingError

from .base import LabelingFunction, VectorisedFunction
from .votes import wrong_kind

__all__ = ["Codebook", "declared_classes", "final_classes"]


class Codebook:
    """Codes of the classes within one part.

    Parameters
    ----------
    classes : sequence of (str or int)
        The classes known so far, in the order of their codes.
    closed : bool
        Whether there are no others. Otherwise a function that has not declared its classes may bring new ones.
    """

    def __init__(self, classes: Sequence[Class], *, closed: bool) -> None:
        self.classes = list(classes)
        self.closed = closed
        self._codes: dict[Class, int] = {c: code for code, c in enumerate(classes)}
        if closed and any(isinstance(c, str) for c in classes):
            # Where classes are named, their codes are taken too, as everywhere else.
            self._codes |= {code: code for code in range(len(classes))}

    @property
    def sets(self) -> tuple[()]:
        """Every code means one class; see `PartVotes`."""
        return ()

    def code_of(self, function: VectorisedFunction) -> int:
        """Return the code of the class that a vectorised function votes for."""
        return self._codes[function.label]

    def encode(
        self, votes: list[Any], function: LabelingFunction, example_id: Callable[[int], Any]
    ) -> npt.NDArray[np.int16]:
        """Turn the votes of one function on consecutive examples into codes.

        Parameters
        ----------
        votes : list
            What the function returned.
        function : LabelingFunction
            The function, whose declared classes bound its votes.
        example_id : callable
            Gives the id of the example at a position, for messages.

        Returns
        -------
        array of int16, shape (len(votes),)

        Raises
        ------
        LabelingError
            If a vote is no class that the function may vote for.
        """
        for kind in set(map(type, votes)):
            # Types are few where votes are many. A truth value equals 0 or 1, so the look-up below would accept it.
            position = next(i for i, v in enumerate(votes) if type(v) is kind)
            reason = wrong_kind(votes[position])
            if reason:
                raise _bad_vote(function, votes[position], example_id(position), reason)
        codes = self._allowed(function)
        try:
            return np.fromiter(map(codes.__getitem__, votes), dtype=np.int16, count=len(votes))
        except KeyError:
            self._learn(votes, function, codes, example_id)
        codes = self._allowed(function)
        return np.fromiter(map(codes.__getitem__, votes), dtype=np.int16, count=len(votes))

    def _allowed(self, function: LabelingFunction) -> dict[Any, int]:
        abstain: dict[Any, int] = {None: ABSTAIN, ABSTAIN: ABSTAIN}
        if function.labels is None:
            return self._codes | abstain
        codes = {self._codes[label] for label in function.labels}
        return {c: code for c, code in self._codes.items() if code in codes} | abstain

    def _learn(
        self,
        votes: list[Any],
        function: LabelingFunction,
        codes: dict[Any, int],
        example_id: Callable[[int], Any],
    ) -> None:
        for position, vote in enumerate(votes):
            if vote in codes:
                continue
            negative = not isinstance(vote, str) and vote < 0
            if self.closed or function.labels is not None or negative:
                allowed = function.labels or (tuple(self.classes) if self.classes else ("a class",))
                reason = f"allowed: {', '.join(map(repr, allowed))}, or None or -1 to abstain."
                if function.labels is None and self.closed:
                    reason += " If it is a class, it must stand in classes=."
                raise _bad_vote(function, vote, example_id(position), reason)
            label = str.__str__(vote) if isinstance(vote, str) else int(vote)
            codes[label] = self._codes[label] = len(self.classes)
            self.classes.append(label)


def _bad_vote(function: LabelingFunction, vote: Any, example_id: Any, reason: str) -> LabelingError:
    shown = repr(vote.item() if isinstance(vote, np.generic) else vote)
    message = f"labeling function {function.name!r} voted {shown} on example {example_id!r}: {reason}"
    return LabelingError(message, source=function.name, example_id=example_id)


def declared_classes(functions: Iterable[LabelingFunction]) -> tuple[Class, ...]:
    """Return the classes that functions declare, in order of first appearance.

    Raises
    ------
    FunctionError
        If some are names and some are numbers.
    """
    found: dict[Class, str] = {}
    for function in functions:
        for label in function.labels or ():
            found.setdefault(label, function.name)
    named = {label: name for label, name in found.items() if isinstance(label, str)}
    if named and len(named) < len(found):
        number = next(label for label in found if not isinstance(label, str))
        name = next(iter(named))
        raise FunctionError(
            f"labeling function {found[number]!r} votes for class {number!r} and {named[name]!r} for {name!r}; use "
            "names or numbers throughout, or pass classes=[...], whose positions the numbers then are."
        )
    return tuple(found)


def final_classes(declared: Sequence[Class], seen: Iterable[Class]) -> tuple[Class, ...]:
    """Return the classes of a run: the declared names, then the others sorted; or the numbers ``0..k-1``.

    Raises
    ------
    FunctionError
        If there are names and numbers, or fewer than two names.

    Examples
    --------
    >>> final_classes(["spam"], {"spam", "ham"}), final_classes([], {1})
    (('spam', 'ham'), (0, 1))
    """
    every = [*declared, *sorted(set(seen) - set(declared), key=lambda c: (isinstance(c, str), c))]
    if len({isinstance(c, str) for c in every}) > 1:
        raise FunctionError(
            f"the functions voted for names and numbers: {every}; use one or the other, or pass classes=[...], whose "
            "positions the numbers then are."
        )
    if every and isinstance(every[0], str):
        if len(every) < 2:
            raise FunctionError(
                f"the only class that the functions name is {every[0]!r}; pass every class, such as "
                f"classes=[{every[0]!r}, 'other']."
            )
        return check_classes(every)
    return check_classes(max(2, *(int(c) + 1 for c in every)) if every else 2)
