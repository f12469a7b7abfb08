"""Sets of image functions, ready-made: a standard one for each kind of picture, and those of the TANDA paper."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
from torch import Tensor

from labelwright.augmentation.base import TransformationFunction
from labelwright.core.errors import FunctionError

from .affine import rotate, shear_x, shear_y, translate_x, translate_y, zoom
from .bending import elastic, swirl
from .colours import brightness, colour, contrast, hue
from .flips import cutout, flip_horizontal
from .grain import blur, noise
from .morphology import dilate, erode

__all__ = ["cifar_functions", "mnist_functions", "standard"]

# skimage's default radius of 100 pixels, on 28 and on 32.
_MNIST_RADIUS, _CIFAR_RADIUS = 100 / 28, 100 / 32


def standard(kind: Literal["grey", "colour"] = "grey") -> list[TransformationFunction]:
    """Return functions for pictures of no particular kind, bounds wide enough for a policy to narrow.

    Parameters
    ----------
    kind : {"grey", "colour"}
        "grey": bright strokes or shapes on black, such as digits (15 functions, none that mirrors). "colour":
        photographs (16 functions; the image is mirrored at its edge where something comes in, and may be flipped).

    Raises
    ------
    FunctionError
        If ``kind`` is neither.

    Examples
    --------
    >>> [function.name for function in standard("grey")][:3]
    ['rotate', 'shear_x', 'shear_y']
    """
    if kind not in ("grey", "colour"):
        raise FunctionError(f'kind is {kind!r}; allowed: "grey" or "colour".')
    grey = kind == "grey"
    fill: Any = 0.0 if grey else "reflect"
    moves = [rotate, shear_x, shear_y, zoom, translate_x, translate_y, swirl, elastic]
    levels = [brightness, contrast, cutout, noise, blur]
    more = [erode(), dilate()] if grey else [flip_horizontal(), colour(), hue()]
    return [*(move(fill=fill) for move in moves), *(level() for level in levels), *more]


def mnist_functions() -> list[TransformationFunction]:
    """Return the 25 functions that the TANDA paper tuned for MNIST, each with its one magnitude.

    Rotations by 2.5, 5 and 10 degrees either way, zoom by 0.9 and 1.1, shears and swirls of 0.1, 0.2 and 0.4 either
    way, elastic distortions of strength 1, 1.25 and 1.5, erosion and dilation.

    Notes
    -----
    As in the authors' experiments (Ratner, Ehrenberg, Hussain, Dunnmon & Ré 2017): edge pixels fill what comes in, and
    an elastic strength of 1 there, uniform noise smoothed over one pixel, moves pixels by 0.163 on average squared
    (0.0058 of 28). Their shears turned about the corner of the image; these turn about its centre.

    Examples
    --------
    >>> functions = mnist_functions()
    >>> len(functions), functions[0].name, functions[0].magnitude is None
    (25, 'rotate 2.5', True)
    """
    turns = _pinned(rotate(fill="edge"), _both(2.5, 5, 10))
    zooms = _pinned(zoom(fill="edge"), (0.9, 1.1))
    shears = _pinned(shear_x(-0.5, 0.5, fill="edge"), _both(0.1, 0.2, 0.4))
    swirls = _pinned(swirl(radius=_MNIST_RADIUS, fill="edge"), _both(0.1, 0.2, 0.4))
    bends = _pinned(elastic(smoothness=1 / 28), [0.163 * alpha / 28 for alpha in (1, 1.25, 1.5)])
    return [*turns, *zooms, *shears, *swirls, *bends, *_pinned(erode(), [1.0]), *_pinned(dilate(), [1.0])]


def cifar_functions() -> list[TransformationFunction]:
    """Return the functions that the TANDA paper tuned for CIFAR-10, each with its one magnitude.

    Rotations by 2.5 and 5 degrees either way, zoom by 0.75, 0.9, 1.1 and 1.25, shears and swirls of 0.1 and 0.25 and
    shifts of hue by a tenth and a quarter of a turn either way, contrast, brightness and colour by 0.5, 0.75, 1.25 and
    1.5, and the mirror image: 33 in all.

    Examples
    --------
    >>> len(cifar_functions())
    33
    """
    factors = (0.75, 1.25, 0.5, 1.5)
    return [
        *_pinned(rotate(fill="edge"), _both(2.5, 5)),
        *_pinned(zoom(fill="edge"), (0.9, 1.1, 0.75, 1.25)),
        *_pinned(shear_x(fill="edge"), _both(0.1, 0.25)),
        *_pinned(swirl(radius=_CIFAR_RADIUS, fill="edge"), _both(0.1, 0.25)),
        *_pinned(hue(-0.5, 0.5), _both(0.1, 0.25)),
        *(one for tuned in (contrast(), brightness(), colour()) for one in _pinned(tuned, factors)),
        flip_horizontal(),
    ]


def _both(*sizes: float) -> list[float]:
    return [sign * size for size in sizes for sign in (1, -1)]


def _pinned(function: TransformationFunction, magnitudes: Iterable[float]) -> list[TransformationFunction]:
    """Return a function without a magnitude for each of ``magnitudes``."""
    return [
        TransformationFunction(
            name=f"{function.name} {magnitude:.3g}",
            function=_at(function.function, float(magnitude)),
            batched=True,
            resources=function.resources,
        )
        for magnitude in magnitudes
    ]


def _at(function: Callable[..., Tensor], pinned: float) -> Callable[..., Tensor]:
    # Two of them, because whoever applies a function reads in its signature whether it needs chance.
    if "rng" in inspect.signature(function).parameters:

        def by_chance(images: Tensor, rng: np.random.Generator, **settings: Any) -> Tensor:
            return function(images, magnitude=pinned, rng=rng, **settings)

        return by_chance

    def always(images: Tensor, **settings: Any) -> Tensor:
        return function(images, magnitude=pinned, **settings)

    return always
