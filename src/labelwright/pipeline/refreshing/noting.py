"""Why things are made again: the notes that a refresh takes, with the costs that the last run recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from labelwright.pipeline.kept.data_record import DataRecord
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.kept_tasks import ComponentVotes, read_by_name
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId

from .plan import Plan, Stage, Step, function_changes, setting_changes
from .reading import data_changes

__all__ = ["Notes"]

_NAMES_SHOWN = 3

STALE = 'kept as it was, though it is stale: end_model.refresh = "keep"'


class Notes:
    """The steps of a refresh, each with its reason: what differs from an earlier run.

    Parameters
    ----------
    database : Database
    settings : Settings
    base : KeptRun or None
        The run to compare with.
    """

    def __init__(self, database: Database, settings: Settings, base: KeptRun | None) -> None:
        self.database = database
        self.settings = settings
        self.base = base
        self.steps: list[Step] = []
        self._anew = "everything is made again" if database.full else "first run"
        if database.mend:
            self._anew = "something that was kept is lost or damaged"
        self._of_data = self._anew if self.whole is None else ""
        self._of_transformations = self._anew
        self._copies_change = False
        self._of_functions: dict[str, str] = {}
        # What is made again of each component of the task graph, by its first task.
        self.of_components: dict[str, list[Step]] = {}
        before = None if base is None else database.store.get_json(base.artifact("settings"))
        self._settings = setting_changes(before, msgspec.to_builtins(settings))
        # Of data sets that come and go, the data tells.
        self._data_sets = set(settings.sets) & set((before or {}).get("data_sets", ()))

    @property
    def whole(self) -> KeptRun | None:
        """The run to compare with, where it kept its data and votes in parts."""
        return self.base if self.base is not None and "data" in self.base.row.artifacts else None

    @property
    def plan(self) -> Plan:
        """The steps so far."""
        run = "" if self.base is None else f"run {self.base.row.number} ({self.base.row.run_id})"
        return Plan(tuple(self.steps), run)

    @property
    def of_model(self) -> str:
        """Why the label model is stale."""
        return self._of_settings("label_model.") or self._of_data or "votes change"

    def add(self, stage: Stage, what: str, reason: str, operations: int = 0, seconds: float | None = None) -> None:
        """Note a step."""
        self.steps.append(Step(stage, what, reason, operations, seconds))

    def data(self, after: DataRecord) -> None:
        """Note what changed in the data."""
        rows = sum(part.rows for _, part in after.parts())
        if self.whole is None:
            self.add("data", "data", self._of_data, rows)
            return
        before = self.whole.kept_data.record
        changes = data_changes(self.database.store, before, after)
        if changes is not None:
            known = {part.digest for _, part in before.parts()}
            self._of_data = str(changes)
            self.add("data", "data", str(changes), sum(p.rows for _, p in after.parts() if p.digest not in known))

    def votes(self, work: Mapping[str, int], records: Sequence[Mapping[str, Any]]) -> None:
        """Note whose votes are made: ``work`` holds rows by function."""
        changes = {} if self.base is None else function_changes(self.base.function_records(), records)
        self._of_functions = changes
        for name in [n for n in work if n in changes]:
            self.add("votes", f"votes of {name}", changes[name], work[name], self._vote_seconds(name, work[name]))
        rest = [n for n in work if n not in changes]
        if rest:
            # Votes that were made together cost the same each.
            cost = self._vote_seconds(rest[0], sum(work[n] for n in rest))
            what = f"votes of {rest[0]}" if len(rest) == 1 else f"votes of {len(rest)} functions"
            reason = (
                self._of_settings("task.classes", "tasks.", "relations", "apply.", "data_sets.")
                or self._of_data
                or "their votes were not kept"
            )
            self.add("votes", what, reason, sum(work[n] for n in rest), cost)
        for name, why in changes.items():
            if why == "removed":
                self.add("votes", f"votes of {name}", why)

    def slices(self, work: Mapping[str, int], records: Sequence[Mapping[str, Any]]) -> None:
        """Note which slices are found: ``work`` holds rows by slicing function."""
        changes = {} if self.base is None else function_changes(self.base.slicing_records(), records)
        for name, rows in work.items():
            reason = changes.get(name) or self._of_data or self._of_settings("apply.") or "it was not kept"
            self.add("slices", f"slice {name}", reason, rows)
        for name, why in changes.items():
            if why == "removed":
                self.add("slices", f"slice {name}", why)

    def stats(self, rows: int) -> None:
        """Note that votes are summarised."""
        self.add("stats", "sums of votes", self.of_model, rows, self._seconds("stats", rows))

    def label_model(self) -> None:
        """Note that the label model is solved."""
        self.add("label_model", "label model", self.of_model, 1, self._model_seconds("label_model"))

    def component_stats(self, component: ComponentVotes, rows: int) -> None:
        """Note that votes on the tasks of a component are summarised."""
        cost = self._component_seconds("task_stats", component.graph.names[0], rows)
        self._add(component, "stats", "sums of votes on", self._of_component(component), rows, cost)

    def component_model(self, component: ComponentVotes) -> None:
        """Note that the joint label model of a component is solved."""
        cost = self._component_seconds("task_models", component.graph.names[0], 1)
        self._add(component, "label_model", "label model of", self._of_component(component), 1, cost)

    def component_labels(self, component: ComponentVotes, rows: int) -> None:
        """Note that examples are labelled on the tasks of a component."""
        if rows:
            reason = "the label model changes" if self.whole else self._anew
            known = self.of_components.get(component.graph.names[0], ())
            if self.whole and not any(step.stage == "label_model" for step in known):
                reason = self._of_component(component)
            cost = self._component_seconds("task_labels", component.graph.names[0], rows)
            self._add(component, "soft_labels", "soft labels of", reason, rows, cost)

    def _add(
        self, component: ComponentVotes, stage: Stage, what: str, reason: str, operations: int, seconds: float | None
    ) -> None:
        """Note a step of a component, also under its name."""
        self.add(stage, f"{what} {_listed(component.graph.names)}", reason, operations, seconds)
        self.of_components.setdefault(component.graph.names[0], []).append(self.steps[-1])

    def _of_component(self, component: ComponentVotes) -> str:
        """Say why what comes of the votes on some tasks is stale."""
        of_settings = self._of_settings("label_model.") or self._of_data or self._of_settings("data_sets.")
        if of_settings or self.whole is None:
            return of_settings or self._anew
        before = self.whole.kept_task_votes.components.get(component.graph.names[0])
        if before is None or before.graph.names != component.graph.names:
            return "other tasks hang together"
        if (before.graph.tasks, before.graph.relations) != (component.graph.tasks, component.graph.relations):
            return self._of_settings("tasks.", "relations") or "tasks or relations change"
        voting = {name for one in (before, component) for votes in one.by_task.values() for name in votes.sources}
        changed = {name: why for name, why in self._of_functions.items() if name in voting}
        told = [f"{name} ({why})" if why in ("new", "removed") else name for name, why in changed.items()]
        return f"votes of {_listed(told)} change" if told else "votes change"

    def _component_seconds(self, role: str, name: str, rows: int) -> float | None:
        """Return what rows of a component cost in the earlier run, times ``rows``."""
        if self.whole is None or role not in self.whole.row.artifacts:
            return None
        key = read_by_name(self.database.store, self.whole.artifact(role)).get(name)
        if key is None or role == "task_models":
            return None if key is None else self._cost(str(key), rows)
        return self._cost(self.database.store.get_json(key)["parts"][0], rows)

    def soft_labels(self, rows: int) -> None:
        """Note that examples are labelled."""
        if rows:
            reason = "the label model changes" if self.whole else self._anew
            self.add("soft_labels", "soft labels", reason, rows, self._seconds("soft_labels", rows))

    def transformations(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Take note of what became of the transformation functions, for the steps that hang on them."""
        if self.base is None:
            return
        if "policy" not in self.base.row.artifacts:
            self._of_transformations = "augmentation is new"
            return
        changes = function_changes(self.base.transformation_records(), records)
        told = "; ".join(f"{name}: {why}" for name, why in changes.items())
        self._of_transformations = told or self._of_settings("augmentation.")

    def safety(self) -> None:
        """Note that the safety of transformation functions is judged."""
        self.add("safety", "safety of transformations", self.of_policy, 1, self._model_seconds("safety"))

    def policy(self) -> None:
        """Note that the policy is learned."""
        self.add("policy", "policy", self.of_policy, 1, self._model_seconds("policy"))

    def copies(self, rows: int) -> None:
        """Note that augmented copies of examples are made."""
        self._copies_change = True
        reason = self.of_policy
        self.add("augmentation", "augmented copies", reason, rows, self._copies_seconds(rows))

    @property
    def of_policy(self) -> str:
        """Why what comes of transformation functions is stale."""
        return self._of_transformations or self._of_data or "its examples change"

    def end_model(self, *, kept: bool) -> None:
        """Note that the end model is trained, or kept although it is stale."""
        if kept:
            self.add("end_model", "end model", STALE)
            return
        reason = "its training labels change" if self.whole else self._anew
        if self.whole and self._copies_change and not any(step.stage == "soft_labels" for step in self.steps):
            reason = "its augmented copies change"
        reason = self._of_settings("end_model.") or reason
        self.add("end_model", "end model", reason, 1, self._model_seconds("end_model"))

    def end_models(self, tasks: Sequence[str], *, kept: bool) -> None:
        """Note that the end models of some of several tasks are trained, or kept although they are stale."""
        if not tasks:
            return
        what = f"end model of {_listed(tasks)}"
        if kept:
            self.add("end_model", what, STALE)
            return
        reason = "training labels change" if self.whole else self._anew
        relabelled = any(step.stage == "soft_labels" for step in self.steps)
        if self.whole and self._copies_change and not relabelled:
            reason = "augmented copies change"
        self.add("end_model", what, self._of_settings("end_model.") or reason, len(tasks))

    def _of_settings(self, *keys: str) -> str:
        """Return which settings that begin so changed, for people; empty where none did."""
        found = [key for key in self._settings if key.startswith(keys) and key != "end_model.refresh"]
        # Gold of one of several tasks is for scores alone.
        found = [key for key in found if not (key.startswith("tasks.") and key.endswith(".gold"))]
        kept = {f"data_sets.{name}.{key}" for name in self._data_sets for key in ("tasks", "functions")}
        found = [key for key in found if key in kept or not key.startswith("data_sets.")]
        return f"settings: {', '.join(found)} changed" if found else ""

    def _vote_seconds(self, name: str, rows: int) -> float | None:
        if self.whole is None:
            return None
        kept = self.whole.kept_task_votes.by_task.values() if self.whole.tasks else [self.whole.kept_votes]
        first = [next(iter(votes.data.numbers)) for votes in kept]
        columns = [dict(votes.part_record(part).votes).get(name) for votes, part in zip(kept, first, strict=True)]
        costs = [self._cost(key, rows) for key in columns if key is not None]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known else None

    def _seconds(self, role: str, rows: int) -> float | None:
        """Return what rows cost in the earlier run, times ``rows``."""
        if self.whole is None or role not in self.whole.row.artifacts:
            return None
        return self._cost(self.database.store.get_json(self.whole.artifact(role))["parts"][0], rows)

    def _copies_seconds(self, rows: int) -> float | None:
        if self.base is None or "augmentation" not in self.base.row.artifacts:
            return None
        blocks = self.database.store.get_json(self.base.artifact("augmentation"))["blocks"]
        return self._cost(blocks[0]["copies"], rows)

    def _model_seconds(self, role: str) -> float | None:
        if self.base is None:
            return None
        if role == "end_model" and "task_end_models" in self.base.row.artifacts:
            # One network: the same for every task that it learned.
            found = set(read_by_name(self.database.store, self.base.artifact("task_end_models")).values())
            return self._cost(str(found.pop()), 1) if len(found) == 1 else None
        if role not in self.base.row.artifacts:
            return None
        key = str(self.base.artifact(role))
        if role == "policy":  # what took time is learning it
            key = self.database.store.get_json(self.base.artifact(role)).get("learned") or key
        return self._cost(key, 1)

    def _cost(self, key: str, rows: int) -> float | None:
        cost = self.database.seconds_per_row(ArtifactId.parse(key))
        return None if cost is None else cost * rows


def _listed(names: Sequence[str]) -> str:
    """Return some names, for people."""
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
