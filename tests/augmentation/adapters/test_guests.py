"""What adapters share, with transforms of our own in place of guests'."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from labelwright.augmentation import ApplyAll, TransformationFunction, check_functions
from labelwright.augmentation.adapters import from_albumentations, from_kornia, from_torchvision
from labelwright.core.errors import FunctionError
from labelwright.core.seeds import generator

IMAGES = torch.linspace(0, 1, 4 * 3 * 5 * 6).reshape(4, 3, 5, 6)


class Noise(torch.nn.Module):
    """Draws from torch's shared generator, one number for all it gets, as torchvision's transforms do."""

    def __init__(self, size=0.5, inner=None):
        super().__init__()
        self.size = size
        self.inner = inner
        self._last = None

    def forward(self, x):
        self._last = torch.rand(1)
        return x * (1 - self.size * self._last)


class Flips:
    """Draws from generators of its own, as Albumentations' transforms do; channels last, single precision or bytes."""

    def __init__(self, limit=3):
        self.limit = limit
        self.random_generator = np.random.default_rng()
        self.py_random = random.Random()

    def set_random_state(self, random_generator, py_random):
        self.random_generator, self.py_random = random_generator, py_random

    def __call__(self, *, image):
        assert image.dtype in (np.float32, np.uint8)
        assert image.shape[-1] == 3 or image.ndim == 2
        image *= 0 if self.limit == 0 else 1  # may be written to
        shift = self.py_random.randrange(self.limit) + int(self.random_generator.integers(self.limit))
        return {"image": np.roll(image, shift, axis=0)}

    def to_dict(self):
        if self.limit == 1:
            raise NotImplementedError("cannot")
        return {"__version__": "2", "transform": {"limit": self.limit}}


