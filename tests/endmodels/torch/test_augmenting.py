"""Training on augmented batches: labels follow origins, chance is the run's own, and a stopped run goes on."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from labelwright.core.errors import ModelError
from labelwright.endmodels.torch import SoftLabelDataset, TransformationRegularisation, seeded, train
from labelwright.endmodels.torch.augmenting import Copies, augmented, losses_under

SETTINGS = {"epochs": 5, "batch_size": 16, "device": "cpu", "learning_rate": 0.02}


def _data(n=60, seed=0):
    chance = np.random.default_rng(seed)
    X = chance.normal(size=(n, 4)).astype(np.float32)
    return SoftLabelDataset(X, np.column_stack([1 / (1 + np.exp(X[:, 0])), 1 / (1 + np.exp(-X[:, 0]))]))


def _network():
    with seeded(3):
        return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(8, 2))


def _jitter(inputs, rng, copies=1):
    origins = np.tile(np.arange(len(inputs)), copies)
    noise = rng.normal(size=(len(origins), *inputs.shape[1:])).astype(np.float32)
    return inputs[torch.from_numpy(origins)] + 0.1 * torch.from_numpy(noise), origins


def _weights(result):
    return {name: value.clone() for name, value in result.model.state_dict().items()}


def _equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_an_augmentation_that_does_nothing_changes_nothing():
    plain = train(_network(), _data(), **SETTINGS)
    same = train(_network(), _data(), **SETTINGS, augment=lambda x, rng: (x, np.arange(len(x))))
    assert _equal(_weights(plain), _weights(same))


def test_copies_of_every_example_leave_the_step_as_it_is():
    # Without dropout: the mean over three equal copies of each example is the mean over examples.
    linear = {"epochs": 4, "batch_size": 16, "device": "cpu", "optimizer": torch.optim.SGD, "learning_rate": 0.1}
    plain = train(torch.nn.Linear(4, 2).double(), _double(), **linear)
    with seeded(1):
        first = torch.nn.Linear(4, 2).double()
    with seeded(1):
        second = torch.nn.Linear(4, 2).double()
    plain = train(first, _double(), **linear)
    thrice = train(second, _double(), **linear, augment=lambda x, rng: (x.repeat(3, 1), np.tile(np.arange(len(x)), 3)))
    for name, value in _weights(plain).items():
        torch.testing.assert_close(thrice.model.state_dict()[name], value)


def _double():
    data = _data()
    data.inputs = data.inputs.double()
    return data


def test_labels_and_weights_follow_origins():
    # Inputs are the labels; augmentation turns the batch round: only if origins are heeded can the loss fall to 0.
    labels = np.eye(2)[np.random.default_rng(0).integers(2, size=64)]
    data = SoftLabelDataset(labels.astype(np.float32), labels)

    def reverse(x, rng):
        return x.flip(0), np.arange(len(x))[::-1].copy()

    result = train(
        torch.nn.Linear(2, 2), data, epochs=60, batch_size=16, learning_rate=0.1, device="cpu", augment=reverse
    )
    assert result.history[-1].train < 0.05


@pytest.mark.parametrize("regularisation", [None, TransformationRegularisation(0.3, unlabelled=np.zeros((30, 4)))])
@pytest.mark.parametrize("at", [2, 9])
def test_interrupted_and_resumed_equals_unbroken(at, regularisation, tmp_path):
    settings = {
        **SETTINGS,
        "augment": _jitter,
        "regularisation": regularisation,
        "plain_epochs": 2,
        "scheduler": "one_cycle",
        "average": 0.9,
        "valid": _data(seed=1),
    }
    unbroken = train(_network(), _data(), **settings)
    left = at

    def stopped(inputs, rng):
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        return _jitter(inputs, rng)

    stopped.version = "the same"
    named = partial(_jitter)
    named.version = "the same"
    with pytest.raises(KeyboardInterrupt):
        for _ in range(3):
            train(_network(), _data(), **{**settings, "augment": stopped, "epochs": 5}, checkpoint=tmp_path)
            raise KeyboardInterrupt
    resumed = train(_network(), _data(), **{**settings, "augment": named}, checkpoint=tmp_path)
    assert resumed.history == unbroken.history
    assert _equal(_weights(resumed), _weights(unbroken))


def test_the_last_epochs_are_plain():
    calls = []

    def watch(inputs, rng):
        calls.append(len(inputs))
        return inputs, np.arange(len(inputs))

    train(_network(), _data(), **SETTINGS, augment=watch, plain_epochs=2)
    assert sum(calls) == 3 * 60


def test_chance_of_augmentation_is_that_of_the_run():
    first, again = (train(_network(), _data(), **SETTINGS, augment=_jitter) for _ in range(2))
    other = train(_network(), _data(), **SETTINGS, augment=_jitter, random_state=1)
    assert _equal(_weights(first), _weights(again))
    assert not _equal(_weights(first), _weights(other))


def test_another_augmentation_is_another_run(tmp_path):
    train(_network(), _data(), **SETTINGS, augment=_jitter, checkpoint=tmp_path)
    with pytest.raises(ModelError, match="its augmentation differ"):
        train(_network(), _data(), **SETTINGS, checkpoint=tmp_path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda x: x, "must return a pair"),
        (lambda x: (x[:, :2], range(len(x))), r"must return \(s, 4\) and \(s,\)"),
        (lambda x: (x, [0]), r"with origins of shape \(1,\)"),
        (lambda x: (x[:0], []), r"returned shape \(0, 4\)"),
        (lambda x: (x, np.arange(len(x)) + 1), "origins from 1 to 5 for 5 inputs"),
        (lambda x: (x, np.arange(len(x)) - 1), "origins from -1 to 3"),
    ],
)
def test_what_augment_returns_is_checked(given, message):
    with pytest.raises(ModelError, match=message):
        augmented(lambda x, rng: given(x), torch.zeros(5, 4), np.random.default_rng(0))


def test_origins_may_be_a_tensor_or_an_array_that_is_not_to_be_written():
    fixed = np.arange(5)
    fixed.setflags(write=False)
    for origins in (fixed, torch.arange(5), list(range(5))):
        _, found = augmented(lambda x, rng, origins=origins: (x, origins), torch.zeros(5, 4), np.random.default_rng(0))
        assert found.tolist() == [0, 1, 2, 3, 4]


def test_an_example_may_vanish_but_not_a_whole_batch():
    def only_first(inputs, rng):
        return inputs[:1], [0]

    with pytest.raises(ModelError, match="left no copy of any example of a batch"):
        train(_network(), _data(), **SETTINGS, augment=only_first)


def test_plain_epochs_are_checked():
    with pytest.raises(ModelError, match="plain_epochs is 6"):
        train(_network(), _data(), **SETTINGS, plain_epochs=6)


def test_steps_together_see_each_example_and_its_share_of_unlabelled_ones():
    pool = torch.arange(100.0, 140.0)[:, None].repeat(1, 4)
    regularisation = TransformationRegularisation(1.0, unlabelled=pool, copies=3, unlabelled_share=0.5)
    copies = Copies(partial(_jitter, copies=2), regularisation)
    inputs = torch.arange(10.0)[:, None].repeat(1, 4)
    steps = list(copies.of(inputs, torch.full((10, 2), 0.5), [6, 4], np.random.default_rng(0), plain=False))
    assert [step.labelled for step in steps] == [6 * 6, 4 * 6]
    for step, own, more in zip(steps, (range(6), range(6, 10)), (3, 2), strict=True):
        origins = step.origins.numpy()
        assert set(origins[: step.labelled]) == set(own)
        assert np.bincount(origins[step.labelled :])[10:].tolist().count(6) == more
        # Each row is its origin, give or take the jitter.
        labelled = step.inputs[: step.labelled, 0].numpy()
        np.testing.assert_allclose(labelled, origins[: step.labelled], atol=1)
        assert (step.inputs[step.labelled :, 0] > 90).all()


def test_candidates_are_judged_by_their_labels_or_by_what_the_network_says_of_the_original():
    inputs, probs = torch.randn(5, 3), torch.softmax(torch.randn(5, 3), dim=1)
    candidates, origins = torch.randn(7, 3), np.array([0, 4, 4, 2, 1, 0, 3])
    model = torch.nn.Sequential(torch.nn.Dropout(0.9), torch.nn.Identity())
    labelled = losses_under(model, inputs, probs)(candidates, origins)
    torch.testing.assert_close(
        labelled, torch.nn.functional.cross_entropy(candidates, probs[origins], reduction="none")
    )
    unlabelled = losses_under(model, inputs, None)(candidates, origins)
    torch.testing.assert_close(
        unlabelled,
        torch.nn.functional.cross_entropy(candidates, torch.softmax(inputs, dim=1)[origins], reduction="none"),
    )
    assert model.training


@pytest.mark.parametrize("unlabelled", [None, np.zeros((20, 4))])
def test_who_asks_for_losses_gets_those_of_the_network_as_it_is(unlabelled):
    seen = []

    def keep_the_harder(inputs, rng, losses):
        both, origins = _jitter(inputs, rng, copies=2)
        found = losses(both, origins).reshape(2, -1)
        seen.append(float(found.mean()))
        harder = found.argmax(dim=0)
        return both.reshape(2, *inputs.shape)[harder, torch.arange(len(inputs))], np.arange(len(inputs))

    regularisation = None if unlabelled is None else TransformationRegularisation(0.1, unlabelled=unlabelled)
    train(_network(), _data(), **{**SETTINGS, "epochs": 30}, augment=keep_the_harder, regularisation=regularisation)
    # Labelled ones, where there are no others: their losses fall as the network learns.
    assert len(seen) == 30 * (1 if unlabelled is None else 4)
    if unlabelled is None:
        assert np.mean(seen[-4:]) < 0.95 * np.mean(seen[:4])
