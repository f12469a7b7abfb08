"""Exact sums over all feasible label vectors, in time linear in the number of tasks: a junction tree.

The graph of tasks is triangulated, its cliques hold the combinations of states that may occur, and messages between
neighbouring cliques add up everything beyond them (Lauritzen & Spiegelhalter 1988; Shafer & Shenoy 1990). Cliques hold
feasible combinations only, so that 200 tasks of which at most one holds cost 201 states, not 2 to the power of 200.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from .errors import TaskError

__all__ = ["Clique", "Factor", "JunctionTree", "junction_tree"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Up to here a table of all combinations is looked up; above, the listed ones are.
_LARGEST_TABLE = 1 << 20


@dataclass(frozen=True, eq=False, slots=True)
class Factor:
    """Tasks, and the combinations of their states (by code) that may occur together.

    Parameters
    ----------
    scope : tuple of int
        Positions of tasks, ascending.
    rows : numpy.ndarray of int, shape (number of combinations, len(scope))
    """

    scope: tuple[int, ...]
    rows: Integers

    def allows(self, states: Integers) -> npt.NDArray[np.bool_]:
        """Say which combinations of states, shape (n, len(scope)), may occur; returns shape (n,)."""
        sizes = np.maximum(states.max(axis=0, initial=0), self.rows.max(axis=0, initial=0)) + 1
        if sizes.prod(dtype=np.float64) <= _LARGEST_TABLE:
            table = np.zeros(tuple(sizes), dtype=bool)
            table[tuple(self.rows.T)] = True
            found: npt.NDArray[np.bool_] = table[tuple(states.T)]
            return found
        listed = set(map(tuple, self.rows.tolist()))
        return np.asarray([tuple(row) in listed for row in states.tolist()], dtype=bool)

    def prefixes(self) -> Iterator[Factor]:
        """Yield what it says of its first two tasks, its first three, and so on up to all of them."""
        for width in range(min(2, len(self.scope)), len(self.scope)):
            yield Factor(self.scope[:width], np.unique(self.rows[:, :width], axis=0))
        yield self


@dataclass(frozen=True, eq=False, slots=True)
class Clique:
    """Tasks that are summed over together.

    Parameters
    ----------
    scope : tuple of int
        Positions of tasks, ascending.
    states : numpy.ndarray of int, shape (f, len(scope))
        Combinations of states that belong to at least one feasible vector.
    parent : int
        Position of the neighbour towards the root; -1 = a root.
    up, down : numpy.ndarray of int
        Which state of the separator each state of this clique, shape (f,), and of its parent, belongs to.
    """

    scope: tuple[int, ...]
    states: Integers
    parent: int
    up: Integers
    down: Integers


@dataclass(frozen=True, eq=False)
class JunctionTree:
    """Cliques of tasks, parents after their children; one root for each connected component.

    Parameters
    ----------
    sizes : tuple of int
        How many states each task has.
    cliques : tuple of Clique
    home : tuple of int
        For each task, the position of the smallest clique that holds it.
    """

    sizes: tuple[int, ...]
    cliques: tuple[Clique, ...]
    home: tuple[int, ...]

    def propagate(
        self, evidence: Sequence[Floats | None], weights: Sequence[Floats | None] | None = None
    ) -> tuple[list[Floats], Floats]:
        """Sum over all feasible vectors, for n examples at once.

        Parameters
        ----------
        evidence : sequence of (numpy.ndarray of float, shape (n or 1, states of the task), or None)
            Log-weight of each state of each task; -inf rules a state out, ``None`` says nothing.
        weights : sequence of (numpy.ndarray of float, shape (f,), or None), optional
            Log-weight of each state of each clique: a distribution over feasible vectors. Default: all alike.

        Returns
        -------
        beliefs : list of numpy.ndarray of float, shape (n, f)
            For each clique, the log-probability of each of its states (NaN where nothing is feasible).
        log_sum : numpy.ndarray of float, shape (n,)
            Logarithm of the sum of the weights of all feasible vectors; -inf where evidence rules all of them out.
        """
        logits = self._joined(evidence, weights)
        messages: list[Floats | None] = [None] * len(self.cliques)
        log_sum = np.zeros(len(logits[0]) if logits else 1)
        for c, clique in enumerate(self.cliques):
            if clique.parent < 0:
                log_sum = log_sum + _grouped(logits[c], np.zeros(logits[c].shape[1], dtype=np.int64), 1)[:, 0]
                continue
            message = _grouped(logits[c], clique.up, int(clique.up.max()) + 1)
            messages[c] = message
            logits[clique.parent] = logits[clique.parent] + message[:, clique.down]
        for c in range(len(self.cliques) - 1, -1, -1):
            clique, sent = self.cliques[c], messages[c]
            if sent is None:
                continue
            whole = _grouped(logits[clique.parent], clique.down, sent.shape[1])
            with np.errstate(invalid="ignore"):
                # What the parent knows besides what it was told from here; nothing can be told of what is ruled out.
                rest = np.where(np.isneginf(sent), -np.inf, whole - sent)
            logits[c] = logits[c] + rest[:, clique.up]
        with np.errstate(invalid="ignore"):
            beliefs = [x - _grouped(x, np.zeros(x.shape[1], dtype=np.int64), 1) for x in logits]
        return beliefs, log_sum

    def most_probable(
        self, evidence: Sequence[Floats | None], weights: Sequence[Floats | None] | None = None
    ) -> Integers:
        """Return the feasible vector of the largest weight for each of n examples, shape (n, tasks), as codes.

        Parameters
        ----------
        evidence, weights
            As for `propagate`. Something must be feasible.
        """
        logits = self._joined(evidence, weights)
        n = len(logits[0])
        for c, clique in enumerate(self.cliques):
            if clique.parent >= 0:
                best = _grouped_max(logits[c], clique.up, int(clique.up.max()) + 1)
                logits[clique.parent] = logits[clique.parent] + best[:, clique.down]
        chosen: list[Integers] = [np.empty(0, dtype=np.int64)] * len(self.cliques)
        vectors = np.zeros((n, len(self.sizes)), dtype=np.int64)
        for c in range(len(self.cliques) - 1, -1, -1):
            clique, own = self.cliques[c], logits[c]
            if clique.parent >= 0:
                shared = clique.down[chosen[clique.parent]]
                own = np.where(clique.up[None, :] == shared[:, None], own, -np.inf)
            chosen[c] = own.argmax(axis=1)
            vectors[:, list(clique.scope)] = clique.states[chosen[c]]
        return vectors

    def marginals(self, beliefs: Sequence[Floats]) -> list[Floats]:
        """Return the probability of each state of each task, shape (n, states of the task), from beliefs."""
        found = []
        for task, c in enumerate(self.home):
            clique = self.cliques[c]
            codes = clique.states[:, clique.scope.index(task)]
            member = np.zeros((len(codes), self.sizes[task]))
            member[np.arange(len(codes)), codes] = 1.0
            found.append(np.exp(beliefs[c]) @ member)
        return found

    def count(self) -> int:
        """Return how many feasible vectors there are, exactly."""
        totals: list[list[int]] = [[1] * len(clique.states) for clique in self.cliques]
        product = 1
        for c, clique in enumerate(self.cliques):
            if clique.parent < 0:
                product *= sum(totals[c])
                continue
            sums = [0] * (int(clique.up.max()) + 1)
            for group, value in zip(clique.up.tolist(), totals[c], strict=True):
                sums[group] += value
            above = totals[clique.parent]
            totals[clique.parent] = [v * sums[g] for v, g in zip(above, clique.down.tolist(), strict=True)]
        return product

    def _joined(self, evidence: Sequence[Floats | None], weights: Sequence[Floats | None] | None) -> list[Floats]:
        n = max((len(e) for e in evidence if e is not None), default=1)
        logits = [
            np.zeros((n, len(clique.states)))
            if weights is None or (given := weights[c]) is None
            else np.tile(np.asarray(given, dtype=np.float64), (n, 1))
            for c, clique in enumerate(self.cliques)
        ]
        for task, told in enumerate(evidence):
            if told is not None:
                clique = self.cliques[self.home[task]]
                logits[self.home[task]] += told[:, clique.states[:, clique.scope.index(task)]]
        return logits


def junction_tree(sizes: Sequence[int], factors: Sequence[Factor], *, most_states: int = 100_000) -> JunctionTree:
    """Build the junction tree of tasks under tables of what may occur together.

    Parameters
    ----------
    sizes : sequence of int
        How many states each task has.
    factors : sequence of Factor
    most_states : int
        Most combinations of states that a clique may hold.

    Raises
    ------
    TaskError
        If the tables leave no feasible vector, or a clique would hold more than ``most_states`` combinations.
    """
    cliques = _cliques(len(sizes), [f.scope for f in factors])
    edges = _spanning(cliques)
    states = [_states(scope, sizes, factors, most_states) for scope in cliques]
    order, parents = _rooted(len(cliques), edges)
    # Children tell their parents what can be, then parents their children: a full reducer (Bernstein & Chiu 1981).
    for c in order:
        if parents[c] >= 0:
            states[parents[c]] = _meeting(cliques[parents[c]], states[parents[c]], cliques[c], states[c])
    for c in reversed(order):
        if parents[c] >= 0:
            states[c] = _meeting(cliques[c], states[c], cliques[parents[c]], states[parents[c]])
    if not all(map(len, states)):
        raise TaskError("the relations contradict each other: no combination of classes is feasible.")
    place = {c: i for i, c in enumerate(order)}
    made = []
    for c in order:
        parent = parents[c]
        up = down = np.empty(0, dtype=np.int64)
        if parent >= 0:
            up, down = _separator(cliques[c], states[c], cliques[parent], states[parent])
        made.append(Clique(cliques[c], states[c], place[parent] if parent >= 0 else -1, up, down))
    home = tuple(
        min((c for c, clique in enumerate(made) if task in clique.scope), key=lambda c: len(made[c].states))
        for task in range(len(sizes))
    )
    return JunctionTree(tuple(sizes), tuple(made), home)


def _cliques(n: int, scopes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Triangulate by eliminating the task that adds fewest edges (min-fill), and keep the maximal cliques."""
    neighbours: list[set[int]] = [set() for _ in range(n)]
    for scope in scopes:
        for i, j in combinations(scope, 2):
            neighbours[i].add(j)
            neighbours[j].add(i)
    left = set(range(n))
    fill = {v: _fill(neighbours, v) for v in left}
    found: list[set[int]] = []
    while left:
        v = min(left, key=lambda u: (fill[u], len(neighbours[u]), u))
        clique = neighbours[v] | {v}
        if not any(clique <= other for other in found):
            found.append(clique)
        touched = _completed(neighbours, neighbours[v])
        # Tasks that have no neighbour beyond the clique go with it: of 200 that exclude each other, all at once.
        inner = {u for u in clique if neighbours[u] < clique}
        for u in clique - inner:
            neighbours[u] -= inner
        left -= inner
        for u in (touched | clique) & left:
            fill[u] = _fill(neighbours, u)
    return [tuple(sorted(clique)) for clique in found]