ALL = {
    "torchvision": from_torchvision(Noise(), name="tv"),
    "kornia": from_kornia(Noise(), name="k"),
    "albumentations": from_albumentations(Flips(), name="a"),
}
KINDS = {
    "tensor": IMAGES,
    "array": IMAGES.numpy().astype(np.float64),
    "tensors": list(IMAGES),
    "arrays": list(IMAGES.numpy()),
    "records": [{"image": image, "id": i} for i, image in enumerate(IMAGES)],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("guest", ALL)
def test_every_kind_of_batch_is_transformed_by_our_chance_alone(guest, kind):
    function = ALL[guest]
    if kind == "records":
        function = TransformationFunction(name="f", function=function.function, batched=function.batched, field="image")
    states = torch.get_rng_state(), random.getstate()
    assert check_functions([function], KINDS[kind], generator(0)) == ()
    first, again, other = (ApplyAll([function]).apply(KINDS[kind], generator(seed)).examples for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]

    def numbers(examples):
        rows = [example["image"] if isinstance(example, dict) else example for example in examples]
        assert type(rows[0]) is type(KINDS[kind][0]["image"] if kind == "records" else KINDS[kind][0])
        return np.array([np.asarray(row) for row in rows])

    assert np.array_equal(numbers(first), numbers(again))
    assert not np.array_equal(numbers(first), numbers(other))
    assert not np.array_equal(numbers(first), numbers(KINDS[kind]))


def test_each_image_is_drawn_for_by_itself():
    same = torch.ones(50, 3, 2, 2)
    found = ApplyAll([ALL["torchvision"]]).apply(same, generator(0)).examples
    assert len(found[:, 0, 0, 0].unique()) == 50
    listed = ApplyAll([ALL["kornia"]]).apply(list(same), generator(0)).examples
    assert len(torch.stack(listed)[:, 0, 0, 0].unique()) == 50


def test_a_function_of_a_magnitude_makes_a_transform_for_each():
    functions = [
        from_torchvision(lambda m: lambda x: x * m, name="tv", magnitude=(0.0, 1.0)),
        from_kornia(lambda m: lambda x: x * m[:, None, None, None], name="k", magnitude=(0.0, 1.0)),
    ]
    for function in functions:
        drawn = ApplyAll([function]).apply(IMAGES, generator(3))
        expected = IMAGES * torch.as_tensor(drawn.sequences.magnitudes[:, 0, None, None, None].copy()).float()
        assert torch.allclose(drawn.examples, expected)
        listed = ApplyAll([function]).apply(list(IMAGES), generator(3))
        assert torch.allclose(torch.stack(listed.examples), expected)
    sizes = []

    def make(magnitude):
        sizes.append(magnitude)
        return Flips()

    drawn = ApplyAll([from_albumentations(make, magnitude=(1.0, 2.0))]).apply(IMAGES, generator(0))
    assert sizes == drawn.sequences.magnitudes[:, 0].tolist()


def test_gradients_flow_to_magnitudes_where_declared():
    function = from_kornia(
        lambda m: lambda x: x * m[:, None, None, None], name="k", magnitude=(0.0, 1.0), differentiable=True
    )
    assert function.differentiable
    sizes = torch.full((4,), 0.5, requires_grad=True)
    function(IMAGES, magnitude=sizes).sum().backward()
    assert torch.allclose(sizes.grad, IMAGES.sum((1, 2, 3)))


def test_layouts():
    last = IMAGES.permute(0, 2, 3, 1).contiguous()
    first = ApplyAll([from_albumentations(Flips(), name="a")]).apply(IMAGES, generator(0)).examples
    moved = ApplyAll([from_albumentations(Flips(), name="a", channels="last")]).apply(last, generator(0)).examples
    assert torch.equal(first.permute(0, 2, 3, 1), moved)
    bytes_ = np.arange(2 * 4 * 5, dtype=np.uint8).reshape(2, 4, 5)  # greys
    assert ApplyAll([from_albumentations(Flips(), name="a")]).apply(bytes_, generator(0)).examples.dtype == np.uint8


def test_a_transform_of_the_caller_keeps_its_generators():
    mine = Flips()
    before = mine.random_generator
    from_albumentations(mine)(IMAGES[0])
    assert mine.random_generator is before


def test_versions_follow_settings_and_not_what_was_called():
    makes = [from_torchvision, from_kornia]
    for make in makes:
        called = make(Noise())
        version = make(Noise()).version
        called(IMAGES)
        assert called.version == version
        others = [
            Noise(0.4),
            Noise(0.5, inner=Noise()),
            Noise(0.5, inner=torch.nn.ReLU()),
            torch.nn.Sequential(Noise()),
        ]
        assert len({version, *(make(other).version for other in others)}) == 5
    flips = [from_albumentations(Flips(limit)).version for limit in (0, 1, 2)]
    assert len(set(flips)) == 3
    assert flips[1] == from_albumentations(Flips(1)).version
    assert from_albumentations(Flips(), channels="last").version != from_albumentations(Flips()).version


def test_a_function_that_makes_transforms_is_hashed_by_its_code():
    def make(scale):
        return from_torchvision(lambda m: lambda x: x * m * scale, name="f", magnitude=(0.0, 1.0))

    assert make(1.0).version == make(1.0).version != make(2.0).version


def test_what_is_no_transform_is_refused():
    for make in (from_torchvision, from_kornia, from_albumentations):
        with pytest.raises(FunctionError, match=r"make a transform of it: Noise\(...\)"):
            make(Noise)
        with pytest.raises(FunctionError, match="something to call, got int"):
            make(3)
        with pytest.raises(FunctionError, match="needs a name"):
            make(lambda m: None, magnitude=(0.0, 1.0))
    with pytest.raises(FunctionError, match="has no set_random_state"):
        from_albumentations(Noise())
    with pytest.raises(FunctionError, match="it may be 'first' or 'last'"):
        from_albumentations(Flips(), channels="middle")
    broken = from_torchvision(lambda m: None, name="broken", magnitude=(0.0, 1.0))
    with pytest.raises(FunctionError, match="must return a transform, and returned NoneType"):
        broken(IMAGES[0])
