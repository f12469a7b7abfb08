"""Simulated votes whose truth, and best possible labels, are known."""

from __future__ import annotations

import numpy as np


def coins(seed, accuracies, *, n=5000, coverage=1.0, positive=0.5):
    """Independent sources of two classes, equally right on both; abstains say nothing."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < positive).astype(int)
    right = rng.random((n, len(accuracies))) < accuracies
    L = np.where(right, truth[:, None], 1 - truth[:, None])
    return np.where(rng.random(L.shape) < coverage, L, -1), truth


def snorkel_votes(seed, *, n=10_000, m=10, k=2, abstain=1.0):
    """Votes by random conditional tables, as Snorkel's synthetic module draws them.

    Returns votes, truth, tables P(vote | Y) of shape (m, k + 1, k) with abstain first, and the log-posteriors of the true
    model, without and with what abstaining says.
    """
    rng = np.random.default_rng(seed)
    tables = rng.random((m, k + 1, k))
    tables[:, 1:] += (k - 1) * np.eye(k)
    tables[:, 0] *= abstain
    tables /= tables.sum(axis=1, keepdims=True)
    truth = rng.integers(0, k, n)
    L = np.stack([(rng.random(n) > t.cumsum(axis=0)[:, truth]).sum(axis=0) for t in tables], axis=1) - 1
    with_abstain = sum(np.log(t)[L[:, j] + 1] for j, t in enumerate(tables))
    without = sum(np.where(L[:, [j]] >= 0, np.log(t)[L[:, j] + 1], 0) for j, t in enumerate(tables))
    return L, truth, tables, without, with_abstain


def one_sided(seed, *, n=5000, m=12, k=2, positive=None):
    """Sources that keep to one class each: they fire on .3 of it and on .05 of the others."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(k, n, p=positive)
    own = np.arange(m) % k
    fires = rng.random((n, m)) < np.where(truth[:, None] == own, 0.3, 0.05)
    return np.where(fires, own, -1), truth


def several_sided(seed, accuracies, *, balance, n=5000, coverage=0.6):
    """Independent sources of any number of classes, equally right on all, whose errors are even."""
    rng = np.random.default_rng(seed)
    k, shape = len(balance), (n, len(accuracies))
    truth = rng.choice(k, size=n, p=balance)
    right = rng.random(shape) < accuracies
    L = np.where(right, truth[:, None], (truth[:, None] + 1 + rng.integers(k - 1, size=shape)) % k)
    return np.where(rng.random(shape) < coverage, L, -1), truth
