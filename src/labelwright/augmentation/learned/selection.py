"""Which generator to keep: judged on examples that nobody learned from, without labels or with some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn.functional import cross_entropy

from labelwright.augmentation.base import Batch
from labelwright.augmentation.batches import take
from labelwright.core.errors import ModelError

from .actions import Actions
from .discriminators import make_discriminator
from .encoders import Encoder
from .generators import Generator
from .rewards import encoded_prefixes, relative_distances

__all__ = ["Judgement", "check_valid", "hardest_to_tell", "judge", "labelled_loss"]

# Rounds of the classifier that judges with labels: enough to tell policies apart, not to be good.
_ROUNDS = 150
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Judgement:
    """How good a generator is, without labels.

    Parameters
    ----------
    auc : float
        How well a fresh classifier tells augmented held-out examples from originals; 0.5 = not at all.
    diversity : float
        Mean distance from the original; 1 = as far as two random originals.
    """

    auc: float
    diversity: float


def judge(
    generator: Generator,
    actions: Actions,
    held: Batch,
    encoder: Encoder,
    discriminator: nn.Module,
    rng: np.random.Generator,
) -> Judgement:
    """Judge a generator on held-out originals, by an opponent that it has not met.

    A fresh linear classifier learns on half of them, in the discriminator's features, to tell augmented from original
    (a two-sample test; Lopez-Paz & Oquab 2017), and answers for the other half; then the halves change places. The
    players' own losses would say how well they play each other, not how good either is.
    """
    n = len(held)
    sequences = actions.sequences(generator.draw(rng.random((n, generator.length))), np.arange(n), rng)
    encoded = encoded_prefixes(actions.policy_functions, held, sequences, encoder, rng)
    with torch.no_grad():
        discriminator.eval()
        originals, augmented = (discriminator(encoded[step])[1].cpu() for step in (0, -1))
    p_real = _answers(originals.double().numpy(), augmented.double().numpy())
    return Judgement(
        auc=float(roc_auc_score(np.repeat([1, 0], n), p_real)),
        diversity=float(relative_distances(augmented, originals).mean()),
    )


def hardest_to_tell(judgements: Sequence[Judgement]) -> int:
    """Return the position of the generator with the lowest AUC among those that do not merely do less.

    One that left every example as it is could not be told at all; so those whose diversity is under half of the median
    are passed over.
    """
    least = np.median([each.diversity for each in judgements]) / 2
    return min((each.auc, position) for position, each in enumerate(judgements) if each.diversity >= least)[1]


def _answers(originals: npt.NDArray[np.float64], augmented: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return P(real), shape (2 n,), each by a classifier that has seen neither the example nor its counterpart."""
    n, width = originals.shape
    rows = np.concatenate([originals, augmented])
    # Rows of length one, whatever the number of features and their units: one strength of regularisation fits all.
    rows = (rows - rows.mean(axis=0)) / (np.maximum(rows.std(axis=0), 1e-12) * np.sqrt(width))
    truth, halves = np.repeat([1, 0], n), np.tile(np.arange(n) % 2, 2)
    p_real = np.empty(2 * n)
    for half in (0, 1):
        there = halves != half
        classifier = LogisticRegression(C=1.0, max_iter=200).fit(rows[there], truth[there])
        p_real[~there] = classifier.predict_proba(rows[~there])[:, 1]
    return p_real


def labelled_loss(
    sample: Callable[[Batch, np.random.Generator], Batch],
    encoder: Encoder,
    valid: tuple[Batch, npt.ArrayLike],
    *,
    random_state: int,
) -> float:
    """Return the log loss of a small classifier: trained on each half of ``valid``, augmented, scored on the other.

    Parameters
    ----------
    sample : callable
        Batch and generator to an augmented batch, one for each example.
    encoder : callable
    valid : (examples, labels)
        Class codes from 0.
    random_state : int
        The same for every policy that is compared, so that they differ by their augmentation alone.
    """
    examples, labels = valid[0], np.asarray(valid[1])
    rng = np.random.default_rng(random_state)
    fold = np.empty(len(labels), dtype=np.int64)
    fold[rng.permutation(len(labels))] = np.arange(len(labels)) % 2
    total = 0.0
    for half in (0, 1):
        train, test = np.flatnonzero(fold != half), np.flatnonzero(fold == half)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(random_state)
            originals = encoder(take(examples, train))
            classifier = make_discriminator(originals.cpu(), outputs=int(labels.max()) + 1).to(originals.device)
        _train(classifier, sample, encoder, take(examples, train), labels[train], rng)
        with torch.no_grad():
            logits, _ = classifier(encoder(take(examples, test)))
            answers = torch.as_tensor(labels[test], dtype=torch.int64, device=logits.device)
            total += cross_entropy(logits, answers, reduction="sum").item()
    return total / len(labels)


def _train(
    classifier: nn.Module,
    sample: Callable[[Batch, np.random.Generator], Batch],
    encoder: Encoder,
    examples: Batch,
    labels: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> None:
    optimiser = torch.optim.Adam(classifier.parameters(), lr=0.002)
    for _ in range(_ROUNDS):
        chosen = rng.integers(len(labels), size=min(_BATCH, len(labels)))
        inputs = encoder(sample(take(examples, chosen), rng))
        logits, _ = classifier(inputs)
        answers = torch.as_tensor(labels[chosen], dtype=torch.int64, device=logits.device)
        optimiser.zero_grad()
        torch.autograd.backward(cross_entropy(logits, answers))
        optimiser.step()


def check_valid(valid: tuple[Batch, npt.ArrayLike]) -> None:
    """Raise `ModelError` unless ``valid`` is a pair of as many examples as class codes, of two classes at least."""
    if not isinstance(valid, (tuple, list)) or len(valid) != 2:
        raise ModelError("valid is a pair: (examples, labels).")
    labels = np.asarray(valid[1])
    if labels.shape != (len(valid[0]),) or labels.dtype.kind not in "iu":
        raise ModelError(
            f"valid has {len(valid[0])} examples and labels of shape {labels.shape} ({labels.dtype}); it needs one "
            "class code (int, from 0) for each example."
        )
    if len(labels) < 4 or labels.min() < 0 or len(np.unique(labels)) < 2:
        raise ModelError("valid needs at least four examples, of two classes or more, with codes from 0.")
