"""The seam to augmentation: a callable that turns a batch into augmented copies, each with the row it comes from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch

from labelwright.core.errors import ModelError

from .data import as_inputs, stack
from .loss import soft_cross_entropy
from .regularisation import TransformationRegularisation

__all__ = ["Augment", "Copies", "Losses", "StepRows", "augmented", "describe_augment", "losses_under"]

# Gets a batch of inputs and a generator, and ``losses`` if it names that; gives augmented inputs and their origins.
Augment: TypeAlias = Callable[..., tuple[torch.Tensor, Any]]
# Augmented examples (s, ...) and the rows they come from (s,) -> their losses (s,) under the network as it is now.
Losses: TypeAlias = Callable[[torch.Tensor, Any], torch.Tensor]

# Examples that are judged at once.
_JUDGED_TOGETHER = 1024


def losses_under(model: torch.nn.Module, inputs: torch.Tensor, probs: torch.Tensor | None) -> Losses:
    """Return what tells the loss of augmented examples under a network.

    Parameters
    ----------
    model : torch.nn.Module
        Judges in evaluation mode, and is left in the mode it was in.
    inputs : torch.Tensor, shape (n, ...)
        The examples that augmented ones come from.
    probs : torch.Tensor, shape (n, k), or None
        Their soft labels. Without them, what the network says of the examples as they are.

    Returns
    -------
    callable
        ``losses(examples, origins)``, shape (s,), never negative.

    Examples
    --------
    >>> model = torch.nn.Identity()
    >>> losses = losses_under(model, torch.zeros(1, 2), torch.tensor([[0.0, 1.0]]))
    >>> losses(torch.tensor([[0.0, 0.0], [-9.0, 9.0]]), [0, 0]) > 0.5
    tensor([ True, False])
    """

    def losses(examples: torch.Tensor, origins: Any) -> torch.Tensor:
        training = model.training
        model.eval()
        try:
            with torch.inference_mode():
                parts = [
                    model(examples[start : start + _JUDGED_TOGETHER].to(inputs.device))
                    for start in range(0, len(examples), _JUDGED_TOGETHER)
                ]
                said = torch.cat(parts)
                expected = torch.softmax(model(inputs), dim=1) if probs is None else probs
                rows = torch.as_tensor(np.array(origins, dtype=np.int64), device=inputs.device)
                return soft_cross_entropy(said, expected[rows], reduction="none").clamp_min(0)
        finally:
            model.train(training)

    return losses


def augmented(
    augment: Augment, inputs: torch.Tensor, rng: np.random.Generator, losses: Losses | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Call ``augment`` and check what it gave.

    Parameters
    ----------
    augment : callable
    inputs : torch.Tensor, shape (n, ...)
    rng : numpy.random.Generator
    losses : callable, optional
        Handed on, where there is one.

    Returns
    -------
    torch.Tensor, shape (s, ...)
        Augmented inputs, on the device of ``inputs``.
    torch.Tensor of int64, shape (s,)
        Row of each in ``inputs``.

    Raises
    ------
    ModelError
        If it did not give a tensor of examples of the same shape and an origin for each.

    Examples
    --------
    >>> batch = torch.ones(2, 3)
    >>> copies, origins = augmented(lambda x, rng: (x.repeat(2, 1), [0, 1, 0, 1]), batch, np.random.default_rng(0))
    >>> copies.shape, origins.tolist()
    (torch.Size([4, 3]), [0, 1, 0, 1])
    """
    given = augment(inputs, rng) if losses is None else augment(inputs, rng, losses=losses)
    if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], torch.Tensor)):
        raise ModelError(
            f"augment must return a pair: a tensor of inputs and their origins; it returned {type(given).__name__}."
        )
    copies = given[0].to(inputs.device)
    origins = given[1] if isinstance(given[1], torch.Tensor) else torch.from_numpy(np.array(given[1], dtype=np.int64))
    origins = origins.to(inputs.device, torch.int64)
    if copies.shape[1:] != inputs.shape[1:] or origins.shape != copies.shape[:1] or not len(copies):
        raise ModelError(
            f"augment got inputs of shape {tuple(inputs.shape)} and returned shape {tuple(copies.shape)} with origins "
            f"of shape {tuple(origins.shape)}; it must return (s, {', '.join(map(str, inputs.shape[1:]))}) and (s,)."
        )
    if int(origins.min()) < 0 or int(origins.max()) >= len(inputs):
        raise ModelError(
            f"augment returned origins from {int(origins.min())} to {int(origins.max())} for {len(inputs)} inputs."
        )
    return copies, origins


class StepRows(NamedTuple):
    """What goes through the network in one step.

    Parameters
    ----------
    inputs : torch.Tensor, shape (s, ...)
        Those with labels first.
    origins : torch.Tensor of int64, shape (s,)
        Of which example each is a copy; unlabelled examples are numbered after all labelled ones.
    labelled : int
        How many have labels.
    """

    inputs: torch.Tensor
    origins: torch.Tensor
    labelled: int


