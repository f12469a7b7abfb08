"""What augmentation adds to a run, step by step: examples to learn from, what is safe, the policy, the copies."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright import endmodels
from labelwright.augmentation import Policy, TransformationFunction
from labelwright.core import hash_ids
from labelwright.core.errors import ProjectError
from labelwright.pipeline.kept.database import Database, library_versions
from labelwright.pipeline.kept.keep import STORE_FOLDER, KeptRun
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.settings import FILE_NAME, AugmentationSettings, Settings
from labelwright.store import ArtifactId, Recipe

from .copies import Copying, KeptCopies
from .fields import Examples, as_examples, check_fields
from .policies import PolicyRecord, check_options, learn_policy, open_policy, policy_record
from .safe import accepted_functions, judge_safety

__all__ = ["Augmenting", "AugmentingNotes", "checked_transformations", "learning_folder"]

Tell = Callable[[str], None]

# With fewer, what a student learns from them says nothing.
_FEWEST_LABELLED = 16


class AugmentingNotes(Protocol):
    """Who is told what is made again."""

    def safety(self) -> None:
        """Note that the safety of functions is judged."""

    def policy(self) -> None:
        """Note that the policy is learned."""

    def copies(self, rows: int) -> None:
        """Note that copies of so many examples are made."""


def checked_transformations(
    settings: Settings, functions: Sequence[TransformationFunction], columns: Sequence[str]
) -> AugmentationSettings | None:
    """Return the settings of augmentation, where there are any and they fit the functions and the data.

    Raises
    ------
    ProjectError
        If there is no function, one transforms what the end model does not read, or an option is not of the policy.
    MissingExtraError
        If the policy is learned and torch is not installed.
    """
    chosen = settings.augmentation
    if isinstance(chosen, msgspec.UnsetType):
        return None
    if not functions:
        raise ProjectError(
            f"{FILE_NAME} has [augmentation], but supervision.py holds no transformation function. Write one, such "
            "as\n\n"
            '    @lw.transformation_function(field="text")\n'
            "    def lower(text):\n"
            "        return text.lower()\n\n"
            "or take [augmentation] out."
        )
    check_fields(functions, settings.end_model, columns)
    check_options(chosen, functions)
    return chosen


def learning_folder(folder: Path) -> Path:
    """Return where policies that are being learned keep their checkpoints."""
    return folder / STORE_FOLDER / "learning"


@dataclass
class Augmenting:
    """The steps of augmentation; each is made only where what it hangs on changed.

    Parameters
    ----------
    folder : Path
        The project's.
    settings : Settings
        With ``[augmentation]``.
    database : Database
    data : KeptData
        Of several data sets those are augmented that the end model can read; positions are among their examples.
    functions : sequence of TransformationFunction
    notes : AugmentingNotes
    tell : callable of str
        Told what is being done.
    artifacts : dict of str to ArtifactId
        What the run made so far, by role; what is made here is added.
    operations : dict of str to int
        Likewise.
    base : KeptRun or None
        The run before, whose policy may be kept.
    dry : bool
        Make nothing that is not kept: steps after one that is missing stay unknown.
    """

    folder: Path
    settings: Settings
    database: Database
    data: KeptData
    functions: Sequence[TransformationFunction]
    notes: AugmentingNotes
    tell: Tell
    artifacts: dict[str, ArtifactId]
    operations: dict[str, int]
    base: KeptRun | None = None
    dry: bool = False

    def __post_init__(self) -> None:
        self.data = self.data.having(self.settings.end_model.fields)

    @property
    def chosen(self) -> AugmentationSettings:
        """The settings of augmentation."""
        assert not isinstance(self.settings.augmentation, msgspec.UnsetType)
        return self.settings.augmentation

    @property
    def kind(self) -> str:
        """The kind of the end model."""
        return self.settings.end_model.kind

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The fields of the end model, of all of train."""
        return self.data.frame("train", self.settings.end_model.fields)

    def run(self) -> KeptCopies | None:
        """Do all of it; return the copies, or ``None`` in a dry run that cannot know them."""
        if self.settle() is None:
            self.notes.copies(self.data.record.splits["train"])
            return None
        return self.copies()

    def settle(self) -> Sequence[TransformationFunction] | None:
        """Settle what the policy is, learning it where it has to be; ``None`` in a dry run that cannot know.

        Returns
        -------
        sequence of TransformationFunction or None
            Its functions.
        """
        functions = self.safe_functions()
        learned = None
        if self.chosen.policy == "learned":
            if functions is None:
                self.notes.policy()
                return None
            learned = self._learned(functions)
            if learned is None:
                return None
        if functions is None:
            return None
        record = policy_record(self.chosen, functions, None if learned is None else str(learned))
        self.artifacts["policy"] = self.database.store.put_json("policy", msgspec.to_builtins(record))
        return functions

    def policy(self) -> Policy:
        """Return the policy that `settle` settled on."""
        record = msgspec.convert(self.database.store.get_json(self.artifacts["policy"]), PolicyRecord)
        return open_policy(self.database.store, record, self.chosen, self.functions)

    def safe_functions(self) -> Sequence[TransformationFunction] | None:
        """Return the functions that are used: all, or what is safe of them; ``None`` where a dry run cannot know.

        Raises
        ------
        ProjectError
            If none is safe.
        """
        if not self.chosen.safety:
            return self.functions
        examples, store = self.examples(), self.database.store
        recipe = self._recipe_of("safety", self.functions)
        key = self.database.found(recipe)
        if key is None:
            self.notes.safety()
            if self.dry:
                return None
            self.tell("judging which transformation functions are safe")
            began = time.perf_counter()
            key = store.put_json("safety", judge_safety(self.functions, examples, self._encode(examples), self.chosen))
            self.database.record([(recipe, key)], seconds=time.perf_counter() - began, rows=1)
        self.artifacts["safety"] = key
        return accepted_functions(self.functions, store.get_json(key))

    def copies(self) -> KeptCopies | None:
        """Return the copies of train under the policy, made where they are not kept; ``None`` in a dry run."""
        store, fields = self.database.store, self.settings.end_model.fields
        recipe = self._copies_recipe()
        key = self.database.found(recipe)
        if key is not None:
            self.artifacts["augmentation"] = key
            return KeptCopies.read(store, key)
        copying = Copying(self.database, self.chosen, self.kind, self.artifacts["policy"], self.frame)
        if copying.missing_rows:
            self.notes.copies(copying.missing_rows)
            if self.dry:
                return None
        policy = self.policy()
        for done in copying.run(policy):
            self.tell(f"augmenting: {done:,} of {copying.missing_rows:,} examples")
        record = copying.record([f.name for f in policy.functions], fields)
        key = self.artifacts["augmentation"] = store.put_json("augmentation", msgspec.to_builtins(record))
        self.database.record([(recipe, key)])
        self.operations["examples_augmented"] = copying.made
        return KeptCopies(store, record)

    def examples(self) -> Examples:
        """Return the examples of train that policies are learned from, at most ``augmentation.examples``."""
        if "unlabelled" not in self.artifacts:
            store = self.database.store
            self.artifacts["unlabelled"] = store.put_table("unlabelled", self._sample().to_arrow())
        return self._records(self.artifacts["unlabelled"])

    def _sample(self) -> pl.DataFrame:
        """Draw by the hash of ids: what is looked at changes little where examples come or go."""
        most = self.chosen.examples
        if self.frame.height <= most:
            return self.frame
        order = np.argsort(hash_ids(self.data.ids("train"), salt=self.chosen.random_state), kind="stable")
        return self.frame[np.sort(order[:most])]

    def _labelled(self) -> tuple[Examples, npt.NDArray[np.int64]] | None:
        """Return the examples of valid with gold and their class codes, where the policy is to learn from them."""
        if not self.chosen.valid:
            return None
        gold = self.data.gold("valid") if "valid" in self.data.splits else None
        codes = np.zeros(0, dtype=np.int64) if gold is None else gold
        known = np.flatnonzero(codes >= 0)
        if len(known) < _FEWEST_LABELLED or len(np.unique(codes[known])) < 2:
            raise ProjectError(
                f"{FILE_NAME} sets augmentation.valid, which needs gold on {_FEWEST_LABELLED} examples of valid at "
                f"least, of two classes or more; {len(known)} have it. Set data.gold and a split valid, or take it out."
            )
        frame = self.data.frame("valid", self.settings.end_model.fields)[known]
        # The fields in one column: one of them may itself be called gold.
        table = pl.DataFrame({"example": frame.to_struct(), "gold": codes[known]})
        self.artifacts["labelled"] = self.database.store.put_table("labelled", table.to_arrow())
        return as_examples(frame, self.kind, self.functions), codes[known]

    def _records(self, key: ArtifactId) -> Examples:
        frame = pl.from_arrow(self.database.store.get_table(key))
        assert isinstance(frame, pl.DataFrame)
        return as_examples(frame, self.kind, self.functions)

    def _learned(self, functions: Sequence[TransformationFunction]) -> ArtifactId | None:
        """Return the artifact of the learned policy: the one that was learned from just this, or a new one."""
        examples, valid = self.examples(), self._labelled()
        recipe = self._learned_recipe(functions)
        key = self.database.found(recipe) or self._older(functions)
        if key is None:
            self.notes.policy()
            if self.dry:
                return None
            key = self._learn(functions, examples, valid, recipe)
        return key

    def _older(self, functions: Sequence[TransformationFunction]) -> ArtifactId | None:
        """Return the learned policy of an earlier run where the settings keep it, for the same functions."""
        if self.chosen.refresh != "keep" or self.base is None or "policy" not in self.base.row.artifacts:
            return None
        before = msgspec.convert(self.database.store.get_json(self.base.artifact("policy")), PolicyRecord)
        now = policy_record(self.chosen, functions)
        same = (before.functions, before.options.get("length")) == (now.functions, now.options.get("length"))
        return None if before.learned is None or not same else ArtifactId.parse(before.learned)

    def _learn(
        self,
        functions: Sequence[TransformationFunction],
        examples: Examples,
        valid: tuple[Examples, npt.NDArray[np.int64]] | None,
        recipe: Recipe,
    ) -> ArtifactId:
        began = time.perf_counter()
        place = learning_folder(self.folder) / recipe.digest
        self.tell("learning the policy")
        policy: Any = learn_policy(
            self.chosen,
            functions,
            examples,
            encode=self._encode(examples),
            valid=valid,
            checkpoint=place,
            progress=lambda said: self.tell(f"learning the policy: {said}"),
        )
        with tempfile.TemporaryDirectory() as temporary:
            policy.save(Path(temporary) / "policy")
            key = self.database.store.put_folder("learned_policy", Path(temporary) / "policy")
        self.database.record([(recipe, key)], seconds=time.perf_counter() - began, rows=1)
        self.operations["policies_learned"] = 1
        # Only now: whoever is stopped before goes on from what lies there.
        shutil.rmtree(place, ignore_errors=True)
        return key

    def _encode(self, examples: Examples) -> Callable[[Examples], Any] | None:
        return None if self.kind == "text" else numbers_of(examples)

    def _recipe_of(self, kind: str, functions: Sequence[TransformationFunction], **parameters: Any) -> Recipe:
        """Return the recipe of what is worked out from functions and unlabelled examples alone."""
        common = {
            "functions": [[f.name, f.version] for f in functions],
            "kind": self.kind,
            "random_state": self.chosen.random_state,
            "versions": library_versions(),
        }
        return Recipe(kind, {"examples": self.artifacts["unlabelled"]}, common | parameters)

    def _learned_recipe(self, functions: Sequence[TransformationFunction]) -> Recipe:
        options = {name: getattr(self.chosen, name) for name in ("length", "generator", "steps")}
        recipe = self._recipe_of("learned_policy", functions, torch=version("torch"), **options)
        if "labelled" not in self.artifacts:
            return recipe
        return Recipe(recipe.kind, {**recipe.inputs, "labelled": self.artifacts["labelled"]}, recipe.parameters)

    def _copies_recipe(self) -> Recipe:
        """Return what all copies hang on: which rows there are, and not yet what they hold."""
        rows = [(part.data, part.hashes, part.splits, part.positions) for part in self.data.parts]
        parameters = {
            "rows": hashlib.sha256(msgspec.json.encode(rows)).hexdigest(),
            "fields": self.settings.end_model.fields,
            "kind": self.kind,
            "on_error": self.chosen.on_error,
            "random_state": self.chosen.random_state,
            "versions": library_versions(),
        }
        return Recipe("augmentation", {"policy": self.artifacts["policy"]}, parameters)


def numbers_of(examples: Examples) -> Callable[[Examples], Any]:
    """Return what turns examples of numbers into rows for a discriminator: filled and scaled as the end model does.

    Examples
    --------
    >>> encode = numbers_of([{"size": 1.0}, {"size": 3.0}])
    >>> encode([{"size": 2.0}, {"size": float("nan")}]).tolist()
    [[0.0], [0.0]]
    """
    names = [] if isinstance(examples, np.ndarray) else list(examples[0])

    def table(some: Examples) -> Any:
        if isinstance(some, np.ndarray):
            return some
        return endmodels.end_model.read_fields("tabular", names, {name: [one[name] for one in some] for name in names})

    features = endmodels.tabular_classifier()[:-1].fit(table(examples))
    return lambda some: features.transform(table(some))
