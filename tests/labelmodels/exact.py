"""Worlds of two classes without chance: every way to vote, with its probability."""

from __future__ import annotations

from functools import reduce

import numpy as np

LETTERS = 3  # abstain, 0, 1


class World:
    """All rows of votes (s, m) and their probabilities given each class (s, 2); groups of dependent sources."""

    def __init__(self, rows, given, balance, groups):
        self.rows, self.given, self.balance, self.groups = rows, given, balance, groups

    @property
    def weights(self):
        return self.given @ self.balance

    @property
    def indicators(self):
        """Votes as 0/1 columns, code 0 and code 1 of each source in turn."""
        return np.stack([self.rows == 0, self.rows == 1], axis=2).reshape(len(self.rows), -1).astype(float)

    @property
    def group(self):
        """Group of each indicator."""
        home = np.zeros(self.rows.shape[1], dtype=int)
        for number, members in enumerate(self.groups):
            home[list(members)] = number
        return np.repeat(home, 2)

    @property
    def side(self):
        return np.tile([-1.0, 1.0], self.rows.shape[1])

    @property
    def moments(self):
        """E[x] and E[x x^T]."""
        x = self.indicators
        return x.T @ self.weights, (x.T * self.weights) @ x

    @property
    def third(self):
        """E[x sum of products of the sides of two other groups]."""
        x = self.indicators
        net = np.stack([x[:, self.group == g] @ self.side[self.group == g] for g in range(len(self.groups))], axis=1)
        out = np.zeros(x.shape[1])
        for a, g in enumerate(self.group):
            others = np.delete(net, g, axis=1)
            out[a] = self.weights @ (x[:, a] * (others.sum(axis=1) ** 2 - (others**2).sum(axis=1)) / 2)
        return out

    @property
    def tables(self):
        """P(vote | Y) of each indicator."""
        return self.indicators.T @ self.given


def world(seed, groups, *, positive=0.3, kind="several"):
    """Draw conditional tables: ``kind`` is "several" (sides, with abstains), "always" (never abstain) or "one" (side)."""
    rng = np.random.default_rng(seed)
    m = sum(len(g) for g in groups)
    blocks = []
    for members in groups:
        size = len(members)
        letters = np.indices((LETTERS,) * size).reshape(size, -1).T - 1
        joint = rng.random((len(letters), 2)) + 0.2
        for column, j in enumerate(members):
            for y in (0, 1):
                joint[:, y] *= np.where(letters[:, column] == y, 2.5, 1.0)
            if kind == "always":
                joint[letters[:, column] == -1] = 0
            if kind == "one":
                joint[letters[:, column] == 1 - j % 2] = 0
        blocks.append((members, letters, joint / joint.sum(axis=0)))
    index = np.indices([len(b[1]) for b in blocks]).reshape(len(blocks), -1)
    rows = np.zeros((index.shape[1], m), dtype=int)
    for (members, letters, _), at in zip(blocks, index, strict=True):
        rows[:, list(members)] = letters[at]
    given = reduce(np.multiply, [joint[at] for (_, _, joint), at in zip(blocks, index, strict=True)])
    return World(rows, given, np.array([1 - positive, positive]), tuple(tuple(g) for g in groups))