def _completed(neighbours: Sequence[set[int]], around: set[int]) -> set[int]:
    """Join every two tasks of ``around`` by an edge, and return those whose neighbours gained one."""
    touched: set[int] = set()
    for i, j in combinations(sorted(around), 2):
        if j not in neighbours[i]:
            neighbours[i].add(j)
            neighbours[j].add(i)
            touched |= neighbours[i] & neighbours[j]
    return touched


def _fill(neighbours: Sequence[set[int]], v: int) -> int:
    around = neighbours[v]
    return sum(len(around) - 1 - len(neighbours[u] & around) for u in around) // 2


def _spanning(cliques: Sequence[tuple[int, ...]]) -> list[tuple[int, int]]:
    """Join cliques by a spanning forest of largest separators, which gives a junction tree."""
    holders: dict[int, list[int]] = {}
    for c, scope in enumerate(cliques):
        for task in scope:
            holders.setdefault(task, []).append(c)
    shared: dict[tuple[int, int], int] = {}
    for members in holders.values():
        for pair in combinations(members, 2):
            shared[pair] = shared.get(pair, 0) + 1
    root = list(range(len(cliques)))

    def find(c: int) -> int:
        while root[c] != c:
            root[c] = root[root[c]]
            c = root[c]
        return c

    kept = []
    for (a, b), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if find(a) != find(b):
            root[find(a)] = find(b)
            kept.append((a, b))
    return kept


