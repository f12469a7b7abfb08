"""What each prefix of a sequence costs: how unreal its outcome looks, and how little it differs from the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from labelwright.augmentation.applying import apply_sequences
from labelwright.augmentation.base import Batch, TransformationFunction
from labelwright.augmentation.sequences import Sequences

from .encoders import Encoder

__all__ = ["PrefixLosses", "encoded_prefixes", "likeness_cost", "prefix_losses", "relative_distances", "usual_bar"]

# Where half of the penalty for likeness is gone: a tenth of how far apart two random originals are.
_HALF_DISTANCE = 0.1
# Share of real examples that count as strange, as in the safety report.
_STRANGE = 0.05


@dataclass(frozen=True, slots=True)
class PrefixLosses:
    """Losses of prefixes and what they are made of.

    Parameters
    ----------
    losses : torch.Tensor, shape (s, length + 1)
        On the CPU; the untouched example first.
    p_real : torch.Tensor, shape (s, length + 1)
        The discriminator's P(real).
    distances : torch.Tensor, shape (s, length + 1)
        From the original in the discriminator's features; 1 = as far as two random originals.
    """

    losses: torch.Tensor
    p_real: torch.Tensor
    distances: torch.Tensor


def encoded_prefixes(
    functions: Sequence[TransformationFunction],
    batch: Batch,
    sequences: Sequences,
    encoder: Encoder,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Apply sequences step by step and encode what each step gives, shape (length + 1, s, ...).

    A function that fails on an example leaves it as it was; that it does nothing is then what is learned of it.
    """
    s = len(sequences)
    untouched = Sequences(sequences.origins, np.empty((s, 0), dtype=np.int64), np.empty((s, 0)))
    current = apply_sequences(functions, batch, untouched, rng).examples
    encoded = [encoder(current)]
    for codes, magnitudes in sequences.steps():
        step = Sequences(np.arange(s), codes[:, None], magnitudes[:, None])
        current = apply_sequences(functions, current, step, rng, on_error="skip").examples
        encoded.append(encoder(current))
    return torch.stack(encoded)


@torch.no_grad()
def prefix_losses(
    discriminator: nn.Module,
    encoded: torch.Tensor,
    *,
    diversity: float,
    bar: float | None = None,
    weight: float = 1.0,
) -> PrefixLosses:
    """Return the loss of each prefix.

    loss = weight * unreal + diversity * e / (distance + e), with e = 0.1 and distances relative to that of two random
    originals: an example that is left as it is costs ``diversity`` nats, whatever the scale of the features.

    Parameters
    ----------
    discriminator : torch.nn.Module
        Returns logits and features.
    encoded : torch.Tensor, shape (length + 1, s, ...)
    diversity : float
    bar : float, optional
        Without it, unreal = -log P(real) (TANDA, equation 3, written per prefix as the released code does). With it, by
        how much the logit is below the bar: what looks no stranger than real examples do costs nothing.
    weight : float
        Of what looks unreal.
    """
    prefixes, s = encoded.shape[:2]
    logits, features = discriminator(encoded.flatten(0, 1))
    logits, features = logits.reshape(prefixes, s), features.reshape(prefixes, s, -1)
    distances = relative_distances(features, features[0])
    unreal = softplus(-logits) if bar is None else (bar - logits).clamp(min=0)
    losses = weight * unreal + likeness_cost(distances, diversity)
    return PrefixLosses(losses.T.cpu(), torch.sigmoid(logits).T.cpu(), distances.T.cpu())


@torch.no_grad()
def usual_bar(discriminator: nn.Module, held: torch.Tensor) -> float:
    """Return the logit below which one in twenty real examples lies, from some that the discriminator never saw.

    A new original lies below it with a probability of at most 1 in 20, exactly, whatever the discriminator (Vovk,
    Gammerman & Shafer 2005); with fewer than 19 held-out examples it is the lowest of their logits.

    Parameters
    ----------
    discriminator : torch.nn.Module
    held : torch.Tensor, shape (h, ...)
    """
    logits, _ = discriminator(held)
    rank = max(1, int(_STRANGE * (len(held) + 1)))
    return float(logits.reshape(-1).kthvalue(rank).values)


def likeness_cost(distances: torch.Tensor, diversity: float) -> torch.Tensor:
    """Return diversity * e / (distance + e), with e = 0.1: what staying like the original costs, in nats."""
    return diversity * _HALF_DISTANCE / (distances + _HALF_DISTANCE)


def relative_distances(features: torch.Tensor, originals: torch.Tensor) -> torch.Tensor:
    """Return mean squared distances of ``features`` (..., s, f) from ``originals`` (s, f), in units of the data.

    1 = as far as two random originals are from each other.
    """
    # Twice the variance is the mean squared difference of two random rows.
    apart = 2 * originals.var(dim=0).mean()
    return (features - originals).square().mean(dim=-1) / apart.clamp(min=1e-12)
