"""Posteriors that add up: what each vote says for each class, summed over the votes of a row."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import ThreadpoolController

from labelwright.core import SoftLabels, SparseRows, VoteFrame, Votes
from labelwright.core.errors import ModelError

from .expectation import sum_in_order
from .features import Features

__all__ = ["posterior_from_scores", "score_sums", "share_sums"]

Floats = npt.NDArray[np.float64]

# A dense block is read once for each code; with more codes than this, gathering only the votes cast is faster.
_MOST_PASSES = 8

# Doubles in a block: 1 MiB stays in the cache of one core, whatever n is.
_BLOCK_VALUES = 131_072
_SPARSE_ROWS = 16_384

# Of vote shares, and of a dense table for them: 16 MiB, however many classes there are.
_SHARE_VALUES = 2_097_152

# Of a double, less two for the rounding of each score and of the bound itself.
_BITS = 51
# Smaller sums are not told from 0: what units there are must not be too small for a double.
_LEAST_EXPONENT = -900


def score_sums(votes: Votes, table: npt.ArrayLike) -> Iterator[tuple[int, int, Floats, npt.NDArray[np.bool_]]]:
    """Sum the rows of ``table`` that the votes of each example pick, block by block.

    Parameters
    ----------
    votes : Votes, shape (n, m)
    table : array_like of float, shape (f, c)
        A row for each (source, code) pair, the codes of the first source first (as in `Features`). Several tables can
        be summed in one pass side by side, as columns. All values finite; an abstain adds nothing.

    Yields
    ------
    start, stop : int
        The block's rows.
    sums : ndarray of float, shape (stop - start, c)
    covered : ndarray of bool, shape (stop - start,)
        Whether a source voted on the row.

    Raises
    ------
    ModelError
        If the table does not have one finite row for each pair.

    Notes
    -----
    Memory is one block, whatever n. Dense votes are compared with each code and multiplied by that code's part of the
    table; sparse ones, and those of many codes, are gathered. Of ``table`` so many bits are kept (a few less than all)
    that every sum is exact: what comes of an example does not depend on the others, nor on the order of the sources.

    Examples
    --------
    >>> [(start, stop, sums, covered)] = score_sums(Votes([[1, 0], [-1, 1], [-1, -1]]), [[1], [2], [10], [20]])
    >>> sums.tolist(), covered.tolist()
    ([[12.0], [20.0], [0.0]], [True, True, False])
    """
    frame, rows = VoteFrame.of(votes), votes.rows
    scores = _checked(table, frame)
    if isinstance(rows, SparseRows) or frame.sizes.max(initial=0) > _MOST_PASSES:
        return _gathered(votes, scores, Features.of(frame))
    return _compared(rows, scores, frame.sizes)


def share_sums(votes: Votes, mass: Floats) -> Iterator[tuple[int, int, Floats, npt.NDArray[np.bool_]]]:
    """Sum the shares that votes give to the classes they mean, block by block; no large table of votes and classes.

    Parameters
    ----------
    votes : Votes, shape (n, m)
    mass : ndarray of float, shape (f,)
        What the vote of each (source, code) pair counts.

    Yields
    ------
    start, stop, sums, covered
        As in `score_sums`; sums have a column for each class.

    Examples
    --------
    >>> [(start, stop, sums, covered)] = share_sums(Votes([[1, 0], [-1, 1], [-1, -1]]), np.array([1.0, 2, 3, 4]))
    >>> sums.tolist(), covered.tolist()
    ([[3.0, 2.0], [0.0, 4.0], [0.0, 0.0]], [True, True, False])
    """
    features = Features.of(VoteFrame.of(votes))
    if features.meaning.size <= _SHARE_VALUES:
        yield from score_sums(votes, features.share * mass[:, None])
        return
    table = sparse.csr_array(features.shares.multiply(mass[:, None]))
    size = max(64, _SHARE_VALUES // votes.k)
    for start in range(0, votes.n, size):
        stop = min(start + size, votes.n)
        x = features.matrix(votes, start, stop)
        yield start, stop, np.asarray((x @ table).toarray()), np.diff(x.indptr) > 0


def posterior_from_scores(votes: Votes, scores: npt.ArrayLike, balance: npt.ArrayLike) -> SoftLabels:
    """Return ``softmax(log balance + sum of the scores of a row's votes)``.

    Parameters
    ----------
    votes : Votes, shape (n, m)
    scores : array_like of float, shape (f, k)
        Log-likelihood of each (source, code) pair given each class, up to a constant for the pair; finite. In the order
        of `Features`.
    balance : array_like of float, shape (k,)
        P(Y), positive; the answer for examples without votes.

    Returns
    -------
    SoftLabels

    Examples
    --------
    >>> import math
    >>> says_one = [[0, -math.log(3)], [0, math.log(3)]]
    >>> posterior_from_scores(Votes([[1], [-1]]), says_one, [0.5, 0.5]).probs.round(9).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """
    table, prior = _checked(scores, VoteFrame.of(votes)), np.asarray(balance, dtype=np.float64)
    if prior.shape != (votes.k,) or table.shape[1] != votes.k or not (prior > 0).all():
        raise ModelError(
            f"scores of shape {table.shape} and a balance {prior.tolist()} do not fit votes of {votes.k} classes; a "
            "score for each class and k positive shares are needed."
        )
    probs = np.empty((votes.n, votes.k))
    covered = np.empty(votes.n, dtype=bool)
    # Only differences to the first class count, which saves a column: half of the work where k = 2.
    odds = np.log(prior[1:] / prior[0])
    for start, stop, sums, voted in score_sums(votes, table[:, 1:] - table[:, :1]):
        sums += odds
        # Along short rows, reductions are slow: the largest is found down the columns.
        top = np.ascontiguousarray(sums.T).max(axis=0, initial=0)
        block = probs[start:stop]
        np.exp(-top, out=block[:, 0])
        np.exp(sums - top[:, None], out=block[:, 1:])
        block /= sum_in_order(block.T)[:, None]
        block[~voted] = prior
        covered[start:stop] = voted
    return SoftLabels(probs, covered, classes=votes.classes, example_ids=votes.example_ids)


def _checked(table: npt.ArrayLike, frame: VoteFrame) -> Floats:
    scores = np.asarray(table, dtype=np.float64)
    if scores.ndim != 2 or len(scores) != frame.sizes.sum() or not np.isfinite(scores).all():
        raise ModelError(
            f"a score table of shape {scores.shape} does not fit: {frame.m} sources have {frame.sizes.sum()} codes "
            "together, and each needs one row of finite numbers."
        )
    return _exactly_summable(scores, frame)


def _exactly_summable(scores: Floats, frame: VoteFrame) -> Floats:
    """Round ``scores`` (f, c) to multiples of a power of 2 of which a double holds the largest sum of each column."""
    largest = np.zeros((frame.m, scores.shape[1]))
    np.maximum.at(largest, np.repeat(np.arange(frame.m), frame.sizes), np.abs(scores))
    # A power of 2 above any sum; a double has 53 bits.
    _, exponent = np.frexp(largest.sum(axis=0))
    unit = np.ldexp(1.0, np.maximum(exponent, _LEAST_EXPONENT) - _BITS)
    return np.asarray(np.rint(scores / unit) * unit)


def _compared(
    rows: npt.NDArray[np.int8] | npt.NDArray[np.int16], scores: Floats, sizes: npt.NDArray[np.int64]
) -> Iterator[tuple[int, int, Floats, npt.NDArray[np.bool_]]]:
    """Sum over dense rows: one comparison and one matrix product for each code."""
    n, m = rows.shape
    first = np.cumsum(sizes) - sizes
    parts = []
    for code in range(int(sizes.max(initial=0))):
        part = np.zeros((m, scores.shape[1]))
        part[sizes > code] = scores[(first + code)[sizes > code]]
        if part.any():
            parts.append((code, part))
    size = max(64, _BLOCK_VALUES // max(1, m))
    fired = np.empty((min(size, n), m))
    for start in range(0, n, size):
        block = rows[start : start + size]
        sums = np.zeros((len(block), scores.shape[1]))
        said = fired[: len(block)]
        # Waking idle threads for so small a product takes longer than the product, most of all on a busy machine.
        with _threads().limit(limits=1, user_api="blas"):
            for code, part in parts:
                said[...] = block == code
                sums += said @ part
        yield start, start + len(block), sums, np.asarray((block >= 0).any(axis=1))


@cache
def _threads() -> ThreadpoolController:
    """Return the libraries in this process that use threads; to look for them takes milliseconds."""
    return ThreadpoolController()


def _gathered(
    votes: Votes, scores: Floats, features: Features
) -> Iterator[tuple[int, int, Floats, npt.NDArray[np.bool_]]]:
    """Sum over the votes that were cast."""
    for start in range(0, votes.n, _SPARSE_ROWS):
        stop = min(start + _SPARSE_ROWS, votes.n)
        x = features.matrix(votes, start, stop)
        yield start, stop, np.asarray(x @ scores), np.diff(x.indptr) > 0
