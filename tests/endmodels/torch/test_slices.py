"""The slice-aware model: slices that say nothing change nothing, a planted slice is found, bad slices are refused."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest

from labelwright.core import SoftLabels
from labelwright.core.errors import DataError, ModelError, NotFittedError, SliceError
from labelwright.core.slices import Slices

torch = pytest.importorskip("torch", reason="needs the extra torch")

from labelwright.endmodels.torch import SoftLabelDataset, predict_proba, seeded, train  # noqa: E402
from labelwright.endmodels.torch.slice_loss import slice_loss  # noqa: E402
from labelwright.endmodels.torch.slice_network import SliceNetwork, confidence_of  # noqa: E402
from labelwright.endmodels.torch.slices import SliceAwareClassifier  # noqa: E402

Model = partial(SliceAwareClassifier, epochs=3, batch_size=16, device="cpu")


def planted(n, seed, *, k=2, share=0.06):
    """Another rule holds where the first feature is high: a slice that a narrow shared trunk passes over."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 20))
    inside = X[:, 0] > np.quantile(X[:, 0], 1 - share)
    usual, other = X[:, 1:6].sum(axis=1) / 5**0.5, (X[:, 6] - X[:, 7] + X[:, 8]) / 3**0.5 - 0.5
    edges = np.array([0.0]) if k == 2 else np.array([-0.43, 0.43])
    y = np.searchsorted(edges, np.where(inside, other, usual))
    seen = np.where(rng.random(n) < 0.15, (y + rng.integers(1, k, size=n)) % k, y)
    probs = np.full((n, k), 0.15 / (k - 1))
    probs[np.arange(n), seen] = 0.85
    return X, y, probs, inside


def narrow(shape):
    return torch.nn.Sequential(torch.nn.Linear(shape[0], 16), torch.nn.ReLU())


@pytest.fixture(scope="module")
def small():
    return planted(120, 0, k=3, share=0.3)


def test_without_slices_it_is_the_plain_network_bit_for_bit(small):
    X, _, probs, _ = small
    model = Model(narrow, average=None, random_state=4).fit(X, probs)
    with seeded(4):
        plain = torch.nn.Sequential(narrow((20,)), torch.nn.Linear(16, 3))
    descent = partial(torch.optim.AdamW, weight_decay=5e-4)
    settings = {"epochs": 3, "batch_size": 16, "learning_rate": 0.004, "scheduler": "one_cycle", "random_state": 4}
    train(plain, SoftLabelDataset(X, probs), optimizer=descent, device="cpu", **settings)
    assert np.array_equal(model.predict_proba(X), predict_proba(plain, X, batch_size=500, device="cpu"))


@pytest.mark.parametrize("columns", [1, 2])
def test_a_slice_of_all_examples_changes_nothing(small, columns):
    X, _, probs, _ = small
    alone = Model().fit(X, probs)
    model = Model().fit(X, probs, np.ones((120, columns), dtype=bool))
    assert model.slices_ == ()
    assert np.array_equal(model.predict_proba(X), alone.predict_proba(X))
    for name, value in alone.network_.state_dict().items():
        assert torch.equal(value, model.network_.state_dict()[name])


def test_an_all_true_slice_beside_another_changes_nothing(small):
    X, _, probs, inside = small
    one = Model().fit(X, probs, Slices(inside[:, None], ["odd"]))
    two = Model().fit(X, probs, Slices(np.column_stack([np.ones(120, dtype=bool), inside]), ["all", "odd"]))
    assert two.slices_ == one.slices_ == ("odd",)
    assert np.array_equal(one.predict_proba(X), two.predict_proba(X))


def test_it_is_deterministic_and_leaves_global_chance_alone(small):
    X, _, probs, inside = small
    before = torch.get_rng_state()
    one, two = (Model().fit(X, probs, inside[:, None]).predict_proba(X) for _ in range(2))
    assert np.array_equal(one, two)
    assert torch.equal(before, torch.get_rng_state())
    assert not np.array_equal(one, Model(random_state=1).fit(X, probs, inside[:, None]).predict_proba(X))


