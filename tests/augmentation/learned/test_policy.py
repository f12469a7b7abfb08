"""What a learned policy must show: it stays on the data, drops what destroys, and answers the same each time."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from labelwright.augmentation import LearnedPolicy, Random, transformation_function  # noqa: E402
from labelwright.core.errors import DataError, ModelError, NotFittedError, TransformationError  # noqa: E402

QUICK = {"length": 2, "steps": 10, "batch_size": 8, "generator": "mean_field", "estimator": "batch_mean"}


@pytest.fixture
def functions(push):
    return [push("right", 0.1, 0.0), push("up", 0.1, 0.25)]


def on_disc(points):
    return float((np.linalg.norm(points, axis=1) <= 1).mean())


def small_and_large(push):
    """Ten small and five large displacements, as in the authors' synthetic check."""
    small = [push(f"small {i}", 0.1, i / 10) for i in range(10)]
    return small + [push(f"large {i}", 1.0, i / 5) for i in range(5)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("generator", "seed", "objective"), [("mean_field", 0, "within"), ("gru", 1, "within"), ("gru", 0, "tanda")]
)
def test_points_stay_on_the_disc(disc, push, generator, seed, objective):
    policy = LearnedPolicy(
        small_and_large(push), length=4, generator=generator, objective=objective, steps=200, random_state=seed
    ).fit(disc)
    rng = np.random.default_rng(seed)
    learned = policy.apply(disc, rng)
    at_random = Random(policy.functions, length=4).apply(disc, rng)
    assert on_disc(learned.examples) > on_disc(at_random.examples) + 0.2
    # A third of the functions is large.
    assert (learned.sequences.functions >= 10).mean() < 0.2


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "objective"), [(0, "within"), (1, "within"), (0, "tanda")])
def test_what_destroys_goes_and_what_does_not_stays(seed, objective):
    rng = np.random.default_rng(seed)
    points = rng.normal([[-2.0, 0.0]], 0.4, (1000, 2)) + 4 * rng.integers(2, size=(1000, 1)) * np.array([[1.0, 0.0]])
    destroy = transformation_function("destroy", batched=True)(lambda x: x + np.array([0.0, 3.0]))
    mirror = transformation_function("mirror", batched=True)(lambda x: x * np.array([1.0, -1.0]))
    settings = {"length": 3, "generator": "mean_field", "steps": 150, "batch_size": 32}
    policy = LearnedPolicy([destroy, mirror], objective=objective, random_state=seed, **settings).fit(points)
    share = {one["function"]: np.array(one["probability"]) for one in policy.frequencies_}
    assert share["destroy"].max() < 0.05
    assert share["mirror"].mean() > 0.25


@pytest.mark.slow
def test_magnitudes_are_learned_too():
    points = np.random.default_rng(0).uniform(-1, 1, size=(600, 2))

    @transformation_function(magnitude=(-3.0, 3.0), batched=True)
    def shift(x, magnitude):
        return x + magnitude[:, None] * np.array([1.0, 0.0])

    policy = LearnedPolicy([shift], length=1, generator="mean_field", steps=150, batch_size=32).fit(points)
    share = {tuple(one["magnitude"]): one["probability"][0] for one in policy.frequencies_ if one["magnitude"]}
    assert share[(-3.0, -2.0)] + share[(2.0, 3.0)] < (share[(-1.0, 0.0)] + share[(0.0, 1.0)]) / 3


def same(one, other):
    return one.version == other.version and one.history_ == other.history_ and one.frequencies_ == other.frequencies_


def test_the_same_seed_gives_the_same_policy_and_leaves_torch_alone(disc, functions):
    torch.default_generator.manual_seed(5)
    expected = torch.rand(1)
    torch.default_generator.manual_seed(5)
    first = LearnedPolicy(functions, **QUICK).fit(disc)
    assert torch.rand(1) == expected
    assert same(first, LearnedPolicy(functions, **QUICK).fit(disc))
    assert not same(first, LearnedPolicy(functions, random_state=1, **QUICK).fit(disc))