def _states(scope: tuple[int, ...], sizes: Sequence[int], factors: Sequence[Factor], most_states: int) -> Integers:
    """List the combinations of states that the tables within ``scope`` allow, one task after the other."""
    members, place = set(scope), {task: column for column, task in enumerate(scope)}
    ending: dict[int, list[Factor]] = {}
    for factor in factors:
        if members.issuperset(factor.scope):
            for known in factor.prefixes():  # a long table rules most combinations out before they are all spelt out
                ending.setdefault(known.scope[-1], []).append(known)
    rows: Integers = np.zeros((1, 0), dtype=np.int64)
    for width, task in enumerate(scope, start=1):
        rows = np.column_stack([np.repeat(rows, sizes[task], axis=0), np.tile(np.arange(sizes[task]), len(rows))])
        for factor in ending.get(task, ()):
            rows = rows[factor.allows(rows[:, [place[t] for t in factor.scope]])]
        if len(rows) > most_states:
            raise TaskError(
                f"{len(scope)} tasks depend on each other so closely that {len(rows):,} combinations of the first "
                f"{width} of them would have to be kept, above the {most_states:,} allowed. Leave out relations that "
                "tie distant tasks together, or add ones that rule combinations out."
            )
    return rows


def _rooted(n: int, edges: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Order cliques so that children come before parents; each tree is rooted at its first clique."""
    around: list[list[int]] = [[] for _ in range(n)]
    for a, b in edges:
        around[a].append(b)
        around[b].append(a)
    parents, seen, order = [-1] * n, [False] * n, []
    for start in range(n):
        if seen[start]:
            continue
        seen[start], queue = True, [start]
        for c in queue:
            for other in around[c]:
                if not seen[other]:
                    seen[other], parents[other] = True, c
                    queue.append(other)
        order.extend(queue)
    return order[::-1], parents


def _separator(
    child: tuple[int, ...], below: Integers, parent: tuple[int, ...], above: Integers
) -> tuple[Integers, Integers]:
    """Number the combinations that states of two neighbouring cliques have in common tasks, over both of them."""
    common = [t for t in child if t in parent]
    one, other = below[:, [child.index(t) for t in common]], above[:, [parent.index(t) for t in common]]
    _, index = np.unique(np.vstack([one, other]), axis=0, return_inverse=True)
    return index.ravel()[: len(one)], index.ravel()[len(one) :]


def _meeting(scope: tuple[int, ...], states: Integers, other: tuple[int, ...], others: Integers) -> Integers:
    """Keep the states of a clique that agree with some state of its neighbour."""
    mine, theirs = _separator(scope, states, other, others)
    return states[np.isin(mine, theirs)]


def _grouped(logits: Floats, group: Integers, groups: int) -> Floats:
    """Return the logarithm of the sum of exponentials within each group of columns, shape (n, groups)."""
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(groups))
    sorted_logits = logits[:, order]
    highest = np.maximum.reduceat(sorted_logits, starts, axis=1)
    finite = np.where(np.isneginf(highest), 0.0, highest)
    summed = np.add.reduceat(np.exp(sorted_logits - finite[:, group[order]]), starts, axis=1)
    with np.errstate(divide="ignore"):
        return np.log(summed) + finite


def _grouped_max(logits: Floats, group: Integers, groups: int) -> Floats:
    """Return the largest within each group of columns, shape (n, groups)."""
    order = np.argsort(group, kind="stable")
    return np.maximum.reduceat(logits[:, order], np.searchsorted(group[order], np.arange(groups)), axis=1)
