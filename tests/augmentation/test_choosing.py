"""Among candidates, the kept ones are drawn as their losses say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.augmentation import Random, Sequences, TransformationFunction, transformation_function
from labelwright.augmentation.choosing import LossProportional
from labelwright.augmentation.policy import Policy
from labelwright.core.errors import FunctionError


@transformation_function(magnitude=(0.0, 1.0), batched=True)
def push(x: npt.NDArray[np.float64], magnitude: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return x + magnitude


def setter(value: float) -> TransformationFunction:
    return TransformationFunction(name=f"set{value}", function=lambda x: np.float64(value))


class InTurn(Policy):
    """Every function once for every example, so that the candidates are known."""

    def sample(self, batch: npt.NDArray[np.float64], rng: np.random.Generator) -> Sequences:
        m = len(self.functions)
        codes = np.tile(np.arange(m), len(batch))[:, None]
        return Sequences(np.repeat(np.arange(len(batch)), m), codes, np.full(codes.shape, np.nan))


def itself(x: npt.NDArray[np.float64], origins: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return x


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 5), st.sampled_from(["proportional", "highest"]))
def test_each_example_keeps_as_many_as_asked_in_order_of_origin(n: int, candidates: int, kept: int, keep: str) -> None:
    policy = LossProportional(Random([push], length=1), candidates=candidates, kept=kept, keep=keep, loss=itself)  # type: ignore[arg-type]
    batch = np.arange(n, dtype=float)
    found = policy.apply(batch, np.random.default_rng(0))
    assert found.origins.tolist() == np.repeat(np.arange(n), min(kept, candidates)).tolist()
    # What came of the sequences that are returned, and not of others.
    assert np.allclose(found.examples, batch[found.origins] + found.sequences.magnitudes[:, 0])


def test_in_proportion_means_in_proportion() -> None:
    policy = LossProportional(InTurn([setter(v) for v in (0.0, 1.0, 2.0, 5.0)]), candidates=1, loss=itself)
    found = policy.apply(np.zeros(8000), np.random.default_rng(1))
    share = [float((found.examples == v).mean()) for v in (0.0, 1.0, 2.0, 5.0)]
    assert share[0] == 0
    assert np.allclose(share[1:], [1 / 8, 2 / 8, 5 / 8], atol=0.02)


def test_two_are_drawn_without_replacement_in_proportion() -> None:
    policy = LossProportional(InTurn([setter(v) for v in (1.0, 2.0, 5.0)]), candidates=1, kept=2, loss=itself)
    found = policy.apply(np.zeros(8000), np.random.default_rng(1)).examples.reshape(-1, 2)
    left_out = 8.0 - found.sum(axis=1)
    # P(the first two draws are a and b, in some order), from the definition.
    expected = {
        5.0: 1 / 8 * 2 / 7 + 2 / 8 * 1 / 6,
        2.0: 1 / 8 * 5 / 7 + 5 / 8 * 1 / 3,
        1.0: 2 / 8 * 5 / 6 + 5 / 8 * 2 / 3,
    }
    for value, share in expected.items():
        assert abs((left_out == value).mean() - share) < 0.02


def test_highest_keeps_the_highest_and_in_proportion_spares_a_destroyed_example_sometimes() -> None:
    functions = [setter(1.0), setter(1.0 + 1e-9), setter(3.0)]  # the last stands for a lost class: the highest loss
    highest = LossProportional(InTurn(functions), candidates=1, keep="highest", loss=itself)
    assert (highest.apply(np.zeros(500), np.random.default_rng(0)).examples == 3.0).all()
    drawn = LossProportional(InTurn(functions), candidates=1, loss=itself)
    assert (drawn.apply(np.zeros(2000), np.random.default_rng(0)).examples == 3.0).mean() == pytest.approx(
        0.6, abs=0.04
    )


def test_losses_of_zero_are_drawn_at_random_and_the_loss_knows_the_origins() -> None:
    policy = LossProportional(InTurn([setter(1.0), setter(2.0)]), candidates=1)
    labels = np.array([1.0, 2.0] * 200)
    found = policy.apply(
        np.zeros(400), np.random.default_rng(0), loss=lambda x, origins: (x != labels[origins]).astype(float)
    )
    assert (found.examples != labels).all()
    nothing = policy.apply(np.zeros(2000), np.random.default_rng(0), loss=lambda x, origins: np.zeros(len(x)))
    assert abs((nothing.examples == 1.0).mean() - 0.5) < 0.05


@pytest.mark.parametrize("wrong", [np.nan, -1.0, np.inf])
def test_a_loss_that_is_none_is_refused(wrong: float) -> None:
    policy = LossProportional(InTurn([setter(1.0)]), loss=lambda x, origins: np.full(len(x), wrong))
    with pytest.raises(FunctionError, match="one finite number of 0 or more"):
        policy.apply(np.zeros(3), np.random.default_rng(0))


def test_wrong_options_are_refused() -> None:
    with pytest.raises(FunctionError, match="1 or more"):
        LossProportional(InTurn([setter(1.0)]), candidates=0)
    with pytest.raises(FunctionError, match="'proportional' or 'highest'"):
        LossProportional(InTurn([setter(1.0)]), keep="lowest")  # type: ignore[arg-type]
    with pytest.raises(FunctionError, match="no loss to choose by"):
        LossProportional(InTurn([setter(1.0)])).apply(np.zeros(3), np.random.default_rng(0))
    with pytest.raises(FunctionError, match=r"returned shape \(1,\) for 24"):
        LossProportional(InTurn([setter(1.0)]), loss=lambda x, origins: np.zeros(1)).apply(
            np.zeros(3), np.random.default_rng(0)
        )


def test_the_same_generator_gives_the_same_choice() -> None:
    policy = LossProportional(Random([push], length=1), candidates=4, loss=itself)
    one, two = (policy.apply(np.zeros(50), np.random.default_rng(7)).examples for _ in range(2))
    assert (one == two).all()