def test_draws_depend_on_the_generator_handed_in(disc, functions):
    policy = LearnedPolicy(functions, copies=3, **QUICK).fit(disc)
    drawn = [policy.sample(disc, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert drawn[0].functions.shape == (3 * len(disc), 2)
    assert drawn[0].origins[:4].tolist() == [0, 0, 0, 1]
    assert (drawn[0].functions == drawn[1].functions).all()
    assert (drawn[0].functions != drawn[2].functions).any()


class InterruptedFitError(Exception):
    pass


@pytest.mark.parametrize(
    ("generator", "objective", "labelled"), [("mean_field", "within", 0), ("gru", "tanda", 0), ("gru", "within", 30)]
)
def test_a_stopped_fit_goes_on_to_the_same_bits(disc, functions, generator, objective, labelled, tmp_path, monkeypatch):
    monkeypatch.setattr("labelwright.core.progress._SECONDS_BETWEEN_REPORTS", 0.0)
    settings = {**QUICK, "generator": generator, "objective": objective}
    valid = (disc[:labelled], (disc[:labelled, 0] > 0).astype(int)) if labelled else None

    def interrupt(where):
        if where.step == 4:
            raise InterruptedFitError

    whole = LearnedPolicy(functions, **settings).fit(disc, valid=valid)
    with pytest.raises(InterruptedFitError):
        LearnedPolicy(functions, **settings).fit(disc, valid=valid, checkpoint=tmp_path, progress=interrupt)
    resumed = LearnedPolicy(functions, **settings)
    seen = []
    resumed.fit(disc, valid=valid, checkpoint=tmp_path, progress=seen.append)
    assert same(whole, resumed)
    assert seen[0].step == 5
    assert "round " in str(seen[-1])


def test_a_checkpoint_of_something_else_is_refused(disc, functions, tmp_path):
    LearnedPolicy(functions, **QUICK).fit(disc, checkpoint=tmp_path)
    with pytest.raises(ModelError, match="other settings, functions or examples"):
        LearnedPolicy(functions, entropy=0.5, **QUICK).fit(disc, checkpoint=tmp_path)
    with pytest.raises(ModelError, match="other settings, functions or examples"):
        LearnedPolicy(functions, **QUICK).fit(2 * disc, checkpoint=tmp_path)
    with pytest.raises(ModelError, match="other settings, functions or examples"):
        LearnedPolicy(functions, **QUICK).fit(disc, valid=(disc[:8], np.arange(8) % 2), checkpoint=tmp_path)


@pytest.mark.parametrize("generator", ["mean_field", "lstm"])
def test_what_was_saved_is_read_back(disc, functions, push, generator, tmp_path):
    policy = LearnedPolicy(functions, **{**QUICK, "generator": generator}).fit(disc)
    policy.save(tmp_path / "policy")
    assert sorted(path.name for path in (tmp_path / "policy").iterdir()) == ["generator.safetensors", "policy.json"]
    read = LearnedPolicy.load(tmp_path / "policy", [push("other", 1.0, 0.0), *reversed(functions)])
    assert same(policy, read)
    assert repr(read) == repr(policy)
    one, other = (each.sample(disc, np.random.default_rng(0)) for each in (policy, read))
    assert (one.functions == other.functions).all()


def test_functions_are_matched_by_name_and_version(disc, functions, push, tmp_path):
    LearnedPolicy(functions, **QUICK).fit(disc).save(tmp_path / "policy")
    with pytest.raises(ModelError, match=r"not given: \['up'\]; given: \['right'\]"):
        LearnedPolicy.load(tmp_path / "policy", functions[:1])
    with pytest.raises(ModelError, match=r"have changed .*: \['right'\]; fit it again"):
        LearnedPolicy.load(tmp_path / "policy", [push("right", 0.2, 0.0), functions[1]])


def test_a_folder_that_holds_no_policy_is_told(disc, functions, tmp_path):
    with pytest.raises(DataError, match="holds no learned policy"):
        LearnedPolicy.load(tmp_path, functions)
    LearnedPolicy(functions, **QUICK).fit(disc).save(tmp_path / "policy")
    (tmp_path / "policy" / "generator.safetensors").write_bytes(b"half")
    with pytest.raises(DataError, match="cannot be read"):
        LearnedPolicy.load(tmp_path / "policy", functions)


def test_it_says_what_it_learned(disc, functions):
    policy = LearnedPolicy(functions, **{**QUICK, "estimator": "auto"})
    with pytest.raises(NotFittedError, match="call fit"):
        policy.sample(disc, np.random.default_rng(0))
    before = policy.version
    policy.fit(disc)
    assert policy.version != before
    assert [record["step"] for record in policy.history_] == list(range(1, len(policy.history_) + 1))
    assert set(policy.variances_) == {"batch_mean", "leave_one_out"}
    assert policy.estimator_ == min(policy.variances_, key=policy.variances_.get)
    assert "tells with an AUC" in policy.outcome_
    assert np.allclose(np.sum([one["probability"] for one in policy.frequencies_], axis=0), 1)
    json.dumps([policy.history_, policy.frequencies_, policy.marks_])
    assert "2 functions" in repr(policy)
    assert "<table" in policy._repr_html_()


def test_labels_say_how_much_of_what_was_learned_counts(disc, functions, monkeypatch):
    monkeypatch.setattr("labelwright.augmentation.learned.selection._ROUNDS", 5)
    labels = (disc[:, 0] > 0).astype(int)
    policy = LearnedPolicy(functions, objective="tanda", **QUICK).fit(disc, valid=(disc[:40], labels[:40]))
    losses = {one["trust"]: one["loss"] for one in policy.trusts_}
    assert sorted(losses) == [0.0, 0.25, 0.5, 1.0]
    assert f"{min(losses, key=losses.get):.0%} of what was learned" in policy.outcome_


@pytest.mark.parametrize(
    ("valid", "message"),
    [
        ("both", "a pair"),
        ((np.zeros((5, 2)), [0.5] * 5), "one class code"),
        ((np.zeros((5, 2)), [1] * 5), "two classes or more"),
        ((np.zeros((4, 3)), [0, 1] * 2), r"shape \(3,\) and the others \(2,\)"),
        ((np.full((4, 2), np.nan), [0, 1] * 2), "4 of 4 examples hold NaN"),
    ],
)
def test_a_labelled_set_that_is_none_is_refused(disc, functions, valid, message):
    with pytest.raises(ModelError, match=message):
        LearnedPolicy(functions, **QUICK).fit(disc, valid=valid)


def test_functions_that_always_fail_are_left_out_and_named(disc, functions):
    @transformation_function
    def broken(point):
        raise RuntimeError("no such thing")

    policy = LearnedPolicy([broken, *functions], **QUICK).fit(disc)
    assert "no such thing" in policy.left_out_["broken"]
    assert "broken" in policy.outcome_
    assert "broken" in policy.findings_[0]
    assert not (policy.sample(disc, np.random.default_rng(0)).functions == 0).any()
    with pytest.raises(ModelError, match="every function failed"):
        LearnedPolicy([broken], **QUICK).fit(disc)


def test_a_function_that_draws_from_shared_chance_is_refused(disc):
    hidden = transformation_function("hidden", batched=True)(lambda points: points + np.random.rand())  # noqa: NPY002
    with pytest.raises(TransformationError, match="hidden"):
        LearnedPolicy([hidden], **QUICK).fit(disc)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 30}, "multiple of 4"),
        ({"steps": 5}, "at least 10"),
        ({"batch_size": 800}, "1000 examples"),
        ({"estimator": "reinforce"}, "allowed: 'auto', 'batch_mean', 'leave_one_out'"),
        ({"generator": "rnn"}, "allowed: 'gru'"),
        ({"objective": "usual"}, "allowed: 'within', 'tanda'"),
        ({"discount": 1.5}, r"in \[0, 1\]"),
        ({"diversity": -1.0}, r"in \[0, inf\]"),
    ],
)
def test_settings_out_of_range_are_refused(disc, functions, settings, message):
    with pytest.raises(ModelError, match=message):
        LearnedPolicy(functions, **{**QUICK, **settings}).fit(disc)


