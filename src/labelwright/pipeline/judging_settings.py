"""What ``labelwright.toml`` may say of contracts and gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from labelwright.core import Class

__all__ = [
    "Bounds",
    "ContractsSettings",
    "FunctionContract",
    "GatesSettings",
    "SettingsTable",
    "TaskContracts",
    "TaskGates",
    "judging_faults",
]


class SettingsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: read-only, and a key that it does not know is a mistake."""


class Bounds(SettingsTable, frozen=True):
    """A share must be at least ``min`` and at most ``max``; either may be left out."""

    min: float | None = None
    max: float | None = None

    def within(self, other: Bounds) -> Bounds:
        """Return these bounds, with those of ``other`` where there is none."""
        return Bounds(min=other.min if self.min is None else self.min, max=other.max if self.max is None else self.max)

    def __str__(self) -> str:
        ends = [
            f"{word} {value:.1%}"
            for word, value in (("at least", self.min), ("at most", self.max))
            if value is not None
        ]
        return " and ".join(ends)


class FunctionContract(SettingsTable, frozen=True):
    """``[contracts.functions.NAME]``: what one function keeps to.

    ``coverage`` and ``conflict`` are shares of the examples of train on which it votes, and is contradicted;
    ``accuracy`` is the share of its votes that are right. ``never_votes`` lists classes. It must not vote where the
    expression ``silent_where`` holds, nor where the pattern ``silent_on`` occurs in a text that it reads.
    """

    coverage: Bounds = Bounds()
    conflict: Bounds = Bounds()
    accuracy: Bounds = Bounds()
    never_votes: list[Class] = []
    silent_where: str | None = None
    silent_on: str | None = None


class TaskContracts(FunctionContract, frozen=True):
    """``[contracts.tasks.NAME]``: what functions keep to on one of several tasks; ``.functions`` says more of one."""

    functions: dict[str, FunctionContract] = {}


class ContractsSettings(TaskContracts, frozen=True):
    """``[contracts]``: what every function keeps to; ``[contracts.functions.NAME]`` says more of one, or otherwise.

    Of a project with several tasks it holds on each; ``[contracts.tasks.NAME]`` says more of one, or otherwise.
    """

    # Unset, and so not in what a run keeps: a project without the tables is what it was before there were any.
    tasks: dict[str, TaskContracts] | msgspec.UnsetType = msgspec.UNSET

    @property
    def by_task(self) -> Mapping[str, TaskContracts]:
        """What is said of single tasks."""
        return {} if isinstance(self.tasks, msgspec.UnsetType) else self.tasks

    def layers(self, name: str, task: str = "") -> list[tuple[str, FunctionContract]]:
        """Return what is said of a function on a task, each with its place in the file, the most special last."""
        own = self.by_task.get(task)
        said: list[tuple[str, FunctionContract | None]] = [
            ("contracts", self),
            (f"contracts.tasks.{task}", own),
            (f"contracts.functions.{name}", self.functions.get(name)),
            (f"contracts.tasks.{task}.functions.{name}", None if own is None else own.functions.get(name)),
        ]
        return [(place, contract) for place, contract in said if contract is not None]

    def of(self, name: str, task: str = "") -> FunctionContract:
        """Return the bounds and classes of a function on a task; what it must be silent on stands in `layers`."""
        found = FunctionContract()
        for _, contract in self.layers(name, task):
            found = FunctionContract(
                coverage=contract.coverage.within(found.coverage),
                conflict=contract.conflict.within(found.conflict),
                accuracy=contract.accuracy.within(found.accuracy),
                never_votes=[*dict.fromkeys([*found.never_votes, *contract.never_votes])],
            )
        return found

    @property
    def given(self) -> bool:
        """Whether there is any."""
        return self != ContractsSettings()


class TaskGates(SettingsTable, frozen=True):
    """``[gates.tasks.NAME]``: gates of one of several tasks, where they are others than those of all."""

    flips: float | None = None
    slices: list[str] | None = None


