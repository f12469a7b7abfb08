"""Networks on disk: a folder with safetensors and a description in JSON, written whole or not at all, never code."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from labelwright.core import atomic_folder, atomic_write
from labelwright.core.errors import DataError, ModelError, NotFittedError

__all__ = ["check_fitted", "maker_of", "read_network", "with_weights", "write_network"]

Described = TypeVar("Described")
Network = TypeVar("Network", bound=torch.nn.Module)
Maker = TypeVar("Maker")

_FORMAT = 1
_DESCRIPTION, _WEIGHTS = "model.json", "weights.safetensors"


def write_network(
    folder: str | os.PathLike[str], network: torch.nn.Module, *, kind: str, description: Mapping[str, Any]
) -> None:
    """Write a network's weights and what it takes to make it anew.

    Parameters
    ----------
    folder : path-like
    network : torch.nn.Module
    kind : str
        What kind of model it is; `read_network` asks for the same.
    description : mapping of str to what JSON can hold

    Raises
    ------
    DataError
        If the folder exists and is not a saved model.
    """
    written = {"format": _FORMAT, "kind": kind, **description}
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    with atomic_folder(folder, marker=_DESCRIPTION) as temporary:
        save_file(weights, temporary / _WEIGHTS)
        atomic_write(temporary / _DESCRIPTION, json.dumps(written, indent=2) + "\n")


def read_network(
    folder: str | os.PathLike[str], *, kind: str, called: str, read: Callable[[Mapping[str, Any]], Described]
) -> tuple[Described, dict[str, torch.Tensor]]:
    """Return what a description says, and the weights.

    Parameters
    ----------
    folder : path-like
    kind : str
    called : str
        What such a model is called in errors: "image classifier".
    read : callable
        Takes from the description what is needed; it may raise ValueError, KeyError or TypeError.

    Raises
    ------
    DataError
        If the folder holds no such model, one of another kind or format, or a damaged one.
    """
    place = Path(folder)
    try:
        description = json.loads((place / _DESCRIPTION).read_text(encoding="utf-8"))
        weights = load_file(place / _WEIGHTS)
        found = description["kind"], description["format"]
        if found == (kind, _FORMAT):
            return read(description), weights
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise DataError(f"{place} is not a saved {called} that can be read ({error!r}).") from error
    raise DataError(f"{place} holds a {found[0]!r} model of format {found[1]}; this reads {kind!r}, {_FORMAT}.")


def maker_of(named: Any, given: Maker | None, *, what: str, folder: str | os.PathLike[str]) -> Maker:
    """Return what makes a network anew: ``given``, or else the name of it that was saved.

    Parameters
    ----------
    named : str or None
        ``None`` where it was one of the user's own, which is not saved: that would be code.
    given : callable or None
    what : str
        What it makes, and the name of the parameter: "trunk".
    folder : path-like

    Raises
    ------
    ModelError
        If there is neither.
    """
    if given is None and named is None:
        raise ModelError(f"{os.fspath(folder)} holds a {what} of your own; pass {what}=, what made it.")
    found: Maker = named if given is None else given
    return found


def check_fitted(model: object) -> None:
    """Check that a classifier holds a network.

    Raises
    ------
    NotFittedError
        If it holds none.
    """
    if not hasattr(model, "network_"):
        raise NotFittedError(f"this {type(model).__name__} is not fitted yet; call fit first.")


def with_weights(network: Network, weights: dict[str, torch.Tensor], folder: str | os.PathLike[str]) -> Network:
    """Give a new network the weights read from a folder; it is then in evaluation mode.

    Raises
    ------
    ModelError
        If they are of another network.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(f"the weights in {folder} are of another network: {error}") from error
    return network.eval()
