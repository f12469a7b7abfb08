"""Simulated votes of sources that depend on each other in known ways."""

from __future__ import annotations

import numpy as np


def noisy(rng, truth, accuracy):
    """One source of two classes, right with probability ``accuracy``."""
    return np.where(rng.random(len(truth)) < accuracy, truth, 1 - truth)


def copied_pairs(seed, *, n=5000):
    """Three pairs of .65 sources, the second copying the first with probability .8; three .80 sources at 60 %."""
    rng = np.random.default_rng(seed)
    truth, columns = rng.integers(0, 2, n), []
    for _ in range(3):
        first, second = noisy(rng, truth, 0.65), noisy(rng, truth, 0.65)
        columns += [first, np.where(rng.random(n) < 0.8, first, second)]
    columns += [np.where(rng.random(n) < 0.6, noisy(rng, truth, 0.8), -1) for _ in range(3)]
    return np.stack(columns, axis=1)


def clique(seed, *, n=5000, size=5, m=12, share=0.8):
    """Sources 0 to size - 1 take the word of one hidden .65 source with probability ``share``; the others are alone."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    said = noisy(rng, truth, 0.65)
    together = [np.where(rng.random(n) < share, said, noisy(rng, truth, 0.65)) for _ in range(size)]
    return np.stack(together + [noisy(rng, truth, a) for a in np.linspace(0.6, 0.85, m - size)], axis=1)


def chain(seed, *, n=5000, m=12, share=0.6):
    """Source 1 copies source 0, and source 2 copies source 1, each with probability ``share``."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    links = [noisy(rng, truth, 0.7)]
    for _ in range(2):
        links.append(np.where(rng.random(n) < share, links[-1], noisy(rng, truth, 0.7)))
    return np.stack(links + [noisy(rng, truth, a) for a in np.linspace(0.6, 0.85, m - 3)], axis=1)


def coins_and_experts(seed, *, n=5000):
    """Example 3.1 of the VLDB 2018 paper: one coin that stands five times, and five sources of accuracy .99."""
    rng = np.random.default_rng(seed)
    truth, coin = rng.integers(0, 2, n), rng.integers(0, 2, n)
    return np.stack([coin] * 5 + [noisy(rng, truth, 0.99) for _ in range(5)], axis=1), truth


def snorkel_similar(seed, *, n=10_000, m=10, edges=((0, 1), (2, 3)), weight=0.5):
    """Snorkel's notebook: P(L, y) ~ exp(sum of l y + weight * [l_i = l_j] over edges), l in -1, 0 (abstain), 1."""
    rng = np.random.default_rng(seed)
    truth, values = rng.choice([-1, 1], n), np.array([-1, 0, 1])
    L = np.zeros((n, m), dtype=int)
    alone = [(j,) for j in range(m) if not any(j in edge for edge in edges)]
    for y in (-1, 1):
        at = np.flatnonzero(truth == y)
        for group in [*edges, *alone]:
            grid = np.stack(np.meshgrid(*[values] * len(group), indexing="ij"), axis=-1).reshape(-1, len(group))
            p = np.exp(y * grid.sum(axis=1) + weight * (len(group) == 2) * (grid[:, 0] == grid[:, -1]))
            L[np.ix_(at, group)] = grid[rng.choice(len(grid), len(at), p=p / p.sum())]
    return np.where(L == 0, -1, (L + 1) // 2)


def ising(accuracies, edges, theta):
    """States (2^m, m) in -1, 1 and probabilities (2^m,) of P(l | y) ~ exp(sum of w_i l_i y + theta l_i l_j), P(y) = .5."""
    m, w = len(accuracies), 0.5 * np.log(accuracies / (1 - accuracies))
    states = np.array(np.meshgrid(*[[-1, 1]] * m, indexing="ij")).reshape(m, -1).T
    pairs = theta * sum(states[:, i] * states[:, j] for i, j in edges)
    p = np.exp(pairs[:, None] + np.outer(states @ w, [-1, 1]))
    return states, (p / p.sum(axis=0)).mean(axis=1)


def weak_edges(seed, *, n=None, m=12, theta=0.2):
    """Check B2: four weak edges among twelve sources of accuracies .55 to .93; votes (n, m), or states with P, and edges."""
    rng = np.random.default_rng(seed)
    accuracies, order = rng.permutation(np.linspace(0.55, 0.93, m)), rng.permutation(m)
    edges = [tuple(sorted(int(j) for j in order[2 * e : 2 * e + 2])) for e in range(4)]
    states, p = ising(accuracies, edges, theta)
    if n is None:
        return states, p, edges
    return (states[rng.choice(len(states), n, p=p)] + 1) // 2, edges
