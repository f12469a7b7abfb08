"""Laws that every image function keeps."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.augmentation import TransformationFunction, images
from labelwright.augmentation.images import tensors
from labelwright.augmentation.images.tensors import each, ready
from labelwright.core.errors import FunctionError

EVERY = {
    function.name: function
    for function in (
        *images.standard("grey"),
        images.flip_horizontal(),
        images.flip_vertical(),
        images.colour(),
        images.hue(),
    )
}
WITH_MAGNITUDE = [name for name, function in EVERY.items() if function.magnitude is not None]
BY_CHANCE = {"elastic", "cutout", "noise"}
FILLED = ["rotate", "shear_x", "shear_y", "zoom", "translate_x", "translate_y", "swirl", "elastic"]
SMOOTH = [name for name, function in EVERY.items() if function.differentiable]


def pictures(n: int = 4, channels: int = 3, h: int = 9, w: int = 7, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand((n, channels, h, w), generator=torch.Generator().manual_seed(n + h), dtype=dtype)


def call(function: TransformationFunction, batch: torch.Tensor, magnitude: Any = None, seed: int = 0) -> torch.Tensor:
    more: dict[str, Any] = dict(function.resources)
    if function.magnitude is not None:
        more["magnitude"] = magnitude
    if "rng" in inspect.signature(function.function).parameters:
        more["rng"] = np.random.default_rng(seed)
    found: torch.Tensor = function.function(batch, **more)
    return found


def spread(function: TransformationFunction, n: int) -> np.ndarray | None:
    return None if function.magnitude is None else function.magnitude.at(np.linspace(0.3, 1.0, n))


@pytest.fixture(params=EVERY)
def function(request: pytest.FixtureRequest) -> TransformationFunction:
    return EVERY[request.param]


def test_there_are_nineteen_and_their_names_are_those_of_their_factories() -> None:
    assert len(EVERY) == 19
    for name, function in EVERY.items():
        assert getattr(images, name)().name == name == function.name
        assert function.batched


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_shape_dtype_and_range_stay(function: TransformationFunction, dtype: torch.dtype) -> None:
    batch = pictures(dtype=dtype)
    found = call(function, batch, spread(function, 4))
    assert (found.shape, found.dtype) == (batch.shape, batch.dtype)
    assert 0 <= found.min() <= found.max() <= 1
    assert not torch.equal(found, batch)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_an_accelerator_computes_what_the_processor_does(device: str) -> None:
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[device]:
        pytest.skip(f"there is no {device} device here")
    for function in EVERY.values():
        magnitude = spread(function, 4)
        for dtype in (torch.float32, torch.float16):
            found = call(function, pictures(dtype=dtype).to(device), magnitude)
            assert (found.dtype, found.device.type) == (dtype, device)
            if function.name != "noise":  # each device draws noise of its own
                expected = call(function, pictures(dtype=dtype), magnitude)
                torch.testing.assert_close(found.cpu(), expected, atol=1e-4 if dtype == torch.float32 else 2e-3, rtol=0)


def test_the_input_is_neither_changed_nor_returned(function: TransformationFunction) -> None:
    batch = pictures()
    before = batch.clone()
    found = call(function, batch, spread(function, 4))
    assert torch.equal(batch, before)
    found.fill_(0.25)
    assert torch.equal(batch, before)


@pytest.mark.parametrize("name", WITH_MAGNITUDE)
def test_neutral_changes_nothing_to_the_bit_even_beside_others(name: str) -> None:
    function = EVERY[name]
    assert function.magnitude is not None
    batch = pictures()
    neutral = function.magnitude.neutral
    assert torch.equal(call(function, batch, np.full(4, neutral)), batch)
    mixed = np.array([neutral, function.magnitude.high, neutral, function.magnitude.high])
    for magnitude in (mixed, torch.from_numpy(mixed)):
        found = call(function, batch, magnitude)
        assert torch.equal(found[::2], batch[::2])
        assert not torch.equal(found[1::2], batch[1::2])


@pytest.mark.parametrize("name", SMOOTH)
def test_neutral_changes_next_to_nothing_on_the_way_of_gradients(name: str) -> None:
    function = EVERY[name]
    assert function.magnitude is not None
    magnitude = torch.full((4,), function.magnitude.neutral, requires_grad=True)
    found = call(function, pictures(), magnitude)
    torch.testing.assert_close(found.detach(), pictures(), atol=2e-6, rtol=0)


@pytest.mark.parametrize("name", sorted(set(EVERY) - BY_CHANCE))
def test_order_of_the_batch_does_not_matter(name: str) -> None:
    function = EVERY[name]
    batch, magnitude, order = pictures(6), spread(function, 6), np.array([3, 1, 5, 0, 2, 4])
    found = call(function, batch, magnitude)
    shuffled = call(function, batch[order], None if magnitude is None else magnitude[order])
    torch.testing.assert_close(shuffled, found[order], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", sorted(set(EVERY) - BY_CHANCE))
def test_a_batch_is_its_images_one_by_one(name: str) -> None:
    function = EVERY[name]
    batch, magnitude = pictures(5), spread(function, 5)
    found = call(function, batch, magnitude)
    for i in range(5):
        alone = call(function, batch[i : i + 1], None if magnitude is None else magnitude[i : i + 1])
        torch.testing.assert_close(alone[0], found[i], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["blur", "dilate", "erode", "noise"])
def test_tiles_are_not_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, batch = EVERY[name], pictures(7, h=8, w=8)
    magnitudes = torch.linspace(0.02, 0.1, 7).requires_grad_()
    whole = call(function, batch, magnitudes)
    (slopes,) = torch.autograd.grad(whole.sum(), magnitudes)
    for numbers in (1, 400, 1000):
        monkeypatch.setattr(tensors, "_TILE", numbers)
        found = call(function, batch, magnitudes)
        torch.testing.assert_close(found, whole, atol=1e-6, rtol=0)
        torch.testing.assert_close(torch.autograd.grad(found.sum(), magnitudes)[0], slopes)
        torch.testing.assert_close(call(function, batch, magnitudes.detach()), whole.detach(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", sorted(BY_CHANCE))
def test_chance_is_that_of_the_generator(name: str) -> None:
    function, batch = EVERY[name], pictures(h=16, w=16)
    magnitude = spread(function, 4)
    first, again, other = (call(function, batch, magnitude, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    # Each image has draws of its own.
    same = batch[:1].expand(4, -1, -1, -1)
    assert function.magnitude is not None
    found = call(function, same, np.full(4, function.magnitude.high))
    assert not any(torch.equal(found[0], found[i]) for i in range(1, 4))


@pytest.mark.parametrize("name", WITH_MAGNITUDE)
def test_a_number_an_array_and_a_tensor_are_one(name: str) -> None:
    function, batch = EVERY[name], pictures()
    assert function.magnitude is not None
    one = function.magnitude.high
    found = [call(function, batch, m) for m in (one, np.full(4, one), torch.full((4,), one))]
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_flow_to_the_magnitude_and_the_image(name: str) -> None:
    function = EVERY[name]
    assert function.magnitude is not None
    # Away from 0 and 1, where levels are cut off, and from magnitudes at which a pixel is read without its neighbour.
    batch = (0.35 + 0.3 * pictures(2, 3, 5, 4, torch.float64)).requires_grad_()
    magnitude = torch.from_numpy(function.magnitude.at(np.array([0.137, 0.331]))).requires_grad_()
    if name == "blur":
        # The reach of the kernel is a whole number of pixels, a step that a difference would see.
        magnitude = torch.tensor([0.7, 0.9], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, m: call(function, x, m), (batch, magnitude), eps=1e-6, atol=1e-5)
    found = call(function, batch, magnitude)
    (gradient,) = torch.autograd.grad(found.square().sum(), magnitude)
    assert gradient.abs().min() > 0


@pytest.mark.parametrize("name", FILLED)
@pytest.mark.parametrize("fill", [0.0, 0.7, 1, "edge", "reflect"])
def test_what_comes_in_from_outside_is_the_fill(name: str, fill: Any) -> None:
    function = getattr(images, name)(fill=fill)
    level = fill if isinstance(fill, float | int) else 0.3
    flat = torch.full((3, 1, 8, 8), float(level))
    torch.testing.assert_close(call(function, flat, spread(function, 3)), flat, atol=1e-6, rtol=0)


@pytest.mark.parametrize("fill", [-0.1, 1.5, "wrap", None, float("nan")])
def test_other_fills_are_refused(fill: Any) -> None:
    for factory in (images.rotate, images.swirl, images.elastic):
        with pytest.raises(FunctionError, match=r'fill is .*; allowed: a number in \[0, 1\]; or "edge" or "reflect"'):
            factory(fill=fill)
    with pytest.raises(FunctionError, match=r"fill is"):
        images.cutout(fill=fill)


def test_bounds_that_mean_nothing_are_refused() -> None:
    for factory in (images.erode, images.dilate, images.elastic, images.cutout, images.noise, images.blur):
        with pytest.raises(FunctionError, match="cannot be below 0"):
            factory(-0.5, 1.0)
    for factory in (images.brightness, images.contrast, images.colour, images.zoom):
        with pytest.raises(FunctionError, match="a factor needs"):
            factory(1.2, 1.5)
        with pytest.raises(FunctionError, match="a factor needs"):
            factory(-0.5, 1.5)
    with pytest.raises(FunctionError, match="low < high"):
        images.rotate(10, -10)
    with pytest.raises(FunctionError, match="radius"):
        images.swirl(radius=0)
    with pytest.raises(FunctionError, match="smoothness"):
        images.elastic(smoothness=float("nan"))
    with pytest.raises(FunctionError, match='allowed: "diamond" or "square"'):
        images.erode(footprint="disk")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "batch",
    [np.zeros((2, 1, 4, 4)), torch.zeros(2, 4, 4), torch.zeros((2, 1, 4, 4), dtype=torch.uint8), [1, 2]],
)
def test_what_is_no_batch_of_images_is_refused(function: TransformationFunction, batch: Any) -> None:
    with pytest.raises(FunctionError, match=r"float tensor of shape \(n, channels, h, w\).*as_images"):
        call(function, batch, 0.5)


def test_magnitudes_must_be_as_many_as_images() -> None:
    with pytest.raises(FunctionError, match="3 images need as many magnitudes"):
        call(images.rotate(), pictures(3), np.array([1.0, 2.0]))
    with pytest.raises(FunctionError, match="3 images need as many magnitudes"):
        call(images.rotate(), pictures(3), np.ones((3, 1)))


def test_no_image_at_all_is_no_trouble(function: TransformationFunction) -> None:
    batch = pictures()[:0]
    assert call(function, batch, None if function.magnitude is None else np.empty(0)).shape == batch.shape


@settings(max_examples=12)
@given(h=st.integers(1, 12), w=st.integers(1, 12), channels=st.sampled_from([1, 3]), strength=st.floats(-1, 1))
def test_any_size_will_do(h: int, w: int, channels: int, strength: float) -> None:
    batch = pictures(2, channels, h, w)
    for function in EVERY.values():
        magnitude = None if function.magnitude is None else np.full(2, function.magnitude.at(strength))
        found = call(function, batch, magnitude)
        assert found.shape == batch.shape
        assert 0 <= found.min() <= found.max() <= 1


def test_half_precision_is_computed_in_single() -> None:
    assert ready(pictures(dtype=torch.float16)).dtype == torch.float32
    assert ready(pictures(dtype=torch.float64)).dtype == torch.float64
    assert each(np.float64(0.5), pictures()).shape == (4, 1, 1, 1)


def test_versions_tell_settings_apart() -> None:
    versions = {images.rotate(*bounds, fill=fill).version for bounds in ((-5, 5), (-9, 9)) for fill in (0.0, "edge")}
    assert len(versions | {images.shear_x(-5, 5).version}) == 5