def test_uncovered_examples_and_their_membership_are_left_out(small):
    X, _, probs, inside = small
    covered = np.arange(120) % 4 > 0
    soft = SoftLabels(probs, covered=covered, classes=["a", "b", "c"])
    whole = Model().fit(X, soft, inside[:, None])
    part = Model().fit(X[covered], probs[covered], inside[covered][:, None])
    assert np.array_equal(whole.predict_proba(X), part.predict_proba(X))
    assert set(whole.predict(X)) <= {"a", "b", "c"}


def test_attention_is_a_softmax_of_membership_times_confidence():
    with seeded(0):
        network = SliceNetwork(torch.nn.Identity(), 4, classes=3, shares=[0.2, 0.7], temperature=0.5)
        output = network.outputs(torch.randn(6, 4))
    best = output.heads.sort(dim=-1, descending=True).values
    belongs = torch.cat([torch.ones(6, 1), torch.sigmoid(output.indicators)], dim=1)
    expected = belongs * torch.exp((best[..., 0] - best[..., 1]) / 0.5)
    expected = expected / expected.sum(dim=1, keepdim=True)
    assert torch.allclose(output.attention, expected)
    assert torch.allclose(output.logits, (expected[..., None] * output.heads).sum(dim=1))


@pytest.mark.parametrize("confidence", ["gap", "probability"])
def test_a_confident_no_counts_as_a_confident_yes(confidence):
    logits = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(confidence_of(logits, confidence), confidence_of(logits.flip(-1), confidence))


def test_an_expert_learns_from_members_alone():
    with seeded(0):
        network = SliceNetwork(torch.nn.Identity(), 4, classes=2, shares=[0.25], temperature=1e9)
        inputs, member = torch.randn(6, 4), torch.tensor([[1.0], [0.0]] * 3)
    probs, weight = torch.tensor([[0.9, 0.1], [0.2, 0.8]] * 3), torch.tensor([1.0, 2.0] * 3)
    loss = slice_loss(network.outputs(inputs), probs, member, weight, torch.tensor([0.25]))
    output = network.outputs(inputs)
    ce = [-(probs * torch.log_softmax(logits, dim=1)).sum(dim=1) for logits in (output.logits, *output.heads.unbind(1))]
    # As the indicator was taught, with as many members as others: its odds less those of the share, 1 to 3.
    sure = torch.sigmoid(output.indicators[:, 0] + np.log(3))
    told = torch.where(member[:, 0] > 0, -torch.log(sure) / 0.5, -torch.log(1 - sure) / 1.5)
    assert torch.allclose(loss, weight * (ce[0] + ce[1] + member[:, 0] * ce[2] / 0.5 + told), atol=1e-6)


def test_experts_at_once_are_experts_one_by_one():
    with seeded(0):
        network = SliceNetwork(torch.nn.Identity(), 4, classes=3, shares=[0.2, 0.7])
        inputs = torch.randn(6, 4)
    hidden, answer = network.experts[0], network.experts[3]
    for s in range(2):
        unit = torch.relu(inputs @ hidden.weight[4 * s : 4 * s + 4].T + hidden.bias[4 * s : 4 * s + 4])
        own = unit @ answer.weight[3 * s : 3 * s + 3, :, 0].T + answer.bias[3 * s : 3 * s + 3]
        assert torch.allclose(network.outputs(inputs).heads[:, 1 + s], own, atol=1e-6)


def test_who_surely_does_not_belong_is_answered_by_the_head_for_everybody():
    with seeded(0):
        network = SliceNetwork(torch.nn.Identity(), 4, classes=3, shares=[0.1])
        inputs = torch.randn(6, 4)
    with torch.no_grad():
        network.indicator.bias.fill_(-50.0)
    assert torch.allclose(network(inputs), network.head(inputs), atol=1e-6)


def test_a_dev_set_stops_training_and_keeps_the_best_weights(small):
    X, _, probs, inside = small
    noise = np.random.default_rng(1).dirichlet([1, 1, 1], size=40)
    model = Model(epochs=30, patience=2, learning_rate=0.05).fit(X, probs, inside[:, None], valid=(X[:40], noise))
    losses = [epoch.valid for epoch in model.result_.history]
    assert model.result_.stopped_early
    assert losses.index(min(losses)) + 1 == model.result_.best_epoch == len(losses) - 2
    with pytest.raises(ModelError, match="patience is 0"):
        Model(patience=0).fit(X, probs)


