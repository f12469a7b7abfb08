"""The seam to augmentation: a callable that turns a batch into augmented copies, each with the row it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch

from labelwright.core.errors import ModelError

from .data import as_inputs, stack
from .regularisation import TransformationRegularisation

__all__ = ["Augment", "Copies", "augmented", "describe_augment"]

# Gets a batch of inputs and a generator; gives augmented inputs and, for each, its row in the batch.
Augment: TypeAlias = Callable[[torch.Tensor, np.random.Generator], tuple[torch.Tensor, Any]]


def augmented(augment: Augment, inputs: torch.Tensor, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Call ``augment`` and check what it gave.

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
    given = augment(inputs, rng)
    if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], torch.Tensor)):
        raise ModelError(
            f"augment must return a pair: a tensor of inputs and their origins; it returned {type(given).__name__}."
        )
    copies = given[0].to(inputs.device)
    origins = torch.as_tensor(np.asarray(given[1]), dtype=torch.int64).to(inputs.device)
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


class Copies:
    """What one step of training sees: the batch as it is, or augmented copies of it and of unlabelled examples.

    Parameters
    ----------
    augment : callable or None
    regularisation : TransformationRegularisation or None

    Raises
    ------
    ModelError
        If there is a regularisation but nothing to transform with.
    """

    def __init__(self, augment: Augment | None, regularisation: TransformationRegularisation | None) -> None:
        if regularisation is not None and augment is None:
            raise ModelError(
                "regularisation compares augmented copies of an example, and augment is None; pass augment=."
            )
        self.augment = augment
        self.regularisation = regularisation
        found = None if regularisation is None else regularisation.unlabelled
        self.unlabelled: torch.Tensor | Sequence[torch.Tensor] | None = None if found is None else as_inputs(found)

    def of(
        self, inputs: torch.Tensor, rng: np.random.Generator, *, plain: bool
    ) -> tuple[torch.Tensor, torch.Tensor, int]:
        """Return what goes through the network, of which example each row is a copy, and how many rows have labels.

        Examples of the batch come first, numbered as there; unlabelled ones are numbered from ``len(inputs)``.
        """
        own = torch.arange(len(inputs), device=inputs.device)
        if self.augment is None or plain:
            return inputs, own, len(inputs)
        if self.regularisation is None:
            copies, origins = augmented(self.augment, inputs, rng)
            return copies, origins, len(copies)
        parts = [augmented(self.augment, inputs, rng) for _ in range(self.regularisation.copies)]
        labelled = sum(len(copies) for copies, _ in parts)
        extra = self._unlabelled(len(inputs), rng, inputs.device)
        if extra is not None:
            for _ in range(self.regularisation.copies):
                copies, origins = augmented(self.augment, extra, rng)
                parts.append((copies, origins + len(inputs)))
        return torch.cat([copies for copies, _ in parts]), torch.cat([origins for _, origins in parts]), labelled

    def _unlabelled(self, batch: int, rng: np.random.Generator, device: torch.device) -> torch.Tensor | None:
        if self.regularisation is None or self.unlabelled is None:
            return None
        count = min(round(batch * self.regularisation.unlabelled_share), len(self.unlabelled))
        if not count:
            return None
        rows = rng.integers(len(self.unlabelled), size=count)
        return stack(self.unlabelled, torch.from_numpy(rows)).to(device)

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


def describe_augment(augment: Augment | None) -> str:
    """Name an augmentation: its ``version`` where it has one, else the name of the callable."""
    if augment is None:
        return "none"
    return str(getattr(augment, "version", None) or getattr(augment, "__qualname__", type(augment).__qualname__))
