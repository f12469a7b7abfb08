"""The training loop: it minimises the expected loss, stops, restores, resumes bit for bit, and leaves chance alone."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from labelwright.core import SoftLabels
from labelwright.core.errors import ModelError
from labelwright.endmodels import NoiseAwareClassifier
from labelwright.endmodels.torch import (
    EpochLoss,
    SoftLabelDataset,
    pick_device,
    predict_proba,
    seeded,
    soft_cross_entropy,
    train,
)


def _data(seed=0, n=150, d=4, k=3, noise=1.0):
    chance = np.random.default_rng(seed)
    X = chance.normal(size=(n, d))
    truth = np.random.default_rng(99).normal(size=(d, k))
    return SoftLabelDataset(X, softmax(X @ truth + noise * chance.normal(size=(n, k)), axis=1))


def _network(d=4, k=3):
    with seeded(7):
        return torch.nn.Sequential(
            torch.nn.Linear(d, 8),
            torch.nn.BatchNorm1d(8),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.3),
            torch.nn.Linear(8, k),
        )


def _weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def _equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


SETTINGS = {"epochs": 6, "batch_size": 32, "device": "cpu", "learning_rate": 0.02}


def test_full_batches_reach_the_minimum_of_the_expected_loss():
    data = _data(n=40)
    data.inputs = data.inputs.double()
    X, probs = data.inputs.numpy(), data.probs.numpy()
    optimizer = partial(torch.optim.SGD, momentum=0.9)
    model = torch.nn.Linear(4, 3).double()
    train(model, data, epochs=400, batch_size=40, learning_rate=1.0, optimizer=optimizer, device="cpu")
    exact = NoiseAwareClassifier(LogisticRegression(C=1e9, tol=1e-10, max_iter=9999)).fit(X, probs)
    np.testing.assert_allclose(predict_proba(model, data.inputs, device="cpu"), exact.predict_proba(X), atol=1e-5)


def test_the_reported_loss_is_the_weighted_mean():
    soft = SoftLabels([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5]], [True, True, False])
    data = SoftLabelDataset(np.eye(3), soft, uncovered=0.25)
    model = torch.nn.Linear(3, 2)
    before = _weights(model)
    result = train(model, data, valid=data, epochs=1, batch_size=1, learning_rate=1e-30, device="cpu")
    losses = soft_cross_entropy(model(data.inputs), data.probs, reduction="none").detach()
    expected = float((losses * torch.tensor([1, 1, 0.25])).sum() / 2.25)
    assert _equal(before, _weights(model))
    assert result.history[0].train == pytest.approx(expected, rel=1e-5)
    assert result.history[0].valid == pytest.approx(expected, rel=1e-5)


def test_the_same_arguments_give_the_same_bits_and_another_seed_gives_others():
    first, again, other = (train(_network(), _data(), **SETTINGS, random_state=s) for s in (0, 0, 1))
    assert _equal(_weights(first.model), _weights(again.model))
    assert first.history == again.history
    assert not _equal(_weights(first.model), _weights(other.model))


def test_global_chance_is_left_as_it_was():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(_network(), _data(), **SETTINGS)
    assert torch.equal(torch.rand(3), expected)


class Interrupted(torch.nn.Module):
    """Passes inputs on, and is stopped by Ctrl-C at the given batch."""

    def __init__(self, inner, at):
        super().__init__()
        self.inner, self.left = inner, at

    def forward(self, x):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt
        return self.inner(x)


@pytest.mark.parametrize("at", [1, 8, 23])
@pytest.mark.parametrize("with_valid", [False, True])
@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, partial(torch.optim.SGD, momentum=0.9)])
def test_interrupted_and_resumed_equals_unbroken(at, with_valid, optimizer, tmp_path):
    valid = _data(1) if with_valid else None
    settings = {**SETTINGS, "valid": valid, "optimizer": optimizer}
    unbroken = train(Interrupted(_network(), -1), _data(), **settings)
    with pytest.raises(KeyboardInterrupt):
        train(Interrupted(_network(), at), _data(), **settings, checkpoint=tmp_path)
    # A fresh process would make the network anew, from other numbers: the checkpoint must decide.
    fresh = Interrupted(torch.nn.Sequential(*_network()), -1)
    with torch.no_grad():
        fresh.inner[0].weight.zero_()
    resumed = train(fresh, _data(), **settings, checkpoint=tmp_path)
    assert resumed.history == unbroken.history
    assert resumed.best_epoch == unbroken.best_epoch
    assert _equal(_weights(resumed.model), _weights(unbroken.model))


def test_a_finished_run_is_not_trained_again_and_epochs_may_be_added(tmp_path):
    six = train(_network(), _data(), **SETTINGS, checkpoint=tmp_path)
    again = train(_network(), _data(), **SETTINGS, checkpoint=tmp_path)
    assert again.history == six.history
    assert _equal(_weights(again.model), _weights(six.model))
    more = train(_network(), _data(), **{**SETTINGS, "epochs": 9}, checkpoint=tmp_path)
    unbroken = train(_network(), _data(), **{**SETTINGS, "epochs": 9})
    assert more.history == unbroken.history
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.npz"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 16}, "its batch_size differ"),
        ({"learning_rate": 0.5}, "its optimizer differ"),
        ({"random_state": 3}, "its random_state differ"),
        ({"class_weight": [1, 1, 2]}, "its class_weight differ"),
        ({"valid": _data(1)}, "its dev set differ"),
        ({"loss": "marginal"}, "its loss differ"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(change, message, tmp_path):
    train(_network(), _data(), **SETTINGS, checkpoint=tmp_path)
    with pytest.raises(ModelError, match=message):
        train(_network(), _data(), **{**SETTINGS, **change}, checkpoint=tmp_path)


def test_a_checkpoint_of_other_data_or_another_model_is_refused(tmp_path):
    train(_network(), _data(), **SETTINGS, checkpoint=tmp_path)
    with pytest.raises(ModelError, match="its training data differ"):
        train(_network(), _data(5), **SETTINGS, checkpoint=tmp_path)
    with pytest.raises(ModelError, match="is of another model"):
        train(torch.nn.Linear(4, 3), _data(), **SETTINGS, checkpoint=tmp_path)


def test_early_stopping_restores_the_best_weights():
    # Few noisy examples, many epochs, a large step: the dev loss turns round.
    data, valid = _data(n=30, noise=4.0), _data(1, noise=0.1)
    result = train(_network(), data, valid=valid, epochs=300, patience=4, learning_rate=0.1, batch_size=8, device="cpu")
    losses = [loss.valid for loss in result.history]
    assert result.stopped_early
    assert result.best_epoch == int(np.argmin(losses)) + 1 == len(losses) - 4
    np.testing.assert_allclose(_loss(result.model, valid), min(losses), rtol=1e-6)
    assert f"epoch {result.best_epoch}" in result.outcome
    assert "not improved for 4 epochs" in result.outcome
    assert not result.model.training


def _loss(model, data):
    with torch.inference_mode():
        return float(soft_cross_entropy(model(data.inputs), data.probs))


def test_without_a_dev_set_the_last_epoch_counts():
    result = train(_network(), _data(), **SETTINGS)
    assert (result.best_epoch, result.stopped_early) == (6, False)
    assert all(isinstance(loss, EpochLoss) and loss.valid is None for loss in result.history)
    assert result.history[-1].train < result.history[0].train


def test_no_batch_is_left_over():
    # 33 examples in batches of at most 32: 17 and 16, not 32 and 1 (which BatchNorm refuses).
    sizes = []

    class Watch(torch.nn.Module):
        def forward(self, x):
            sizes.append(len(x))
            return x

    train(torch.nn.Sequential(Watch(), _network()), _data(n=33), epochs=1, batch_size=32, device="cpu")
    assert sizes == [17, 16]


def test_each_epoch_has_an_order_of_its_own_and_sees_each_example_once():
    seen = []

    class Watch(torch.nn.Module):
        def forward(self, x):
            seen.append(x[:, 0].clone())
            return x

    data = _data(n=50)
    train(torch.nn.Sequential(Watch(), torch.nn.Linear(4, 3)), data, epochs=3, batch_size=10, device="cpu")
    orders = [torch.cat(seen[5 * e : 5 * e + 5]) for e in range(3)]
    assert all(torch.equal(order.sort().values, data.inputs[:, 0].sort().values) for order in orders)
    assert not any(torch.equal(a, b) for a, b in [orders[:2], orders[1:], orders[::2]])


def test_class_weights_shift_the_answer():
    plain = train(torch.nn.Linear(4, 3), _data(), epochs=30, learning_rate=0.05, device="cpu")
    heavy = train(torch.nn.Linear(4, 3), _data(), epochs=30, learning_rate=0.05, device="cpu", class_weight=[9, 1, 1])
    a, b = (predict_proba(r.model, _data().inputs, device="cpu")[:, 0].mean() for r in (plain, heavy))
    assert b > a + 0.1


def test_progress_goes_to_who_asked():
    seen = []
    train(_network(), _data(), **SETTINGS, progress=seen.append)
    assert [(p.epoch, p.examples) for p in seen if p.examples == 150] == [(e, 150) for e in range(1, 7)]


def test_a_loss_that_is_not_finite_is_an_error():
    data = _data()
    data.inputs[3, 1] = torch.nan
    with pytest.raises(ModelError, match=r"loss of epoch 1 is nan.*learning rate"):
        train(torch.nn.Linear(4, 3), data, epochs=1, device="cpu")


@pytest.mark.parametrize("name", ["epochs", "batch_size", "patience"])
def test_settings_are_checked(name):
    with pytest.raises(ModelError, match=f"{name} is 0; it must be at least 1"):
        train(_network(), _data(), **{name: 0})


def test_devices_that_are_not_there_are_refused(monkeypatch):
    with pytest.raises(ModelError, match="allowed: 'auto', 'cpu'"):
        pick_device("abacus")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match="'cuda' is not available here"):
        pick_device("cuda")


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_cuda_then_mps_then_the_cpu(cuda, mps, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device("auto").type == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_gives_the_cpus_answer(tmp_path):
    on_gpu = train(torch.nn.Linear(4, 3).to("cpu"), _data(), epochs=60, learning_rate=0.05, checkpoint=tmp_path)
    on_cpu = train(torch.nn.Linear(4, 3), _data(), epochs=60, learning_rate=0.05, device="cpu")
    assert next(on_gpu.model.parameters()).is_cuda
    a, b = (predict_proba(result.model, _data().inputs) for result in (on_gpu, on_cpu))
    np.testing.assert_allclose(a, b, atol=0.02)
    again = train(torch.nn.Linear(4, 3), _data(), epochs=60, learning_rate=0.05, checkpoint=tmp_path)
    assert again.history == on_gpu.history
