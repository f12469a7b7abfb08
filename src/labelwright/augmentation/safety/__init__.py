"""Whether transformation functions stay on the data, and keep classes what they are."""

from __future__ import annotations

from labelwright.augmentation.choosing import LossProportional

from .checking import safety_report
from .measured import Measured
from .report import HarmRow, SafetyReport, SafetyRow, Verdict

__all__ = ["HarmRow", "LossProportional", "Measured", "SafetyReport", "SafetyRow", "Verdict", "safety_report"]
