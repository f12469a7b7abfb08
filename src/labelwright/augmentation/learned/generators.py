"""Generators: models of sequences of actions, each step conditional on the actions drawn before it."""

from __future__ import annotations

import abc
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from labelwright.core.errors import ModelError

__all__ = ["Generator", "GeneratorName", "MeanField", "Recurrent", "Transformer", "make_generator"]

GeneratorName: TypeAlias = Literal["mean_field", "lstm", "gru", "transformer"]

# The largest difference between two logits that learning can bring about, as released: a factor of e^6, about 400,
# between probabilities. Without a bound the first lucky actions win for good.
_LOGIT_RANGE = 6.0


class Generator(nn.Module, abc.ABC):
    """A distribution over sequences of ``length`` actions.

    Logits are the logarithm of ``prior`` plus a learned score in [-3, 3], so that an untrained generator draws close to
    the prior and no action ever becomes impossible.

    Parameters
    ----------
    prior : array_like of float, shape (A,)
    length : int
    """

    log_prior: torch.Tensor
    trust: torch.Tensor

    def __init__(self, prior: npt.ArrayLike, length: int) -> None:
        super().__init__()
        self.register_buffer("log_prior", torch.tensor(np.log(prior), dtype=torch.float32))
        # How much of what was learned counts: 0 = the prior. It scales scores as a higher price of entropy would.
        self.register_buffer("trust", torch.ones(()))
        self.actions, self.length = len(self.log_prior), length

    @abc.abstractmethod
    def scores(self, previous: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Return unbounded scores (s, t, A) after each of the actions ``previous`` (s, t), and the state after them.

        The code A stands for "no action yet"; ``state`` is None at the start.
        """

    def log_probabilities(self, codes: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities (s, length, A) of every action, given those before it in ``codes`` (s, length)."""
        start = torch.full_like(codes[:, :1], self.actions)
        scores, _ = self.scores(torch.cat([start, codes[:, :-1]], dim=1), None)
        return self._normalised(scores)

    @torch.no_grad()
    def draw(self, uniforms: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Draw actions by inversion from ``uniforms`` in [0, 1), shape (s, length); the same shape is returned."""
        drawn = torch.from_numpy(np.ascontiguousarray(uniforms, dtype=np.float32))
        codes = torch.empty(drawn.shape, dtype=torch.int64)
        previous, state = torch.full((len(drawn), 1), self.actions), None
        for step in range(self.length):
            scores, state = self.scores(previous, state)
            below = self._normalised(scores[:, -1]).exp().cumsum(dim=-1)
            # Rounding may leave the last sum a little under one.
            codes[:, step] = (drawn[:, step, None] >= below).sum(dim=-1).clamp(max=self.actions - 1)
            previous = codes[:, step, None]
        return codes.numpy()

    def _normalised(self, scores: torch.Tensor) -> torch.Tensor:
        learned = self.trust * _LOGIT_RANGE * (torch.sigmoid(scores) - 0.5)
        return torch.log_softmax(learned + self.log_prior, dim=-1)


class MeanField(Generator):
    """Steps are independent: one free score for each action at each step."""

    def __init__(self, prior: npt.ArrayLike, length: int) -> None:
        super().__init__(prior, length)
        self.table = nn.Parameter(torch.zeros(length, self.actions))

    def scores(self, previous: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """See `Generator.scores`; the state is the number of steps done."""
        first = state or 0
        after = first + previous.shape[1]
        return self.table[first:after].expand(len(previous), -1, -1), after


class Recurrent(Generator):
    """An LSTM or GRU that is fed the actions drawn so far, from a trained initial state.

    Parameters
    ----------
    prior : array_like of float, shape (A,)
    length : int
    cell : {"lstm", "gru"}
    width : int
        Of the hidden state.
    """

    def __init__(
        self, prior: npt.ArrayLike, length: int, *, cell: Literal["lstm", "gru"] = "gru", width: int = 64
    ) -> None:
        super().__init__(prior, length)
        self.embedding = nn.Embedding(self.actions + 1, width)
        self.cell = (nn.LSTM if cell == "lstm" else nn.GRU)(width, width, batch_first=True)
        self.first = nn.Parameter(torch.zeros(2 if cell == "lstm" else 1, 1, 1, width))
        self.head = _quiet_head(width, self.actions)

    def scores(self, previous: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """See `Generator.scores`; the state is the cell's."""
        if state is None:
            first = self.first.expand(-1, -1, len(previous), -1).contiguous()
            state = tuple(first) if len(first) == 2 else first[0]
        hidden, state = self.cell(self.embedding(previous), state)
        return self.head(hidden), state


class Transformer(Generator):
    """A small causal transformer over the actions drawn so far.

    Parameters
    ----------
    prior : array_like of float, shape (A,)
    length : int
    width, heads, layers : int
    """

    def __init__(self, prior: npt.ArrayLike, length: int, *, width: int = 64, heads: int = 4, layers: int = 2) -> None:
        super().__init__(prior, length)
        self.embedding = nn.Embedding(self.actions + 1, width)
        self.position = nn.Parameter(torch.zeros(length, width))
        # No dropout: chance is handed in. Norm first trains without a warm-up (Xiong et al. 2020).
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = _quiet_head(width, self.actions)

    def scores(self, previous: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """See `Generator.scores`; the state is every action so far, since sequences are short."""
        if state is not None:
            previous = torch.cat([state, previous], dim=1)
        t = previous.shape[1]
        later = torch.ones(t, t, dtype=torch.bool, device=previous.device).triu(diagonal=1)
        hidden = self.layers(self.embedding(previous) + self.position[:t], mask=later)
        return self.head(hidden), previous


def make_generator(name: GeneratorName, prior: npt.ArrayLike, length: int) -> Generator:
    """Return the generator of this name.

    Raises
    ------
    ModelError
        If there is none.
    """
    if name == "mean_field":
        return MeanField(prior, length)
    if name in ("lstm", "gru"):
        return Recurrent(prior, length, cell=name)
    if name == "transformer":
        return Transformer(prior, length)
    raise ModelError(f"generator is {name!r}; allowed: 'gru', 'lstm', 'mean_field', 'transformer'.")


def _quiet_head(width: int, actions: int) -> nn.Linear:
    """A last layer that begins at zero, so that training begins at the prior itself."""
    head = nn.Linear(width, actions)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head
