"""Whether agreement between sources determines the model: rank and conditioning of the log-linear system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Identifiability", "identifiability"]

_ZERO = 1e-9


@dataclass(frozen=True, slots=True)
class Identifiability:
    """What the system ``M_Omega l = q`` of matrix completion determines.

    Parameters
    ----------
    rank : int
        Rank of M_Omega.
    columns : int
        Number of unknowns: indicators of votes.
    smallest_singular_value : float
        Of M_Omega; 0 where the rank falls short.
    condition : float
        Largest over smallest singular value, kappa; infinite where the rank falls short.
    sentence : str
        What that means.
    """

    rank: int
    columns: int
    smallest_singular_value: float
    condition: float
    sentence: str

    @property
    def identified(self) -> bool:
        """Whether M_Omega has full column rank."""
        return self.columns > 0 and self.rank == self.columns


def identifiability(blocks: Sequence[int]) -> Identifiability:
    """Tell whether second moments identify a model of two classes.

    Parameters
    ----------
    blocks : sequence of int
        Number of linearly independent vote indicators of each group that is independent of the others given Y: a source
        alone, or a clique of declared dependencies. A source that never abstains has one for two codes.

    Notes
    -----
    Each pair of indicators of different groups gives one equation, ``l_i + l_j = log (K_ij)^2``: a row of M_Omega with
    two ones. So ``M^T M = D + A`` is the signless Laplacian of the complete multipartite graph of the groups, and its
    eigenvalues are known: with f indicators in all, a group of size s gives ``f - s`` as often as s - 1 times, and what
    is left is a matrix over the groups, of which equal sizes again share the eigenvalue ``f - 2 s``. So no matrix of
    the size of the votes is made. The rank is full if and only if there are three groups or more (Ratner et al.,
    AAAI 2019, Theorem 2: the error grows with the largest singular value of the pseudo-inverse of M_Omega).

    Examples
    --------
    >>> found = identifiability([1, 1, 1])
    >>> found.rank, round(found.smallest_singular_value, 9), round(found.condition, 9)
    (3, 1.0, 2.0)
    >>> print(identifiability([2, 1]).sentence)
    Not identifiable: 2 independent groups of sources, and it takes 3 (rank 2 of 3).
    """
    sizes, times = np.unique([s for s in blocks if s > 0], return_counts=True)
    columns = int((sizes * times).sum())
    if not columns:
        return Identifiability(
            0, 0, 0.0, float("inf"), "Not identifiable: no source takes more than one side or value."
        )
    root = np.sqrt(sizes * times)
    left = np.linalg.eigvalsh(np.diag(columns - 2.0 * sizes) + np.outer(root, root))
    inside = np.repeat(columns - sizes, times * (sizes - 1))
    between = np.repeat(columns - 2 * sizes, times - 1)
    eigenvalues = np.concatenate([left, inside, between])
    rank = int((eigenvalues > _ZERO * columns).sum())
    groups = int(times.sum())
    if rank < columns:
        sentence = (
            f"Not identifiable: {groups} independent groups of sources, and it takes 3 (rank {rank} of {columns})."
        )
        return Identifiability(rank, columns, 0.0, float("inf"), sentence)
    smallest, largest = float(np.sqrt(eigenvalues.min())), float(np.sqrt(eigenvalues.max()))
    sentence = (
        f"Identifiable: {groups} independent groups of sources (rank {rank} of {columns}, smallest singular value "
        f"{smallest:.3g}, condition {largest / smallest:.3g})."
    )
    return Identifiability(rank, columns, smallest, largest / smallest, sentence)
