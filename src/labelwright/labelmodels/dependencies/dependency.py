"""Dependencies between sources: what was found, how sure it is, and what it does to the labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from labelwright.labelmodels.base import Outcome

_SHOWN = 20

__all__ = ["Dependencies", "Dependency"]


@dataclass(frozen=True, slots=True)
class Dependency:
    """Two sources that go together beyond what the true class explains.

    Parameters
    ----------
    first, second : str
        Names of the sources, in the order of their columns.
    strength : float
        Correlation of the two sources' votes given the class, -1 to 1: 1 for copies, negative where one speaks when
        the other does not. NaN where it was declared and not measured.
    p_value : float
        Probability of a correlation that far from what independent sources have, 0 to 1. NaN where not tested.
    effect : float
        Mean change, over the examples on which at least one of the two votes, of the probability of any class when the
        two votes count as one source's instead of two: 0 to 1. NaN where not worked out.
    stability : float
        Share of random halves of the data in which the method finds the pair, 0 to 1. NaN where not drawn.
    origin : {"learned", "prior", "declared"}
        Found in the votes; found there with the help of a prior guess (common code, a user's hint); or given.

    Examples
    --------
    >>> print(Dependency("a", "b", strength=0.4, p_value=1e-6, effect=0.03, stability=1.0))
    a ~ b: correlation given the class +0.40 (p 1e-06), in 100% of half samples, moves labels by 3.0 points
    """

    first: str
    second: str
    strength: float = float("nan")
    p_value: float = float("nan")
    effect: float = float("nan")
    stability: float = float("nan")
    origin: Literal["learned", "prior", "declared"] = "learned"

    @property
    def pair(self) -> tuple[str, str]:
        """Both names."""
        return self.first, self.second

    def __str__(self) -> str:
        said = [f"correlation given the class {self.strength:+.2f}"] if self.strength == self.strength else []
        if said and self.p_value == self.p_value:
            said[0] += f" (p {self.p_value:.1g})"
        if self.stability == self.stability:
            said.append(f"in {self.stability:.0%} of half samples")
        if self.effect == self.effect:
            said.append(f"moves labels by {100 * self.effect:.1f} points")
        return f"{self.first} ~ {self.second}: {', '.join(said) or self.origin}"


@dataclass(frozen=True, slots=True, repr=False)
class Dependencies:
    """The dependencies of a set of sources, strongest evidence first; iterates over them.

    Printed, the twenty that move labels most come first.

    Parameters
    ----------
    found : tuple of Dependency
        Each pair once.
    method : str
        How they were found.
    outcome : Outcome
        How the search ended, with a sentence.
    false_discovery_rate : float
        Share of wrong pairs among the found ones that the method aims not to exceed; NaN where none was stated.

    Examples
    --------
    >>> from labelwright.labelmodels.base import Outcome
    >>> found = Dependencies((Dependency("a", "b", strength=0.4),), "declared", Outcome("closed_form", "Declared."))
    >>> found.pairs, len(found), ("b", "a") in found
    ((('a', 'b'),), 1, True)
    >>> [d.strength for d in found]
    [0.4]
    """

    found: tuple[Dependency, ...]
    method: str
    outcome: Outcome
    false_discovery_rate: float = field(default=float("nan"))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The names alone."""
        return tuple(d.pair for d in self.found)

    def __iter__(self) -> Iterator[Dependency]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __contains__(self, pair: object) -> bool:
        """Whether two sources, named in either order, depend on each other; or a `Dependency` is among these."""
        if isinstance(pair, Dependency):
            return pair in self.found
        return isinstance(pair, (tuple, list, set, frozenset)) and any(set(d.pair) == set(pair) for d in self.found)

    def __repr__(self) -> str:
        # Unknown effects last; sorting keeps the order of the evidence among equals.
        ordered = sorted(self.found, key=lambda d: -d.effect if d.effect == d.effect else 1.0)
        more = len(ordered) - _SHOWN
        return "\n".join(
            [str(self.outcome), *(f"  {d}" for d in ordered[:_SHOWN]), *([f"  and {more} more"] if more > 0 else [])]
        )