def test_examples_that_are_not_finite_are_refused(disc, functions):
    disc[17, 1] = np.nan
    with pytest.raises(ModelError, match="1 of 1000 examples hold NaN or infinity, the first at position 17"):
        LearnedPolicy(functions, **QUICK).fit(disc)


TEXTS = [f"{adjective} {noun} {verb}" for adjective in ("red", "old", "wet", "shy") for noun in ("dog", "cat", "fox", "owl")
         for verb in ("runs", "sleeps", "eats", "waits")]  # fmt: skip


@pytest.mark.parametrize(
    "examples",
    [
        pytest.param(TEXTS, id="texts"),
        pytest.param([{"text": text, "length": len(text)} for text in TEXTS], id="records"),
    ],
)
def test_texts_and_records_are_learned_from_as_they_are(examples):
    @transformation_function(field=None if isinstance(examples[0], str) else "text")
    def turned(text):
        return text[::-1]

    @transformation_function(field=turned.field)
    def reordered(text):
        return " ".join(reversed(text.split()))

    policy = LearnedPolicy([turned, reordered], **QUICK).fit(examples)
    assert type(policy.apply(examples, np.random.default_rng(0)).examples[0]) is type(examples[0])


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 17, 12), (1, 40, 40), (2, 30)])
def test_images_and_series_of_any_size(shape):
    examples = torch.rand(40, *shape, generator=torch.Generator().manual_seed(0))
    darker = transformation_function("darker", batched=True, magnitude=(0.0, 0.5))(
        lambda x, magnitude: x * (1 - torch.as_tensor(magnitude, dtype=x.dtype).reshape(-1, *[1] * (x.ndim - 1)))
    )
    policy = LearnedPolicy([darker], **QUICK).fit(examples)
    assert policy.apply(examples, np.random.default_rng(0)).examples.shape == examples.shape


def test_a_discriminator_and_an_encoding_of_ones_own(disc, functions):
    class Own(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(4, 3)

        def forward(self, rows):
            features = self.inner(rows)
            return features[:, 0], features

    own = Own()
    before = own.inner.weight.clone()
    policy = LearnedPolicy(
        functions, discriminator=own, encode=lambda points: np.concatenate([points, points**2], axis=1), **QUICK
    ).fit(disc)
    assert torch.equal(before, own.inner.weight)
    assert not torch.equal(before, policy.discriminator_.inner.weight)
