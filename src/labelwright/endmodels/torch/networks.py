"""Networks for images: a small one that a laptop trains in a minute, and residual ones for a GPU."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import pad, relu

from labelwright.core.errors import ModelError

__all__ = ["resnet", "small_cnn"]


def small_cnn(channels: int, classes: int | None, *, width: int = 16, dropout: float = 0.3) -> nn.Module:
    """Return four batch-normalised convolutions and a linear layer, for images of about 28 or 32 pixels.

    Parameters
    ----------
    channels : int
        1 for grey images, 3 for colour.
    classes : int or None
        None leaves the last, linear layer out: a trunk that gives features.
    width : int, default 16
        Channels of the first layer; the next have twice as many, the last four times.
    dropout : float, default 0.3

    Returns
    -------
    torch.nn.Module
        Maps (n, channels, h, w) to logits (n, classes), or to features.

    Examples
    --------
    >>> small_cnn(1, 10)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    return nn.Sequential(
        # Half the size at once: most of the time goes into layers of full size.
        *_convolution(channels, width, size=5, stride=2),
        *_convolution(width, 2 * width),
        *_convolution(2 * width, 2 * width),
        nn.MaxPool2d(2),
        *_convolution(2 * width, 4 * width),
        nn.AdaptiveMaxPool2d(4),
        nn.Flatten(),
        nn.Dropout(dropout),
        *_last(4 * width * 16, classes),
    )


def resnet(channels: int, classes: int | None, *, depth: int = 56, width: int = 16) -> nn.Module:
    """Return a residual network for small images.

    Parameters
    ----------
    channels : int
    classes : int or None
        None leaves the last, linear layer out.
    depth : int, default 56
        Layers: 6 n + 2, n blocks in each of the three stages; 20, 32, 44, 56, 110.
    width : int, default 16
        Channels of the first stage; each next one has twice as many.

    Returns
    -------
    torch.nn.Module
        Maps (n, channels, h, w) to logits (n, classes), or to features.

    Raises
    ------
    ModelError
        If ``depth`` is not 6 n + 2.

    Notes
    -----
    He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016, section 4.2, with shortcuts
    without parameters (option A).

    Examples
    --------
    >>> resnet(3, 10, depth=8)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    blocks, rest = divmod(depth - 2, 6)
    if rest or blocks < 1:
        raise ModelError(f"depth is {depth}; it must be 6 n + 2: 8, 14, 20, ..., 56, 110.")
    layers: list[nn.Module] = _convolution(channels, width)
    given = width
    for stage in range(3):
        wide = width * 2**stage
        for block in range(blocks):
            layers.append(_Residual(given, wide, stride=2 if stage and not block else 1))
            given = wide
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *_last(given, classes))


def _last(features: int, classes: int | None) -> list[nn.Module]:
    return [] if classes is None else [nn.Linear(features, classes)]


def _convolution(channels: int, width: int, *, size: int = 3, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, width, size, stride=stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(width),
        # In place: what is normalised is not read again, and its place need not be asked for anew.
        nn.ReLU(inplace=True),
    ]


class _Residual(nn.Module):
    """Two convolutions beside a shortcut that subsamples and fills new channels with zeros."""

    def __init__(self, channels: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(channels, width, stride=stride),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.stride, self.more = stride, width - channels

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        shortcut = pad(images[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return relu(self.body(images) + shortcut)
