"""What ``labelwright.toml`` may say of end models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from .judging_settings import SettingsTable

__all__ = ["EndModelSettings", "NetworkSettings", "end_model_faults"]

# What is read -> the trunks that read it, the default first.
_TRUNKS = {"text": ("mlp", "linear"), "tabular": ("mlp", "linear"), "image": ("small", "resnet")}


class NetworkSettings(SettingsTable, frozen=True):
    """``[end_model.network]``: one network for all of several tasks, in place of a model for each. Needs PyTorch.

    ``trunk`` is what the tasks share: ``"mlp"`` (a hidden layer) or ``"linear"`` (none) for texts and numbers,
    ``"small"`` or ``"resnet"`` for pictures; the first of each is the default. ``loss`` is ``"expected"`` under soft
    labels, the default, or ``"marginal"``, the likelihood of votes of functions that read something else. ``size`` is
    the width and height in pixels to which pictures are brought. ``device`` may be ``"cpu"``, ``"cuda"`` or ``"mps"``;
    ``"auto"`` takes a GPU where there is one.
    """

    trunk: Literal["mlp", "linear", "small", "resnet"] | None = None
    epochs: int = 60
    batch_size: int = 64
    size: list[int] | None = None
    # Unset where the file says nothing, so that networks kept before there was a choice stay as they are.
    loss: Literal["expected", "marginal"] | msgspec.UnsetType = msgspec.UNSET
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"


class EndModelSettings(SettingsTable, frozen=True):
    """``[end_model]``: what is trained on the soft labels, and the only fields that it may see.

    ``refresh`` says what a run does with an end model whose training labels changed: ``"retrain"`` it, or ``"keep"``
    it as it is and say that it is stale.
    """

    kind: Literal["text", "tabular", "image", "none"] = "none"
    fields: list[str] = msgspec.field(default_factory=list)
    random_state: int = 0
    refresh: Literal["retrain", "keep"] = "retrain"
    # Unset where the file says nothing, so that what runs kept before there was the table stays as it is.
    network: NetworkSettings | msgspec.UnsetType = msgspec.UNSET

    @property
    def shared(self) -> NetworkSettings | None:
        """How the one network for all tasks is trained; ``None`` where each task has a model of its own."""
        if isinstance(self.network, msgspec.UnsetType):
            return NetworkSettings() if self.kind == "image" else None
        return self.network


def end_model_faults(chosen: EndModelSettings, *, tasks: bool) -> Iterator[str]:
    """Yield what is wrong with the table, each a sentence that begins with the key.

    Parameters
    ----------
    chosen : EndModelSettings
    tasks : bool
        Whether the project has several tasks.

    Examples
    --------
    >>> next(end_model_faults(EndModelSettings(kind="text"), tasks=False))
    'end_model.fields is empty; name the columns that the text end model reads.'
    """
    network = chosen.shared
    if chosen.kind == "none":
        if network is not None:
            yield 'end_model.network needs end_model.kind: "text", "tabular" or "image".'
        return
    if not chosen.fields:
        yield f"end_model.fields is empty; name the columns that the {chosen.kind} end model reads."
    if network is None:
        return
    said = 'end_model.kind = "image"' if isinstance(chosen.network, msgspec.UnsetType) else "end_model.network"
    if not tasks:
        yield f"{said} is of projects with several tasks, [tasks.NAME]; take it out."
    yield from _network_faults(network, chosen)


def _network_faults(network: NetworkSettings, chosen: EndModelSettings) -> Iterator[str]:
    kind, trunks = chosen.kind, _TRUNKS[chosen.kind]
    if network.trunk is not None and network.trunk not in trunks:
        allowed = " or ".join(f'"{trunk}"' for trunk in trunks)
        yield f'end_model.network.trunk is "{network.trunk}", and end_model.kind is "{kind}", which takes {allowed}.'
    for key in ("epochs", "batch_size"):
        if getattr(network, key) < 1:
            yield f"end_model.network.{key} is {getattr(network, key)}; it must be at least 1."
    if kind == "image" and len(chosen.fields) > 1:
        yield f"end_model.fields is {chosen.fields}; pictures are read from one column."
    if network.size is not None:
        if kind != "image":
            yield f'end_model.network.size is of pictures, and end_model.kind is "{kind}"; take it out.'
        elif len(network.size) != 2 or min(network.size) < 1:
            yield f"end_model.network.size is {network.size}; give the width and the height in pixels, as [30, 40]."
