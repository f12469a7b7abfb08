"""Contracts: what each function promises, judged on the votes of today."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.analysis import Summary, lf_summary
from labelwright.analysis.shares import Tally, exact_bounds
from labelwright.core import Votes
from labelwright.core.errors import LabelwrightError, ModelError, ProjectError
from labelwright.functions.expression_language import parse_expression
from labelwright.labeling import LabelingFunction, regex_lf
from labelwright.labelmodels.intervals import Intervals
from labelwright.pipeline.judging_settings import Bounds, ContractsSettings, FunctionContract
from labelwright.pipeline.settings import FILE_NAME, Settings

from .state import LabelledState, StateSplit

__all__ = ["CHANCE", "ContractResult", "judge_contracts"]

# A function whose accuracy is just what its contract asks for fails by chance no more often than this.
CHANCE = 0.01

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ContractResult:
    """One promise of one function, and whether it is kept.

    Parameters
    ----------
    function : str
    contract : str
        The key in the settings: ``"coverage"``, ``"accuracy"``, ``"silent_where"``, ...
    asked : str
        What it promises, for people.
    status : {"kept", "broken", "not judged"}
    basis : str
        What it was judged on, or why it was not.
    value : float or None
        The share, or for forbidden votes how many there are.
    low, high : float or None
        Bounds on the true share; ``None`` where the value is a plain fact of the data.
    n : int
        Examples (or votes) that it was judged on.
    examples : tuple
        Ids of some examples with a forbidden vote.
    task : str
        On which of several tasks; "" where there is one.
    """

    function: str
    contract: str
    asked: str
    status: Literal["kept", "broken", "not judged"]
    basis: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    examples: tuple[Any, ...] = ()
    task: str = ""

    @property
    def who(self) -> str:
        """The function, and on which of several tasks."""
        return f"{self.function} on {self.task}" if self.task else self.function

    @property
    def figures(self) -> str:
        """The value with its bounds, for people."""
        if self.value is None:
            return ""
        if self.contract in ("never_votes", "silent_where", "silent_on"):
            such = f", such as {', '.join(map(str, self.examples))}" if self.examples else ""
            return f"{self.value:,.0f} of {self.n:,}{such}"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.1%} to {self.high:.1%}]"
        return f"{self.value:.1%}{interval} of {self.n:,}"

    @property
    def sentence(self) -> str:
        """What was asked and what was found, for people."""
        found = f"{self.figures} ({self.basis})" if self.figures else self.basis
        return f"{self.who}, {self.contract} {self.asked}: {found}"

    def __str__(self) -> str:
        return f"{self.status}: {self.sentence}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        content = {**asdict(self), "examples": list(self.examples)}
        return {key: value for key, value in content.items() if key != "task" or self.task}


def judge_contracts(
    settings: Settings, functions: Sequence[LabelingFunction], states: Mapping[str, LabelledState]
) -> list[ContractResult]:
    """Judge what the functions promise in ``[contracts]``.

    Parameters
    ----------
    settings : Settings
    functions : sequence of LabelingFunction
    states : mapping of str to LabelledState
        Votes of these functions on each task; the one task of a project is called ``""``.

    Returns
    -------
    list of ContractResult
        Task by task, in the order of the functions.

    Raises
    ------
    ProjectError
        If a contract names no function, or an expression or pattern cannot be used on the data.

    Notes
    -----
    Coverage and conflict are facts of the train split, and forbidden votes of all splits: they are compared as they
    are. Accuracy is an estimate: a contract is broken only where the bound lies outside the exact interval of the
    right share of votes on the gold of valid, by groups where there are groups, so that a function that is just as good
    as asked fails with a chance of at most 0.01. Without gold in valid, the accuracy that the label model learned is
    taken, with the interval that its jackknife gives.
    """
    contracts = settings.contracts
    _check_names("contracts", contracts.functions, "there is no such function", [f.name for f in functions])
    out: list[ContractResult] = []
    for task, state in states.items():
        # Of several tasks, a function votes on some.
        voting = [f for f in functions if f.name in state.splits["train"].votes.sources] if task else functions
        if task in contracts.by_task:
            said, lacking = contracts.by_task[task].functions, f"no such function votes on {task}"
            _check_names(f"contracts.tasks.{task}", said, lacking, [f.name for f in voting])
        found = _judged(contracts, voting, state, task)
        out += [replace(one, task=task) for one in found] if task else found
    return out


def _judged(
    contracts: ContractsSettings, functions: Sequence[LabelingFunction], state: LabelledState, task: str
) -> list[ContractResult]:
    if not functions:
        return []
    summary = lf_summary(state.splits["train"].votes)
    learned, places = _Learned(state), _Places(state)
    out: list[ContractResult] = []
    for function in functions:
        whole = contracts.of(function.name, task)
        out += _bounded(function.name, whole, summary)
        out += _accuracy(function.name, whole.accuracy, state, learned)
        out += _never(function.name, whole, state)
        for place, contract in contracts.layers(function.name, task):
            out += _silent(function, contract, state, places, f"{FILE_NAME}: {place}")
    return out


def _check_names(place: str, said: Iterable[str], lacking: str, names: Sequence[str]) -> None:
    for name in said:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ProjectError(
                f"{FILE_NAME}: {place}.functions.{name}: {lacking}.{hint} There are: {', '.join(names) or 'none'}."
            )


def _asks(bounds: Bounds) -> bool:
    return bounds != Bounds()


def _inside(bounds: Bounds, low: float, high: float) -> bool:
    """Whether some value between ``low`` and ``high`` is allowed."""
    return (bounds.min is None or high >= bounds.min) and (bounds.max is None or low <= bounds.max)


def _bounded(name: str, contract: FunctionContract, summary: Summary) -> Iterator[ContractResult]:
    row = summary[name]
    for key, bounds, share in (
        ("coverage", contract.coverage, row.coverage),
        ("conflict", contract.conflict, row.conflicts),
    ):
        if _asks(bounds):
            status: Any = "kept" if _inside(bounds, share, share) else "broken"
            yield ContractResult(name, key, str(bounds), status, "examples of train", share, n=summary.n)


class _Learned:
    """Accuracies that the label model learned, with intervals that are worked out when they are first asked for."""

    def __init__(self, state: LabelledState) -> None:
        self._state = state
        self._found: Intervals | str | None = None

    def of(self, name: str) -> tuple[float, float, float] | str:
        """Return estimate, low and high, or why there are none."""
        if self._found is None:
            try:
                self._found = self._state.intervals(1 - 2 * CHANCE)
            except (ModelError, NotImplementedError) as error:
                self._found = str(error)
        if isinstance(self._found, str):
            return self._found
        if name not in self._found.sources:
            return "nothing was learned of it"
        place, found = self._found.sources.index(name), self._found.accuracies
        if found.reasons[place] or np.isnan(found.low[place]):
            return f"the learned accuracy has no interval: {found.reasons[place]}"
        return float(found.estimate[place]), float(found.low[place]), float(found.high[place])


def _accuracy(name: str, bounds: Bounds, state: LabelledState, learned: _Learned) -> Iterator[ContractResult]:
    if not _asks(bounds):
        return
    valid = state.splits.get("valid")
    if valid is not None and valid.gold is not None and (valid.gold >= 0).any():
        yield _measured(name, bounds, valid, valid.gold)
        return
    found = learned.of(name)
    if isinstance(found, str):
        yield ContractResult(name, "accuracy", str(bounds), "not judged", f"no gold in valid, and {found}")
        return
    value, low, high = found
    n = int((_column(state.splits["train"], name) >= 0).sum())
    status: Any = "kept" if _inside(bounds, low, high) else "broken"
    basis = "learned from votes on train, since valid has no gold"
    yield ContractResult(name, "accuracy", str(bounds), status, basis, value, low, high, n)


def _measured(name: str, bounds: Bounds, valid: StateSplit, gold: npt.NDArray[np.int64]) -> ContractResult:
    said = _column(valid, name)
    tally = Tally.of(_right(valid.votes, name, said, gold), (said >= 0) & (gold >= 0), valid.groups)
    if not tally.n:
        return ContractResult(name, "accuracy", str(bounds), "not judged", "it votes on no example of valid with gold")
    low, high = exact_bounds(tally, chance=CHANCE)
    status: Any = "kept" if _inside(bounds, low, high) else "broken"
    worth = f", in {tally.groups:,} groups" if tally.groups else ""
    basis = f"votes on the gold of valid{worth}"
    return ContractResult(name, "accuracy", str(bounds), status, basis, tally.share, low, high, tally.n)


def _never(name: str, contract: FunctionContract, state: LabelledState) -> Iterator[ContractResult]:
    classes = list(state.splits["train"].votes.classes)
    # What is said of all tasks may name classes that this one does not have.
    for forbidden in (one for one in contract.never_votes if one in classes):
        code = classes.index(forbidden)
        wrong = {split: _column(part, name) == code for split, part in state.splits.items()}
        n = sum(len(rows) for rows in wrong.values())
        yield _counted(name, "never_votes", str(forbidden), wrong, state, n, "examples of all splits")


def _silent(
    function: LabelingFunction, contract: FunctionContract, state: LabelledState, places: _Places, owner: str
) -> Iterator[ContractResult]:
    for key, text in (("silent_where", contract.silent_where), ("silent_on", contract.silent_on)):
        if text is None:
            continue
        if key == "silent_where":
            holds = places.where(text, f"{owner}.{key}")
        else:
            holds = places.occurs(text, function, f"{owner}.{key}")
        wrong = {s: holds[s] & (_column(part, function.name) >= 0) for s, part in state.splits.items()}
        n = sum(int(rows.sum()) for rows in holds.values())
        yield _counted(function.name, key, text, wrong, state, n, "examples where it holds, of all splits")


def _counted(
    name: str,
    key: str,
    asked: str,
    wrong: dict[str, npt.NDArray[np.bool_]],
    state: LabelledState,
    n: int,
    basis: str,
) -> ContractResult:
    ids = np.concatenate([state.splits[split].votes.example_ids[rows] for split, rows in wrong.items()])
    status: Any = "broken" if len(ids) else "kept"
    return ContractResult(name, key, asked, status, basis, len(ids), n=n, examples=tuple(ids[:_SHOWN].tolist()))


class _Places:
    """Where expressions hold and patterns occur, by split; each is looked for once."""

    def __init__(self, state: LabelledState) -> None:
        self._state = state
        self._found: dict[tuple[Any, ...], dict[str, npt.NDArray[np.bool_]]] = {}

    def where(self, text: str, owner: str) -> dict[str, npt.NDArray[np.bool_]]:
        """Return where an expression holds."""
        if (text,) not in self._found:
            self._found[text,] = {s: _holds(part, text, owner) for s, part in self._state.splits.items()}
        return self._found[text,]

    def occurs(self, pattern: str, function: LabelingFunction, owner: str) -> dict[str, npt.NDArray[np.bool_]]:
        """Return where a pattern occurs in a text that the function reads."""
        key = (pattern, function.fields)
        if key not in self._found:
            fields = function.fields
            self._found[key] = {s: _matches(part, pattern, fields, owner) for s, part in self._state.splits.items()}
        return self._found[key]


def _holds(part: StateSplit, text: str, owner: str) -> npt.NDArray[np.bool_]:
    try:
        parsed = parse_expression(text, owner)
        frame = part.read(parsed.fields)
        found = frame.select(parsed.bind(frame.schema).alias("holds"))
    except (LabelwrightError, pl.exceptions.PolarsError) as error:
        raise ProjectError(str(error) if owner in str(error) else f"{owner}: {error}") from error
    return found["holds"].fill_null(value=False).to_numpy()


def _matches(part: StateSplit, pattern: str, fields: tuple[str, ...] | None, owner: str) -> npt.NDArray[np.bool_]:
    frame = part.read(fields)
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    if not texts:
        return np.zeros(part.votes.n, dtype=bool)  # a pattern occurs in no number
    try:
        searches = [regex_lf(owner, pattern, 0, field).expression(frame.schema) for field in texts]
    except LabelwrightError as error:
        raise ProjectError(f"{owner}: {error}") from error
    return frame.select(pl.any_horizontal(searches).alias("holds"))["holds"].fill_null(value=False).to_numpy()


def _right(votes: Votes, name: str, said: npt.NDArray[np.int64], gold: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return where a vote is right; one that names several classes is where gold is among them."""
    sets = votes.alphabet.get(name)
    if sets is None:
        return np.asarray(said == gold)
    member = np.array([[c in one for c in range(votes.k)] for one in sets])
    return np.asarray(member[said, gold])


def _column(part: StateSplit, name: str) -> npt.NDArray[np.int64]:
    return np.asarray(part.votes.select([name]).values[:, 0], dtype=np.int64)
