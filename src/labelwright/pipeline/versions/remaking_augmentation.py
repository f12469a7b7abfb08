"""Making the augmentation of a run once more, and comparing: its examples, what is safe, the policy, the copies."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from labelwright.augmentation import TransformationFunction
from labelwright.core.errors import LabelwrightError
from labelwright.pipeline.augmenting.copies import AugmentationRecord, KeptCopies
from labelwright.pipeline.augmenting.stage import Augmenting
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.keep import KeptRun, open_store
from labelwright.pipeline.kept.unwritten import Unwritten
from labelwright.pipeline.source_files import read_source, write_source
from labelwright.pipeline.supervision import load_supervision
from labelwright.store import ArtifactFolder, ArtifactId, Store

from .remaking import Remade, differences_of, judge_differences

__all__ = ["remake_augmentation"]

Tell = Callable[[str], None]


class _Scratch(Unwritten):
    """Reads from a store and writes nowhere near it; folders are held beside, in one that goes away."""

    def __init__(self, store: Store, beside: Path) -> None:
        super().__init__(store)
        self._folders = ArtifactFolder(beside)

    def put_folder(self, kind: str, folder: Path) -> ArtifactId:
        """Hold a copy of a folder."""
        return self._folders.put_folder(kind, folder)

    def get_folder(self, key: ArtifactId) -> Path:
        """Return a folder that is held, or kept."""
        return self._folders.get_folder(key) if self._folders.exists(key) else super().get_folder(key)


class _Silent:
    """Notes that nobody reads."""

    def safety(self) -> None:
        """Do nothing."""

    def policy(self) -> None:
        """Do nothing."""

    def copies(self, rows: int) -> None:
        """Do nothing."""


def remake_augmentation(run: KeptRun, *, step: Tell) -> Iterator[tuple[str, Remade]]:
    """Yield what was made again of a run's augmentation, and how it compares; nothing where it augmented nothing.

    The policy is learned again from the kept examples, as long as that takes; copies are made again with the kept
    policy.
    """
    if "policy" not in run.row.artifacts:
        return
    functions = _functions_of(run)
    if functions is None:
        reason = "no transformation functions of the run's versions are there, neither today's nor in its source"
        yield "policy and copies", Remade("not checked", reason)
        return
    with tempfile.TemporaryDirectory() as temporary:
        database = Database(_Scratch(run.store, Path(temporary)), open_store(run.folder)[1], full=True, dry=True)
        step("learning the policy again")
        made = _augmenting(run, functions, database, Path(temporary), step, {})
        made.settle()
        for role in ("unlabelled", "labelled", "safety"):
            if role in run.row.artifacts:
                yield _NAMES[role], _same_id(run.artifact(role), made.artifacts.get(role))
        yield "policy", _same_policy(run, made.artifacts["policy"], database.store)
        step("augmenting again")
        again = _augmenting(run, functions, database, Path(temporary), step, {"policy": run.artifact("policy")})
        again.copies()
        yield "augmented copies", _same_copies(run, again.artifacts["augmentation"], database.store)


_NAMES = {"unlabelled": "unlabelled examples", "labelled": "labelled examples", "safety": "safety"}


def _augmenting(
    run: KeptRun,
    functions: Sequence[TransformationFunction],
    database: Database,
    folder: Path,
    step: Tell,
    artifacts: dict[str, ArtifactId],
) -> Augmenting:
    return Augmenting(folder, run.settings(), database, run.kept_data, functions, _Silent(), step, artifacts, {})


def _functions_of(run: KeptRun) -> list[TransformationFunction] | None:
    """Return the run's transformation functions: today's, or those of the source that it kept."""
    wanted = [(one["name"], one["version"]) for one in run.transformation_records()]
    found = _matching(run.folder, wanted)
    if found is None and "source" in run.row.artifacts:
        with tempfile.TemporaryDirectory() as temporary:
            write_source(read_source(run.store, run.artifact("source")), Path(temporary))
            found = _matching(Path(temporary), wanted)
    return found


def _matching(folder: Path, wanted: Sequence[tuple[str, str]]) -> list[TransformationFunction] | None:
    try:
        known = {(f.name, f.version): f for f in load_supervision(folder).transformations}
    except LabelwrightError:
        return None
    return [known[one] for one in wanted] if all(one in known for one in wanted) else None


def _same_id(kept: ArtifactId, made: ArtifactId | None) -> Remade:
    return Remade("equal", "bit for bit") if kept == made else Remade("differs", f"{kept.short} was kept")


def _same_policy(run: KeptRun, made: ArtifactId, store: Store) -> Remade:
    kept = run.artifact("policy")
    before, after = run.store.get_json(kept), store.get_json(made)
    what = f"{before['policy']}, {len(before['functions'])} functions"
    if before.get("learned") is None:
        what += ", nothing to learn"
    if kept == made:
        return Remade("equal", f"{what}: bit for bit")
    differ = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    if differ == ["learned"]:
        # What it draws, and not its weights: these differ in their last digits on other processors.
        shares = [_frequencies(one, record["learned"]) for one, record in ((run.store, before), (store, after))]
        return judge_differences(dict(differences_of(*shares)), f"{what}: how often each is drawn")
    return Remade("differs", f"{what}: {', '.join(sorted(differ))} came out otherwise")


def _frequencies(store: Store, learned: str) -> Any:
    text = (store.get_folder(ArtifactId.parse(learned)) / "policy.json").read_text(encoding="utf-8")
    return json.loads(text)["frequencies"]


def _same_copies(run: KeptRun, made: ArtifactId, store: Store) -> Remade:
    before, after = (
        msgspec.convert(one.get_json(key), AugmentationRecord)
        for one, key in ((run.store, run.artifact("augmentation")), (store, made))
    )
    count = len(KeptCopies(run.store, before).all())
    if before == after:
        return Remade("equal", f"{count:,} copies: bit for bit")
    if len(before.blocks) != len(after.blocks):
        return Remade("differs", f"there are {len(after.blocks)} blocks, and {len(before.blocks)} were kept")
    wrong = sum(one != other for one, other in zip(before.blocks, after.blocks, strict=True))
    return Remade("differs", f"copies came out otherwise in {wrong:,} of {len(before.blocks):,} blocks")
