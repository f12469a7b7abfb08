"""Trunks by name, for features and for images."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import nn

from labelwright.core.errors import ModelError
from labelwright.endmodels.torch.devices import seeded
from labelwright.endmodels.torch.images import as_images
from labelwright.endmodels.torch.networks import resnet, small_cnn
from labelwright.endmodels.torch.saved import maker_of

from .data import Inputs, count_of, read_inputs, rows_of
from .pooling import Pooling, pooled

__all__ = [
    "SavedTrunk",
    "Shape",
    "Trunk",
    "describe_trunk",
    "features_of",
    "known_inputs",
    "make_trunk",
    "saved_trunk",
    "shape_of",
    "trunk_inputs",
]

# Of one example; None where inputs are a mapping of tensors.
Shape: TypeAlias = tuple[int, ...] | None
Trunk: TypeAlias = Literal["mlp", "linear", "small", "resnet"] | Callable[[Shape], nn.Module]

_IMAGES = ("small", "resnet")
_HIDDEN, _DROPOUT = 128, 0.2


def trunk_inputs(trunk: Trunk, X: Any) -> Inputs:
    """Return inputs as a trunk takes them: images for those for images, tables of numbers for those for features.

    Raises
    ------
    ModelError
        If they are of another shape.

    Examples
    --------
    >>> trunk_inputs("small", torch.zeros(2, 28, 28, dtype=torch.uint8)).shape
    torch.Size([2, 1, 28, 28])
    """
    if isinstance(trunk, str) and trunk in _IMAGES:
        return as_images(X)
    inputs = read_inputs(X)
    if isinstance(trunk, str) and trunk in ("mlp", "linear"):
        if not isinstance(inputs, torch.Tensor) or inputs.ndim != 2:
            raise ModelError(f"trunk {trunk!r} needs X of shape (n, features); pass another trunk for other inputs.")
        return inputs.to(torch.get_default_dtype())
    return inputs


def known_inputs(trunk: Trunk, X: Any, shape: Shape) -> Inputs:
    """Return inputs as a trunk takes them that was made for examples of ``shape``.

    Raises
    ------
    ModelError
        If theirs is another.

    Examples
    --------
    >>> known_inputs("mlp", [[1.0, 2.0]], (2,)).shape
    torch.Size([1, 2])
    """
    inputs = trunk_inputs(trunk, X)
    here = shape_of(inputs)
    # Networks for images take other sizes, not other numbers of channels; an own trunk knows what it takes.
    fits = here[:1] == shape[:1] if here and shape and trunk in _IMAGES else here == shape
    if isinstance(trunk, str) and not fits:
        raise ModelError(f"X holds examples of shape {here}, but the network was trained on {shape}.")
    return inputs


class SavedTrunk(NamedTuple):
    """What was saved of a trunk: what makes it, the shape of an example, how many features it gives; and a new one."""

    maker: Trunk
    shape: Shape
    width: int
    module: nn.Module


def describe_trunk(trunk: Trunk, shape: Shape, width: int) -> dict[str, Any]:
    """Return what `saved_trunk` needs, as JSON can hold it.

    Examples
    --------
    >>> describe_trunk("mlp", (30,), 128)
    {'trunk': 'mlp', 'shape': [30], 'width': 128}
    """
    return {
        "trunk": trunk if isinstance(trunk, str) else None,
        "shape": None if shape is None else list(shape),
        "width": width,
    }


def saved_trunk(read: Mapping[str, Any], given: Trunk | None, folder: str | os.PathLike[str]) -> SavedTrunk:
    """Make a trunk anew from what `describe_trunk` said of it; its weights are still to come.

    Raises
    ------
    ModelError
        If it was one of the user's own and ``given``, what made it, is ``None``.

    Examples
    --------
    >>> saved_trunk({"trunk": "mlp", "shape": [30], "width": 128}, None, "folder").shape
    (30,)
    """
    maker: Trunk = maker_of(read["trunk"], given, what="trunk", folder=folder)
    shape = None if read["shape"] is None else tuple(read["shape"])
    with seeded(0):  # the first weights draw on chance, and are replaced
        return SavedTrunk(maker, shape, read["width"], make_trunk(maker, shape))


def shape_of(inputs: Inputs) -> Shape:
    """Return the shape of one example."""
    return None if isinstance(inputs, dict) else tuple(inputs[0].shape)


def make_trunk(trunk: Trunk, shape: Shape) -> nn.Module:
    """Return a new trunk for examples of a shape.

    Parameters
    ----------
    trunk : {"mlp", "linear", "small", "resnet"} or callable
        ``"mlp"``: a layer of 128 units with dropout; ``"linear"``: features as they are; `small_cnn` or `resnet`
        without its last layer; or what makes a module from the shape.
    shape : tuple of int, or None

    Raises
    ------
    ModelError
        If there is none of that name.

    Examples
    --------
    >>> make_trunk("mlp", (30,))(torch.zeros(2, 30)).shape
    torch.Size([2, 128])
    """
    if callable(trunk):
        return trunk(shape)
    assert shape is not None  # trunk_inputs takes no mapping for a trunk by name
    if trunk == "mlp":
        return nn.Sequential(nn.Linear(shape[0], _HIDDEN), nn.ReLU(), nn.Dropout(_DROPOUT))
    if trunk == "linear":
        return nn.Identity()
    if trunk in _IMAGES:
        module = (small_cnn if trunk == "small" else resnet)(shape[0], None)
        # Convolutions on a CPU are up to twice as fast with the channels last.
        return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
    raise ModelError(f"trunk is {trunk!r}; allowed: 'mlp', 'linear', 'small', 'resnet', or a callable.")


def features_of(trunk: nn.Module, inputs: Inputs, pooling: Pooling) -> int:
    """Return how many features a trunk gives, by asking it once; the trunk stays as it was.

    Examples
    --------
    >>> features_of(nn.Sequential(nn.Linear(3, 5), nn.Flatten()), torch.zeros(4, 3), "mean")
    5
    """
    training = trunk.training
    trunk.eval()
    count = min(count_of(inputs), 2)
    with torch.inference_mode():
        one = rows_of(inputs, torch.arange(count), torch.device("cpu"))
        mapped = isinstance(one, Mapping)
        found = pooled(trunk(**one) if mapped else trunk(one), one.get("attention_mask") if mapped else None, pooling)
    trunk.train(training)
    if found.ndim != 2:
        raise ModelError(
            f"the trunk gave features of shape {tuple(found.shape)} for {count} examples; it must give (n, width). End "
            "it with a layer that flattens or pools."
        )
    return int(found.shape[1])