class GatesSettings(SettingsTable, frozen=True):
    """``[gates]``: how far labels and votes may move from those of a reference.

    ``against`` names it: a snapshot, or a run as on the command line; default: the newest snapshot, or else the run
    before. ``flips`` is the largest share of labels that may flip. ``slices`` are columns (or ``"split"``, ``"group"``)
    on no value of which labels may get worse. ``drift`` is the chance of a false alarm that the test of new examples
    may have; shares that moved by ``drift_tolerance`` or less are no drift. With ``enforce``, ``labelwright run`` exits
    with 1 where a gate or contract fails, and does not only warn. Of a project with several tasks ``flips`` and
    ``slices`` hold on each; ``[gates.tasks.NAME]`` says otherwise of one.
    """

    against: str | None = None
    flips: float | None = None
    slices: list[str] = []
    drift: float | None = None
    drift_tolerance: float = 0.0
    enforce: bool = False
    tasks: dict[str, TaskGates] | msgspec.UnsetType = msgspec.UNSET

    @property
    def by_task(self) -> Mapping[str, TaskGates]:
        """What is said of single tasks."""
        return {} if isinstance(self.tasks, msgspec.UnsetType) else self.tasks

    @property
    def given(self) -> bool:
        """Whether there is any gate."""
        said: list[GatesSettings | TaskGates] = [self, *self.by_task.values()]
        return self.drift is not None or any(one.flips is not None or one.slices for one in said)

    def of_task(self, task: str) -> GatesSettings:
        """Return the gates of one task."""
        own = self.by_task.get(task, TaskGates())
        flips = self.flips if own.flips is None else own.flips
        return msgspec.structs.replace(self, flips=flips, slices=self.slices if own.slices is None else own.slices)


def judging_faults(
    contracts: ContractsSettings,
    gates: GatesSettings,
    classes: tuple[Class, ...],
    tasks: Mapping[str, Sequence[Class]] | None = None,
) -> Iterator[str]:
    """Yield what types cannot say is wrong with contracts and gates, as the end of a message.

    Parameters
    ----------
    contracts : ContractsSettings
    gates : GatesSettings
    classes : tuple of (str or int)
        Of the one task, or of all.
    tasks : mapping of str to sequence of (str or int), optional
        The states of each of several tasks.

    Examples
    --------
    >>> wrong = ContractsSettings(coverage=Bounds(min=0.5, max=0.1))
    >>> list(judging_faults(wrong, GatesSettings(), ("ham", "spam")))
    ['contracts.coverage: min is 0.5 and max is 0.1; shares are between 0 and 1, and min is at most max.']
    """
    yield from _unknown_tasks({"contracts": contracts.by_task, "gates": gates.by_task}, tasks)
    yield from _contract_faults("contracts", contracts, classes)
    for task, own in contracts.by_task.items():
        yield from _contract_faults(f"contracts.tasks.{task}", own, (tasks or {}).get(task, classes))
    numbers = {"gates.flips": gates.flips, "gates.drift_tolerance": gates.drift_tolerance}
    numbers |= {f"gates.tasks.{task}.flips": own.flips for task, own in gates.by_task.items()}
    for key, value in numbers.items():
        if value is not None and not 0 <= value <= 1:
            yield f"{key} is {value:g}; it is a share, between 0 and 1."
    if gates.drift is not None and not 0 < gates.drift < 1:
        yield f"gates.drift is {gates.drift:g}; it is the chance of a false alarm, such as 0.01."


def _unknown_tasks(
    said: Mapping[str, Mapping[str, object]], tasks: Mapping[str, Sequence[Class]] | None
) -> Iterator[str]:
    for key, by_task in said.items():
        for task in by_task:
            if tasks is None:
                yield f"{key}.tasks.{task}: the project has one task, without a name; write what it says under [{key}]."
            elif task not in tasks:
                yield f"{key}.tasks.{task}: there is no such task. There are: {', '.join(tasks)}."


def _contract_faults(place: str, contracts: TaskContracts, classes: Sequence[Class]) -> Iterator[str]:
    tables: list[tuple[str, FunctionContract]] = [(place, contracts)]
    tables += [(f"{place}.functions.{name}", table) for name, table in contracts.functions.items()]
    for where, table in tables:
        for key in ("coverage", "conflict", "accuracy"):
            bounds: Bounds = getattr(table, key)
            low, high = (default if end is None else end for end, default in ((bounds.min, 0.0), (bounds.max, 1.0)))
            if not 0 <= low <= high <= 1:
                yield (
                    f"{where}.{key}: min is {low:g} and max is {high:g}; shares are between 0 and 1, and min is at "
                    "most max."
                )
        for unknown in [c for c in table.never_votes if c not in classes]:
            yield f"{where}.never_votes names {unknown!r}; the classes are {', '.join(map(str, classes))}."
