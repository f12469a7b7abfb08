"""What a report says about augmentation, as plain values: the pipeline fills these, the section draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.core import Class

from .base import NO_ESTIMATE, Estimate

__all__ = [
    "AugmentationView",
    "AugmentedExample",
    "ConsistencyRow",
    "CurvePoint",
    "DrawnSequences",
    "HarmRow",
    "SafetyRow",
    "TunableFunction",
    "Variant",
]

Kind: TypeAlias = Literal["image", "text", "record", "series"]


@dataclass(frozen=True, slots=True)
class TunableFunction:
    """One transformation function, as shown.

    Parameters
    ----------
    name : str
    low, high, neutral : float
        Bounds of its magnitude and where it does nothing; NaN where it has none.
    unit : str
        What the magnitude counts: "degrees".
    verdict : {"", "accepted", "narrowed", "rejected"}
        What the safety report made of it; empty where it was not checked.
    why : str
        One sentence for the verdict.
    """

    name: str
    low: float = math.nan
    high: float = math.nan
    neutral: float = math.nan
    unit: str = ""
    verdict: Literal["", "accepted", "narrowed", "rejected"] = ""
    why: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnSequences:
    """Sequences drawn from the policy; frequencies and the most frequent sequences are counted from them.

    Parameters
    ----------
    functions : array_like of int, shape (s, length)
        Positions in ``AugmentationView.functions``; -1 = nothing is done at this step.
    magnitudes : array_like of float, shape (s, length)
        In the units of each function; NaN where it has none.
    """

    functions: npt.NDArray[np.int64]
    magnitudes: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """One augmented form of an example: what was done, such as ``"rotate(7.5) > flip"``, and what came of it."""

    steps: str
    value: Any


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AugmentedExample:
    """An original beside its augmented forms.

    Parameters
    ----------
    kind : {"image", "text", "record", "series"}
        What ``original`` and the values of ``variants`` are: an image, array of shape (h, w), (h, w, 1 or 3) or
        (1 or 3, h, w), uint8 or float in [0, 1]; a text, str; a record, mapping of field to value, or a vector of
        shape (d,); a series, float array of shape (length,) or (channels, length).
    original : object
    variants : sequence of Variant
    label : str
        Its label, in words ("spam 0.93"); augmented forms share it.
    example_id : object
    """

    kind: Kind
    original: Any
    variants: Sequence[Variant]
    label: str = ""
    example_id: Any = ""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One moment of training: the discriminator's mean P(real) of originals and of augmented examples."""

    step: int
    originals: float
    augmented: float


@dataclass(frozen=True, slots=True)
class SafetyRow:
    """How far one function leaves the data at one magnitude (NaN = it has none).

    Parameters
    ----------
    function : str
    magnitude : float
    departure : Estimate
        Excess share of augmented examples farther from the data than held-out originals are; 0 = none, up to 1.
    accepted : bool
    auc : Estimate
        How well a classifier tells augmented from original; 0.5 = not at all.
    why : str
        What speaks against it, where it is not accepted.
    """

    function: str
    magnitude: float
    departure: Estimate
    accepted: bool
    auc: Estimate = NO_ESTIMATE
    why: str = ""


@dataclass(frozen=True, slots=True)
class HarmRow:
    """How often one function at one magnitude moves examples of a class to another, beyond the base error.

    Parameters
    ----------
    function : str
    magnitude : float
        NaN = it has none.
    label : str or int
        The class of the originals.
    harm : Estimate
        Share of them whose class is lost, or that are where another class is, beyond the share of their originals.
    harmful : bool
        Whether the harm is above what is tolerated, chance excluded.
    becomes : str, int or None
        The class that they look like most.
    looks_other : Estimate
        Share of them that look like another class to a classifier of originals; more than ``harm``.
    """

    function: str
    magnitude: float
    label: Class
    harm: Estimate
    harmful: bool
    becomes: Class | None = None
    looks_other: Estimate = NO_ESTIMATE


@dataclass(frozen=True, slots=True)
class ConsistencyRow:
    """One labeling function's votes before and after one transformation function.

    Parameters
    ----------
    function : str
        The transformation function.
    source : str
        The labeling function.
    kept : Estimate
        Share of its votes that stayed what they were.
    flipped, lost, gained : int
        Examples whose vote became another class; became an abstain; or was an abstain before.
    suspicious : bool
        Whether one of the two should be looked at.
    why : str
        One sentence, where it should.
    """

    function: str
    source: str
    kept: Estimate
    flipped: int
    lost: int
    gained: int
    suspicious: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AugmentationView:
    """Everything a report shows about augmentation; what is left empty is left out.

    Parameters
    ----------
    policy : str
        Its name, as shown: "LearnedPolicy (gru, 4 steps)".
    outcome : str
        One sentence on how learning ended.
    functions : sequence of TunableFunction
        In the policy's order, rejected ones included.
    drawn : DrawnSequences, optional
        A few thousand sequences drawn from the policy on originals.
    examples : sequence of AugmentedExample
    curve : sequence of CurvePoint
    chosen_step : int, optional
        The step whose policy is used.
    safety : sequence of SafetyRow
    threshold : float
        Departure that is still accepted.
    safety_note : str
        What was compared with what, at which level, and how many comparisons it holds for.
    harm : sequence of HarmRow
    harm_note : str
    consistency : sequence of ConsistencyRow
    consistency_note : str
    """

    policy: str
    outcome: str = ""
    functions: Sequence[TunableFunction] = ()
    drawn: DrawnSequences | None = None
    examples: Sequence[AugmentedExample] = ()
    curve: Sequence[CurvePoint] = ()
    chosen_step: int | None = None
    safety: Sequence[SafetyRow] = ()
    threshold: float = math.nan
    safety_note: str = ""
    harm: Sequence[HarmRow] = ()
    harm_note: str = ""
    consistency: Sequence[ConsistencyRow] = ()
    consistency_note: str = ""
