"""Discriminators: how real an example looks, and the features in which examples are compared."""

from __future__ import annotations

import torch
from torch import nn

from labelwright.core.errors import ModelError

__all__ = ["ConvolutionalDiscriminator", "VectorDiscriminator", "make_discriminator"]

# As in DCGAN (Radford et al. 2016) and the released code.
_SLOPE = 0.2
# Images and series shorter than this are seen as they are.
_SMALL = 16


class _Discriminator(nn.Module):
    """Examples in units of the data's own spread, so that nothing depends on how they were scaled."""

    shift: torch.Tensor
    spread: torch.Tensor

    def __init__(self, examples: torch.Tensor) -> None:
        super().__init__()
        # Vectors: each column by itself; images and series: each channel.
        over = tuple(axis for axis in range(examples.ndim) if axis != 1)
        shift, spread = examples.mean(dim=over, keepdim=True), examples.std(dim=over, keepdim=True)
        self.register_buffer("shift", shift)
        self.register_buffer("spread", torch.where(spread > 0, spread, torch.ones_like(spread)))

    def standardised(self, examples: torch.Tensor) -> torch.Tensor:
        return (examples - self.shift) / self.spread


class VectorDiscriminator(_Discriminator):
    """Two hidden layers; features are the second.

    Parameters
    ----------
    examples : torch.Tensor of float, shape (n, d)
        Originals, for mean and spread of each column.
    width : int
    outputs : int
    """

    def __init__(self, examples: torch.Tensor, *, width: int = 64, outputs: int = 1) -> None:
        super().__init__(examples)
        self.body = nn.Sequential(
            nn.Linear(examples.shape[1], width),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(width, width),
            nn.LeakyReLU(_SLOPE),
        )
        self.head = nn.Linear(width, outputs)

    def forward(self, examples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (n, outputs) and features (n, width)."""
        features = self.body(self.standardised(examples))
        return self.head(features), features


class ConvolutionalDiscriminator(_Discriminator):
    """Four convolutions with stride, as in DCGAN, over one axis (series) or two (images) of any size.

    Features are what the third gives. What it sees is first averaged over pairs of neighbours (more in large images, so
    that about 32 remain): turning or moving an image blurs it a little, and a discriminator that could see so would
    notice every small rotation sooner than an image that stands on its head. There is no batch normalisation, so that
    how real an example looks does not depend on the others of its batch.

    Parameters
    ----------
    examples : torch.Tensor of float, shape (n, channels, length) or (n, channels, height, width)
        Originals, for mean and spread of each channel.
    width : int
        Channels of the first layer; each next one has twice as many.
    outputs : int
    """

    def __init__(self, examples: torch.Tensor, *, width: int = 16, outputs: int = 1) -> None:
        super().__init__(examples)
        flat = examples.ndim == 3
        convolution, pool = (nn.Conv1d, nn.AdaptiveAvgPool1d) if flat else (nn.Conv2d, nn.AdaptiveAvgPool2d)
        size, channels = min(examples.shape[2:]), examples.shape[1]
        coarser = max(1 if size < _SMALL else 2, -(-size // (2 * _SMALL)))
        self.coarsen = (nn.AvgPool1d if flat else nn.AvgPool2d)(coarser)
        size //= coarser
        layers: list[nn.Module] = []
        for layer in range(4):
            wide = width * 2**layer
            stride = 2 if size > 2 else 1
            layers += [convolution(channels, wide, 5, stride=stride, padding=2), nn.LeakyReLU(_SLOPE)]
            size, channels = -(-size // stride), wide
        self.body, self.last = nn.Sequential(*layers[:6]), nn.Sequential(*layers[6:])
        # Large images are pooled to a few places, so that the head stays small and still sees where things are.
        places = min(size, 4)
        self.head = nn.Sequential(
            pool(places), nn.Flatten(), nn.Linear(channels * places ** (1 if flat else 2), outputs)
        )

    def forward(self, examples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (n, outputs) and features (n, f)."""
        features = self.body(self.coarsen(self.standardised(examples)))
        return self.head(self.last(features)), features.flatten(1)


def make_discriminator(examples: torch.Tensor, *, outputs: int = 1) -> nn.Module:
    """Return the discriminator that suits the shape of ``examples``.

    Parameters
    ----------
    examples : torch.Tensor of float
    outputs : int
        1 = a discriminator; more = a classifier of as many classes, of the same build.

    Raises
    ------
    ModelError
        If they are neither vectors, series nor images.
    """
    if examples.ndim == 2:
        return VectorDiscriminator(examples, outputs=outputs)
    if examples.ndim in (3, 4):
        return ConvolutionalDiscriminator(examples, outputs=outputs)
    raise ModelError(
        f"encoded examples have shape {tuple(examples.shape)}; allowed: (n, d), (n, channels, length) or "
        "(n, channels, height, width). Pass encode=, or discriminator= with a module of your own."
    )
