"""Transformation regularisation: what may be done to an example must not change what the network says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch

from labelwright.core.errors import ModelError

__all__ = ["TransformationRegularisation", "inconsistency"]


@dataclass(frozen=True, slots=True, eq=False)
class TransformationRegularisation:
    """A term in the loss that asks for the same answer on every augmented copy of an example, labelled or not.

    ``weight * mean over examples of the mean squared distance between the logits of two of its copies``, added to the
    noise-aware loss. It needs no label, so it learns from every unlabelled example too.

    Parameters
    ----------
    weight : float
        At least 0. In the paper 0.1 or 0.5.
    unlabelled : array_like or torch.Tensor of shape (u, ...), optional
        Examples without labels, of the same shape as the inputs; each step takes some of them.
    copies : int, default 2
        Augmented copies of each example in a step, at least 2. The noise-aware loss is the mean over the copies.
    unlabelled_share : float, default 1.0
        Unlabelled examples in a step, for each labelled one.
    of : {"logits", "probs"}, default "logits"
        What is compared. Distances between probabilities are bounded, which lets the weight be large.

    Raises
    ------
    ModelError
        If a setting is not allowed.

    Notes
    -----
    Ratner, Ehrenberg, Hussain, Dunnmon and Ré, "Learning to compose domain-specific transformations for data
    augmentation", NeurIPS 2017, section 5 ("transformation regularization"; ``ls_term`` in its code).

    Examples
    --------
    >>> TransformationRegularisation(0.5).copies
    2
    """

    weight: float
    unlabelled: Any = None
    copies: int = 2
    unlabelled_share: float = 1.0
    of: Literal["logits", "probs"] = "logits"

    def __post_init__(self) -> None:
        if not (self.weight >= 0 and self.unlabelled_share >= 0):
            raise ModelError(
                f"weight is {self.weight} and unlabelled_share is {self.unlabelled_share}; both must be at least 0."
            )
        if self.copies < 2:
            raise ModelError(f"copies is {self.copies}; there must be at least 2 to compare.")
        if self.of not in ("logits", "probs"):
            raise ModelError(f"of is {self.of!r}; allowed: 'logits', 'probs'.")

    def term(self, logits: torch.Tensor, origins: torch.Tensor) -> torch.Tensor:
        """Return the weighted term, a scalar; ``origins`` says of which example each row of logits is a copy."""
        answers = logits if self.of == "logits" else torch.softmax(logits, dim=1)
        return self.weight * inconsistency(answers, origins)


def inconsistency(answers: torch.Tensor, origins: torch.Tensor) -> torch.Tensor:
    """Return how much answers differ between copies: the mean squared distance of two copies, averaged over examples.

    Parameters
    ----------
    answers : torch.Tensor of float, shape (s, k)
    origins : torch.Tensor of int64, shape (s,)
        Of which example each row is a copy; examples with a single copy are left out.

    Returns
    -------
    torch.Tensor
        A scalar, 0 where no example has two copies.

    Examples
    --------
    >>> inconsistency(torch.tensor([[0.0], [2.0], [7.0]]), torch.tensor([0, 0, 1])).item()
    4.0
    """
    _, example = torch.unique(origins, return_inverse=True)
    copies = torch.bincount(example)
    sums = answers.new_zeros(len(copies), answers.shape[1]).index_add(0, example, answers)
    away = (answers - (sums / copies[:, None])[example]).square().sum(dim=1)
    # Over all pairs, the squared distances add up to copies * the squared distances from the mean.
    several = copies > 1
    spread = answers.new_zeros(len(copies)).index_add(0, example, away)[several]
    pairs = 2 * spread / (copies[several] - 1)
    return pairs.sum() / max(int(several.sum()), 1)
