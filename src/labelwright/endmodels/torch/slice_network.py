"""A network with a head for everybody, and for each slice an indicator and an expert, joined by attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from labelwright.core.errors import ModelError

__all__ = ["Confidence", "SliceNetwork", "SliceOutput", "confidence_of"]

Confidence: TypeAlias = Literal["gap", "probability"]


@dataclass(frozen=True, slots=True)
class SliceOutput:
    """What the heads say of a batch.

    Parameters
    ----------
    logits : torch.Tensor, shape (batch, k)
        The answer: the heads' logits, weighted by attention.
    heads : torch.Tensor, shape (batch, 1 + s, k)
        Logits of the head for everybody, then of the experts.
    indicators : torch.Tensor, shape (batch, s)
        Logits of the probability of belonging to each slice.
    attention : torch.Tensor, shape (batch, 1 + s)
        Rows sum to 1.
    """

    logits: torch.Tensor
    heads: torch.Tensor
    indicators: torch.Tensor
    attention: torch.Tensor


def confidence_of(logits: torch.Tensor, confidence: Confidence = "gap") -> torch.Tensor:
    """Return how sure logits are of their best class, whichever it is.

    Parameters
    ----------
    logits : torch.Tensor, shape (..., k), k at least 2
    confidence : {"gap", "probability"}
        The best logit less the second best, at least 0; or the highest probability, from 1/k to 1.

    Returns
    -------
    torch.Tensor, shape (...)

    Raises
    ------
    ModelError
        If the confidence is not known.

    Examples
    --------
    A confident "no" counts as much as a confident "yes":

    >>> confidence_of(torch.tensor([[3.0, 0.0], [0.0, 3.0], [0.0, 0.0]])).tolist()
    [3.0, 3.0, 0.0]
    """
    if confidence == "gap":
        best = logits.topk(2, dim=-1).values
        return best[..., 0] - best[..., 1]
    if confidence == "probability":
        return torch.softmax(logits, dim=-1).amax(dim=-1)
    raise ModelError(f"confidence is {confidence!r}; allowed: 'gap' or 'probability'.")


class SliceNetwork(nn.Module):
    """A trunk, a head for everybody, and for each slice an indicator and an expert; attention joins their answers.

    Parameters
    ----------
    trunk : torch.nn.Module
        Maps a batch of inputs to features of shape (batch, width).
    width : int
        Number of features.
    classes : int
        k, at least 2.
    shares : sequence of float, default ()
        Share of the examples that belong to each of s slices, above 0 and below 1. Without slices this is the trunk and
        one linear layer, and nothing else.
    temperature : float, default 1.0
        By which the scores are divided before the softmax, above 0.
    confidence : {"gap", "probability"}, default "gap"
        See `confidence_of`.

    Raises
    ------
    ModelError
        If a setting is not allowed.

    Notes
    -----
    The weight of a slice is ``P(belongs) * exp(confidence / temperature)``, made to sum to 1; the head for everybody
    belongs with probability 1. After Chen et al., "Slice-based learning", NeurIPS 2019, section 3, with two changes.
    There confidence is the probability of the positive class, so a confident "no" gets no attention, and there are two
    classes only. And there the weight is ``exp(P(belongs) * confidence / temperature)``, which leaves an expert much
    attention on examples that surely do not belong, where it has learned nothing.

    An indicator learns from members and others alike (see `slice_loss`), so its logit says how much an example speaks
    for the slice; the log-odds of the share, which it is then added to, make a probability of it.

    Examples
    --------
    >>> network = SliceNetwork(torch.nn.Linear(4, 8), 8, classes=3, shares=[0.1, 0.3])
    >>> output = network.outputs(torch.zeros(5, 4))
    >>> output.logits.shape, output.heads.shape, output.attention.shape
    (torch.Size([5, 3]), torch.Size([5, 3, 3]), torch.Size([5, 3]))
    """

    shares: torch.Tensor

    def __init__(
        self,
        trunk: nn.Module,
        width: int,
        classes: int,
        shares: Sequence[float] = (),
        *,
        temperature: float = 1.0,
        confidence: Confidence = "gap",
    ) -> None:
        super().__init__()
        if not temperature > 0:
            raise ModelError(f"temperature is {temperature}; it must be above 0.")
        confidence_of(torch.zeros(1, 2), confidence)
        wrong = [share for share in shares if not 0 < share < 1]
        if wrong:
            raise ModelError(f"shares holds {wrong[0]}; a slice holds some examples and not all, so between 0 and 1.")
        self.temperature, self.confidence, self.slices = float(temperature), confidence, len(shares)
        self.trunk = trunk
        self.head = nn.Linear(width, classes)
        # Made last, so that the weights above are the same with slices and without.
        if self.slices:
            count = self.slices
            self.register_buffer("shares", torch.as_tensor(list(shares), dtype=torch.get_default_dtype()))
            self.indicator = nn.Linear(width, count)
            # A hidden layer and an answer for each expert; a convolution in groups is many linear layers at once.
            self.experts = nn.Sequential(
                nn.Linear(width, count * width),
                nn.ReLU(),
                nn.Unflatten(1, (count * width, 1)),
                nn.Conv1d(count * width, count * classes, 1, groups=count),
                nn.Unflatten(1, (count, classes)),
                nn.Flatten(2),
            )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return logits, shape (batch, k)."""
        return self.outputs(inputs).logits if self.slices else self._plain(inputs)

    def _plain(self, inputs: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.trunk(inputs))
        return logits

    def outputs(self, inputs: torch.Tensor) -> SliceOutput:
        """Return what every head says, with the attention."""
        features = self.trunk(inputs)
        base = self.head(features)
        if not self.slices:
            none = features.new_zeros((len(features), 0))
            return SliceOutput(base, base[:, None], none, features.new_ones((len(features), 1)))
        indicators = self.indicator(features) + torch.logit(self.shares)
        heads = torch.cat([base[:, None], self.experts(features)], dim=1)
        belongs = torch.cat([torch.zeros_like(indicators[:, :1]), logsigmoid(indicators)], dim=1)
        attention = torch.softmax(belongs + confidence_of(heads, self.confidence) / self.temperature, dim=1)
        return SliceOutput(torch.einsum("bs,bsk->bk", attention, heads), heads, indicators, attention)
