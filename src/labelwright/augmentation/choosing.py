"""Choice among candidates by their loss: what the end model finds hard is what it is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import FunctionError

from .applying import Augmented, OnError, apply_sequences
from .base import Batch
from .batches import take
from .policy import Policy
from .sequences import Sequences

__all__ = ["Keep", "Loss", "LossProportional"]

Keep: TypeAlias = Literal["proportional", "highest"]
# Augmented examples (s, ...), and where each comes from in the batch (s,) -> losses (s,), 0 or more.
Loss: TypeAlias = Callable[[Batch, npt.NDArray[np.int64]], Any]


class LossProportional(Policy):
    """Several candidates from another policy for each example; those are kept that the end model finds hard.

    Parameters
    ----------
    policy : Policy
        Draws the candidates. Hand it accepted functions only: see the notes.
    candidates : int
        Sequences drawn for each example, times the policy's own copies.
    kept : int
        How many of them are kept, at most.
    keep : {"proportional", "highest"}
        Drawn without replacement, with chances in proportion to their losses; or those of the highest loss.
    loss : callable, optional
        ``loss(examples, origins)`` returns the losses, shape (s,), of augmented examples (s, ...) under the model as
        it is now; ``origins`` (s,) says which example of the batch each comes from, and so which label it has. It is
        called once for each batch. It may be handed to `apply` instead, where each batch has labels of its own.

    Raises
    ------
    FunctionError
        If ``kept`` or ``candidates`` is below 1, ``keep`` is unknown, or ``loss`` returns anything but finite numbers
        of 0 or more, one for each augmented example.

    Notes
    -----
    Wu, Zhang, Valiant & Ré 2020, "On the generalization effects of linear transformations in data augmentation". What
    they publish with it says that the highest losses are kept, and its code draws in proportion. The default here is in
    proportion: a candidate that has lost its class has the highest loss of all, so "highest" picks it whenever there is
    one, and in proportion it is picked as often as its loss says. With either, leave out the functions that a safety
    report rejects.

    Examples
    --------
    >>> from labelwright.augmentation import Random, transformation_function
    >>> @transformation_function(magnitude=(0.0, 1.0))
    ... def push(x, magnitude):
    ...     return x + magnitude
    >>> hard = LossProportional(Random([push], length=1), candidates=4, keep="highest", loss=lambda x, origins: x)
    >>> found = hard.apply(np.zeros(100), np.random.default_rng(0))
    >>> len(found.examples), bool(found.examples.mean() > 0.7)
    (100, True)
    """

    def __init__(
        self,
        policy: Policy,
        *,
        candidates: int = 8,
        kept: int = 1,
        keep: Keep = "proportional",
        loss: Loss | None = None,
    ) -> None:
        if candidates < 1 or kept < 1:
            raise FunctionError(f"candidates and kept are 1 or more, got {candidates} and {kept}.")
        if keep not in ("proportional", "highest"):
            raise FunctionError(f"keep is {keep!r}; it may be 'proportional' or 'highest'.")
        super().__init__(policy.functions)
        self.policy = policy
        self.candidates = candidates
        self.kept = kept
        self.keep = keep
        self.loss = loss

    def sample(self, batch: Batch, rng: np.random.Generator) -> Sequences:
        """Draw candidates, apply them, and return the sequences of those that are kept.

        To have the augmented examples as well, call `apply`, which does not apply sequences a second time.
        """
        return self.apply(batch, rng).sequences

    def apply(
        self, batch: Batch, rng: np.random.Generator, *, on_error: OnError = "raise", loss: Loss | None = None
    ) -> Augmented:
        """Draw candidates, apply them, ask for their losses, and return those that are kept, in order of origin.

        Parameters
        ----------
        batch : Batch
        rng : numpy.random.Generator
        on_error : {"raise", "skip"}
        loss : callable, optional
            For this batch, in place of the policy's own.
        """
        asked = loss or self.loss
        if asked is None:
            raise FunctionError("there is no loss to choose by; hand loss= to LossProportional, or to apply.")
        drawn = [self.policy.sample(batch, rng) for _ in range(self.candidates)]
        plan = Sequences(
            np.concatenate([d.origins for d in drawn]),
            np.concatenate([d.functions for d in drawn]),
            np.concatenate([d.magnitudes for d in drawn]),
        )
        found = apply_sequences(self.functions, batch, plan, rng, on_error=on_error)
        index = self._chosen(plan.origins, _losses(asked, found), rng)
        return Augmented(take(found.examples, index), plan.take(index), found.applied[index], found.failures)

    def _chosen(
        self, origins: npt.NDArray[np.int64], losses: npt.NDArray[np.float64], rng: np.random.Generator
    ) -> npt.NDArray[np.int64]:
        # The largest of log(loss) plus Gumbel noise is a draw in proportion to the loss, and the next largest a draw
        # from the rest (Gumbel-top-k; Kool, van Hoof & Welling 2019). Losses of 0 come last, in random order.
        keys = np.log(np.maximum(losses, np.finfo(np.float64).tiny))
        if self.keep == "proportional":
            keys = keys + rng.gumbel(size=len(keys))
        order = np.lexsort((-keys, origins))
        sorted_origins = origins[order]
        first = np.searchsorted(sorted_origins, sorted_origins)
        return order[np.arange(len(order)) - first < self.kept]


def _losses(loss: Loss, found: Augmented) -> npt.NDArray[np.float64]:
    values = loss(found.examples, found.origins)
    if hasattr(values, "detach"):  # a torch tensor, which this module does not know
        values = values.detach().cpu()
    losses = np.asarray(values, dtype=np.float64)
    if losses.shape != (len(found.origins),) or not np.isfinite(losses).all() or (losses < 0).any():
        raise FunctionError(
            f"loss returned shape {losses.shape} for {len(found.origins)} augmented examples; it must return one "
            "finite number of 0 or more for each."
        )
    return losses