class Copies:
    """What the steps of training see: batches as it is, or augmented copies of it and of unlabelled examples.

    Parameters
    ----------
    augment : callable or None
    regularisation : TransformationRegularisation or None
    model : torch.nn.Module, optional
        Judges candidates, where ``augment`` asks for ``losses``.

    Raises
    ------
    ModelError
        If there is a regularisation but nothing to transform with.
    """

    def __init__(
        self,
        augment: Augment | None,
        regularisation: TransformationRegularisation | None,
        model: torch.nn.Module | None = None,
    ) -> None:
        if regularisation is not None and augment is None:
            raise ModelError(
                "regularisation compares augmented copies of an example, and augment is None; pass augment=."
            )
        self.augment = augment
        self.judge = model if augment is not None and "losses" in inspect.signature(augment).parameters else None
        self.regularisation = regularisation
        found = None if regularisation is None else regularisation.unlabelled
        self.unlabelled: torch.Tensor | Sequence[torch.Tensor] | None = None if found is None else as_inputs(found)

    def of(
        self,
        inputs: torch.Tensor,
        probs: torch.Tensor,
        sizes: Sequence[int],
        rng: np.random.Generator,
        *,
        plain: bool,
    ) -> Iterator[StepRows]:
        """Yield what each of several steps sees.

        Parameters
        ----------
        inputs : torch.Tensor, shape (sum(sizes), ...)
            The batches of those steps, one after the other: functions that work on whole batches take little longer on
            a large one.
        probs : torch.Tensor, shape (sum(sizes), k)
            Their soft labels.
        sizes : sequence of int
            Examples in each batch.
        rng : numpy.random.Generator
        plain : bool
            Whether examples are left as they are.
        """
        if self.augment is None or plain:
            starts = np.cumsum([0, *sizes])
            for start, size in zip(starts.tolist(), sizes, strict=False):
                own = torch.arange(start, start + size, device=inputs.device)
                yield StepRows(inputs[start : start + size], own, size)
            return
        copies = 1 if self.regularisation is None else self.regularisation.copies
        labelled = self._several(inputs, probs, copies, rng)
        drawn = [self._unlabelled_in(size) for size in sizes]
        unlabelled = self._several(self._draw(sum(drawn), rng, inputs), None, copies, rng) if sum(drawn) else None
        first, first_drawn = 0, 0
        for size, more in zip(sizes, drawn, strict=True):
            rows, origins = _between(labelled, first, first + size)
            count = len(rows)
            if unlabelled is not None:
                extra, of = _between(unlabelled, first_drawn, first_drawn + more)
                rows, origins = torch.cat([rows, extra]), torch.cat([origins, of + len(inputs)])
            yield StepRows(rows, origins, count)
            first, first_drawn = first + size, first_drawn + more

    def _several(
        self, inputs: torch.Tensor, probs: torch.Tensor | None, copies: int, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        assert self.augment is not None
        losses = None if self.judge is None else losses_under(self.judge, inputs, probs)
        parts = [augmented(self.augment, inputs, rng, losses) for _ in range(copies)]
        return torch.cat([rows for rows, _ in parts]), torch.cat([origins for _, origins in parts])

    def _unlabelled_in(self, batch: int) -> int:
        if self.regularisation is None or self.unlabelled is None:
            return 0
        return min(round(batch * self.regularisation.unlabelled_share), len(self.unlabelled))

    def _draw(self, count: int, rng: np.random.Generator, like: torch.Tensor) -> torch.Tensor:
        assert self.unlabelled is not None
        rows = torch.from_numpy(rng.integers(len(self.unlabelled), size=count))
        return stack(self.unlabelled, rows).to(like.device)

    def describe(self) -> str:
        """Say what training depends on here, for checkpoints."""
        if self.regularisation is None:
            return describe_augment(self.augment)
        chosen = self.regularisation
        count = 0 if self.unlabelled is None else len(self.unlabelled)
        return (
            f"{describe_augment(self.augment)}, regularisation {chosen.weight} of {chosen.of}, {chosen.copies} copies, "
            f"{count} unlabelled, share {chosen.unlabelled_share}"
        )


def _between(copies: tuple[torch.Tensor, torch.Tensor], first: int, last: int) -> tuple[torch.Tensor, torch.Tensor]:
    rows, origins = copies
    here = (origins >= first) & (origins < last)
    return rows[here], origins[here]


def describe_augment(augment: Augment | None) -> str:
    """Name an augmentation: its ``version`` where it has one, else the name of the callable."""
    if augment is None:
        return "none"
    return str(getattr(augment, "version", None) or getattr(augment, "__qualname__", type(augment).__qualname__))