@pytest.mark.parametrize("sliced", [True, False])
def test_a_saved_model_says_the_same(small, tmp_path, sliced):
    X, _, probs, inside = small
    soft = SoftLabels(probs, classes=["a", "b", "c"])
    model = Model("linear", temperature=0.5).fit(X, soft, Slices(inside[:, None], ["odd"]) if sliced else None)
    model.save(tmp_path / "model")
    again = SliceAwareClassifier.load(tmp_path / "model", device="cpu")
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert np.array_equal(again.slice_proba(X), model.slice_proba(X))
    assert (again.slices_, again.classes_.tolist()) == (("odd",) if sliced else (), ["a", "b", "c"])


def test_a_trunk_of_ones_own_is_handed_in_again(small, tmp_path):
    X, _, probs, inside = small
    model = Model(narrow).fit(X, probs, inside[:, None])
    model.save(tmp_path / "model")
    with pytest.raises(ModelError, match="trunk of your own"):
        SliceAwareClassifier.load(tmp_path / "model")
    again = SliceAwareClassifier.load(tmp_path / "model", trunk=narrow, device="cpu")
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    with pytest.raises(NotFittedError):
        SliceAwareClassifier().save(tmp_path / "other")
    description = json.loads((tmp_path / "model" / "model.json").read_text())
    (tmp_path / "model" / "model.json").write_text(json.dumps(description | {"slices": []}))
    with pytest.raises(DataError, match="is not a saved slice-aware model"):
        SliceAwareClassifier.load(tmp_path / "model", trunk=narrow)


@pytest.mark.slow
@pytest.mark.parametrize(("k", "share"), [(2, 0.06), (3, 0.06)])
def test_a_planted_slice_gains_and_the_rest_loses_nothing(k, share):
    X, _, probs, inside = planted(3000, 0, k=k, share=share)
    X_new, y, _, where = planted(6000, 99, k=k, share=share)
    settings = {"epochs": 20, "device": "cpu"}
    plain = SliceAwareClassifier(narrow, **settings).fit(X, probs)
    aware = SliceAwareClassifier(narrow, **settings).fit(X, probs, Slices(inside[:, None], ["high"]))

    def recall(model, rows):
        hit = model.predict(X_new) == y
        return np.mean([hit[rows & (y == code)].mean() for code in range(k)])

    assert recall(aware, where) >= recall(plain, where) + 0.10
    assert recall(aware, ~where) >= recall(plain, ~where) - 0.01
    found = aware.slice_proba(X_new)
    assert found.shape == (6000, 1)
    assert ((found[:, 0] > 0.5) == where).mean() > 0.95


@pytest.mark.parametrize(
    ("member", "error", "match"),
    [
        (np.zeros((120, 1), dtype=bool), ModelError, "slice '0' holds 0 of the 120"),
        (np.arange(120)[:, None] < 9, ModelError, "at least 10"),
        (np.arange(120)[:, None] < [40, 40], ModelError, "'0' and '1' hold the same"),
        (np.ones((119, 1), dtype=bool), SliceError, "119 examples"),
        (np.ones(120, dtype=bool), SliceError, "must be"),
        (np.full((120, 1), np.nan), SliceError, "True and False"),
    ],
)
def test_slices_that_teach_nothing_are_refused(small, member, error, match):
    with pytest.raises(error, match=match):
        Model().fit(small[0], small[2], member)


def test_inputs_and_settings_are_checked(small):
    X, _, probs, inside = small
    with pytest.raises(NotFittedError):
        Model().predict(X)
    with pytest.raises(ModelError, match="NaN"):
        Model().fit(np.where(X > 2, np.nan, X), probs)
    with pytest.raises(ModelError, match="features"):
        Model().fit(X[:, 0], probs)
    with pytest.raises(ModelError, match="119"):
        Model().fit(X[:119], probs)
    with pytest.raises(ModelError, match="temperature"):
        Model(temperature=0.0).fit(X, probs, inside[:, None])
    with pytest.raises(ModelError, match="confidence"):
        Model(confidence="vote").fit(X, probs, inside[:, None])
    with pytest.raises(ModelError, match="epochs"):
        SliceAwareClassifier(epochs=0).fit(X, probs)
    with pytest.raises(ModelError, match="shape"):
        Model().fit(X, probs).predict(X[:, :3])
