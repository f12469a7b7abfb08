"""Transformation functions on tables: batches (n, columns) of numbers, and records with categories."""

from __future__ import annotations

from .categories import swap_categories
from .numbers import drop_features, jitter, scale, swap_noise

__all__ = ["drop_features", "jitter", "scale", "swap_categories", "swap_noise"]
