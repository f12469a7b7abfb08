"""Policies that are learned from unlabelled examples.

Needs the extra ``torch``.
"""

from labelwright.core.errors import MissingExtraError

try:
    from .policy import LearnedPolicy
except ModuleNotFoundError as error:
    if error.name not in ("torch", "safetensors"):
        raise
    raise MissingExtraError("labelwright.augmentation.learned", "torch") from error

__all__ = ["LearnedPolicy"]
