"""What a task of images is in the benchmark of augmentation, its rows, and how one of them is trained and scored."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from labelwright.augmentation import Policy, RandAugment, Random, TransformationFunction, TrivialAugment
from labelwright.augmentation.learned import LearnedPolicy
from labelwright.augmentation.safety import LossProportional, safety_report
from labelwright.endmodels.torch import ImageClassifier

Split = tuple[torch.Tensor, np.ndarray, torch.Tensor, torch.Tensor, np.ndarray]

LEARNED = {"mean field": "mean_field", "LSTM": "lstm", "GRU": "gru", "GRU, chosen": "gru"}
# Rows that choose between two candidates by their loss (Wu et al. 2020). Judging costs about half as much as learning
# does, so they get two thirds of the epochs: the same time for all.
CHOSEN = {"random, chosen": "random", "GRU, chosen": "GRU"}
# Uniform choice of what the safety report accepts: what of a gain is learned, and what is checked.
SAFE = "random, checked"
ROWS = ("none", "basics", "random", "RandAugment", "TrivialAugment", "mean field", "LSTM", *CHOSEN, "GRU")


@dataclass(frozen=True)
class Task:
    """A task, with everything that all of its rows share.

    Parameters
    ----------
    name : str
    split : callable
        ``split(seed, development)`` returns labelled images and their labels, unlabelled images, and images and labels
        that score.
    functions : callable
        What a user hands to every policy.
    basics : callable
        A policy by hand, as a practitioner writes it without this library.
    settings : dict
        Of the end model, the same for all rows.
    lengths : dict
        Steps of the policies that have a length, chosen on the development split.
    learning : dict
        Settings of the learned policies.
    score : callable
        ``score(labels, probs)`` in percent.
    rows : tuple of str
        Rows of its table, the champion last.
    checked : bool
        Whether learned rows first leave out, and narrow, what the safety report does not accept.
    strength : float
        Of RandAugment.
    over_basics : tuple of str
        Rows whose policy comes on top of ``basics``.
    also : dict
        More scores by name, each a callable as ``score``.
    trials : dict
        By row, what ``--development`` tries: values of each setting besides its own, in the order of the search.
    """

    name: str
    split: Callable[[int, bool], Split]
    functions: Callable[[], list[TransformationFunction]]
    basics: Callable[[], Policy]
    network: Callable[[int, int], torch.nn.Module] | str
    settings: dict[str, Any]
    lengths: dict[str, int]
    learning: dict[str, Any]
    score: Callable[[np.ndarray, np.ndarray], float]
    title: str = ""
    rows: tuple[str, ...] = ROWS
    checked: bool = False
    strength: float = 0.5
    over_basics: tuple[str, ...] = ()
    also: dict[str, Callable[[np.ndarray, np.ndarray], float]] = field(default_factory=dict)
    trials: dict[str, dict[str, tuple[float, ...]]] = field(default_factory=dict)

    def fingerprint(self, row: str) -> str:
        """Say in a line what the outcome of a run depends on."""
        shown: dict[str, Any] = dict(self.settings)
        if row in CHOSEN:
            shown["candidates"] = 2
        if CHOSEN.get(row, row) in self.lengths:
            shown["length"] = self.lengths[CHOSEN.get(row, row)]
        if row in LEARNED:
            shown |= {**self.learning, "objective": "within", "labels": True}
        if self.checked and (row in LEARNED or row == SAFE):
            shown["checked"] = True
        if row == "RandAugment" and self.strength != 0.5:
            shown["strength"] = self.strength
        if row in self.over_basics:
            shown["over_basics"] = True
        if self.also:
            # A run that did not keep these scores is not taken for one that did.
            shown["also"] = sorted(self.also)
        return json.dumps(shown, sort_keys=True, default=str)

    def tried(self, row: str, change: Mapping[str, Any]) -> Task:
        """Return the task with other settings of a row."""
        fields: dict[str, Any] = {name: value for name, value in change.items() if name == "strength"}
        if "length" in change:
            fields["lengths"] = {**self.lengths, row: change["length"]}
        if "entropy" in change:
            fields["learning"] = {**self.learning, "entropy": change["entropy"]}
        return replace(self, **fields)


def policy_of(
    task: Task, row: str, labelled: torch.Tensor, labels: np.ndarray, unlabelled: torch.Tensor, seed: int
) -> Policy | None:
    """Return the policy of a row; a learned one learns from unlabelled images, and from the labelled ones too."""
    functions = task.functions()
    row = CHOSEN.get(row, row)
    if row == "none":
        return None
    if row == "basics":
        return task.basics()
    if row == "TrivialAugment":
        return TrivialAugment(functions)
    if row == "random":
        return Random(functions, length=task.lengths[row])
    if row == "RandAugment":
        return RandAugment(functions, length=task.lengths[row], strength=task.strength)
    chosen = np.random.default_rng([seed, 1]).permutation(len(unlabelled))[: task.learning.get("examples", 5_000)]
    pictures = unlabelled[torch.from_numpy(np.sort(chosen))]
    if task.checked:
        known = [*labels.tolist(), *[None] * len(pictures)]
        report = safety_report(functions, torch.cat([labelled, pictures]), labels=known, random_state=seed)
        functions = list(report.accepted_functions())
    if row == SAFE:
        return Random(functions, length=task.lengths["random"])
    settings = {name: value for name, value in task.learning.items() if name != "examples"}
    policy = LearnedPolicy(functions, length=task.lengths[row], generator=LEARNED[row], random_state=seed, **settings)
    return policy.fit(pictures, valid=(labelled, labels))


def run(task: Task, row: str, seed: int, *, development: bool, device: str) -> dict[str, Any]:
    """Train once and score; return what to keep."""
    labelled, labels, unlabelled, others, truth = task.split(seed, development)
    start = time.process_time()
    policy = policy_of(task, row, labelled, labels, unlabelled, seed)
    learned = time.process_time()
    basics = task.basics()

    def augment(inputs: torch.Tensor, rng: np.random.Generator) -> tuple[torch.Tensor, Any]:
        if row in task.over_basics:
            inputs = basics.apply(inputs, rng).examples
        augmented = policy.apply(inputs, rng)
        return augmented.examples, augmented.origins

    def choose(inputs: torch.Tensor, rng: np.random.Generator, losses: Any) -> tuple[torch.Tensor, Any]:
        augmented = LossProportional(policy, candidates=2).apply(inputs, rng, loss=losses)
        return augmented.examples, augmented.origins

    settings = dict(task.settings)
    if row in CHOSEN:
        settings["epochs"] = settings["epochs"] * 2 // 3
    model = ImageClassifier(
        task.network,
        augment=None if policy is None else choose if row in CHOSEN else augment,
        random_state=seed,
        device=device,
        **settings,
    )
    model.fit(labelled, labels)
    trained = time.process_time()
    probs = model.predict_proba(others)
    found: dict[str, Any] = {
        "score": round(task.score(truth, probs), 3),
        **{name: round(score(truth, probs), 4) for name, score in task.also.items()},
        "learning": round(learned - start, 1),
        "training": round(trained - learned, 1),
    }
    if isinstance(policy, LearnedPolicy):
        found["outcome"] = policy.outcome_
    return found


def accuracy(truth: np.ndarray, probs: np.ndarray) -> float:
    return 100 * float((probs.argmax(axis=1) == truth).mean())


def balanced_accuracy(truth: np.ndarray, probs: np.ndarray) -> float:
    right = probs.argmax(axis=1) == truth
    return 100 * float(np.mean([right[truth == c].mean() for c in np.unique(truth)]))


def area_under_curve(truth: np.ndarray, probs: np.ndarray) -> float:
    return 100 * float(roc_auc_score(truth, probs[:, 1]))
