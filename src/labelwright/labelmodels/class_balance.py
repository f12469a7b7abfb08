"""P(Y) from third cumulants: for two classes, where three sources or more take both sides."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from .problem import Floats, Problem

__all__ = ["balance_from_third_cumulants"]

# 12 sources make 220 triples: enough to average over, and quick to go through.
_MOST_SOURCES = 12
_FEWEST_ROWS = 30


def balance_from_third_cumulants(problem: Problem, distinct: npt.NDArray[np.bool_] | None = None) -> Floats | None:
    """Estimate P(Y), shape (2,), or return None where the votes do not tell it apart from uniform.

    ``distinct`` (m,) is False for sources to leave out, as they repeat others.

    Notes
    -----
    For sources i, j, l independent given a binary Y with P(Y=1) = q, covariances are ``d_i d_j q (1 - q)`` and third
    cumulants ``d_i d_j d_l q (1 - q) (1 - 2 q)``, with d the difference of a source's mean vote between the classes.
    So ``r = kappa_ijl / sqrt(S_ij S_il S_jl) = (1 - 2 q) / sqrt(q (1 - q))`` is the same for all triples, and
    ``q = (1 - r / sqrt(4 + r^2)) / 2``. Numerators and denominators are summed over triples before dividing; leaving
    out one source at a time gives a standard error (jackknife), and an r within two of them counts as zero.
    Unipolar sources do not vote often enough together to have these moments, and are left out.
    """
    chosen = _most_covering(problem, problem.multipolar if distinct is None else problem.multipolar & distinct)
    if problem.k != 2 or len(chosen) < 3:
        return None
    triples = _triples(problem, chosen)
    ratio = _ratio(triples)
    if ratio is None:
        return None
    left_out = [_ratio([t for t in triples if j not in t[0]]) for j in range(len(chosen))]
    found = np.array([r for r in left_out if r is not None])
    if len(found) < 2:
        return None
    error = np.sqrt((len(found) - 1) / len(found) * ((found - found.mean()) ** 2).sum())
    if abs(ratio) <= 2 * error:
        return None
    q = (1 - ratio / np.sqrt(4 + ratio**2)) / 2
    return np.array([1 - q, q])


def _most_covering(problem: Problem, among: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    votes = problem.member @ problem.totals
    several = np.flatnonzero(among)
    # Names settle equal coverage, so that the choice does not depend on the order of the sources.
    order = sorted(several.tolist(), key=lambda j: (-votes[j], problem.names[j]))
    return np.array(order[:_MOST_SOURCES], dtype=np.int64)


Triple = tuple[tuple[int, int, int], float, float]


def _triples(problem: Problem, chosen: npt.NDArray[np.int64]) -> list[Triple]:
    """Return (places, n kappa, n sqrt(S S S)) of the triples that vote together and are not contradictory."""
    side = problem.share[:, 1] - problem.share[:, 0]
    value = np.asarray((problem.x @ (problem.member.T * side[:, None])).todense())[:, chosen]
    fired = np.asarray((problem.x @ problem.member.T).todense())[:, chosen] > 0
    out = []
    for triple in combinations(range(len(chosen)), 3):
        at = np.flatnonzero(fired[:, triple].all(axis=1))
        weight = problem.weights[at]
        n = weight.sum()
        if n < _FEWEST_ROWS:
            continue
        v = value[at][:, triple]
        v = v - weight @ v / n
        s = (v * weight[:, None]).T @ v / n
        product = s[0, 1] * s[0, 2] * s[1, 2]
        if product > 0:
            out.append((triple, float(weight @ v.prod(axis=1)), float(n * np.sqrt(product))))
    return out


def _ratio(triples: list[Triple]) -> float | None:
    below = sum(t[2] for t in triples)
    return sum(t[1] for t in triples) / below if below > 0 else None
