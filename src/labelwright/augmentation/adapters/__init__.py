"""Transforms of other libraries as transformation functions; none of them is imported here."""

from __future__ import annotations

from .albumentations import from_albumentations
from .kornia import from_kornia
from .torchvision import from_torchvision

__all__ = ["from_albumentations", "from_kornia", "from_torchvision"]
