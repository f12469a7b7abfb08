"""The ready-made sets."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from labelwright.augmentation import Random, images
from labelwright.core.errors import FunctionError


def pictures(channels: int) -> torch.Tensor:
    return torch.rand((40, channels, 12, 12), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("functions", "number", "channels"),
    [
        (images.standard("grey"), 15, 1),
        (images.standard("colour"), 16, 3),
        (images.mnist_functions(), 25, 1),
        (images.cifar_functions(), 33, 3),
    ],
)
def test_sets_work_as_a_policy(functions: list, number: int, channels: int) -> None:
    assert len(functions) == len({f.name for f in functions}) == len({f.version for f in functions}) == number
    batch = pictures(channels)
    policy = Random(functions, length=4)
    found = policy.apply(batch, np.random.default_rng(0))
    again = policy.apply(batch, np.random.default_rng(0))
    assert torch.equal(found.examples, again.examples)
    assert found.examples.shape == batch.shape
    assert 0 <= found.examples.min() <= found.examples.max() <= 1
    assert not torch.equal(found.examples, batch)


def test_functions_of_the_paper_do_what_their_names_say() -> None:
    batch = pictures(3)
    for function in (*images.mnist_functions(), *images.cifar_functions()):
        assert function.magnitude is None
        name, _, magnitude = function.name.partition(" ")
        if name in ("rotate", "zoom"):
            tunable = getattr(images, name)(fill="edge")
            expected = tunable.function(batch, magnitude=float(magnitude), fill="edge")
            assert torch.equal(function.function(batch, **function.resources), expected)


def test_kinds_are_two() -> None:
    with pytest.raises(FunctionError, match='allowed: "grey" or "colour"'):
        images.standard("infrared")  # type: ignore[arg-type]


def test_without_torch_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from labelwright.core.errors import MissingExtraError\n"
        "try:\n    import labelwright.augmentation.images\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "labelwright[torch]" in done.stdout
