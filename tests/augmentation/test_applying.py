"""Applying sequences: laws that hold for every kind of batch, and what is done about functions that break rules."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.augmentation import Magnitude, Random, Sequences, TransformationFunction, apply_sequences
from labelwright.core.errors import DataError, FunctionError, TransformationError
from labelwright.core.seeds import generator

NAN = float("nan")


def tf(function, name="f", **more):
    return TransformationFunction(name=name, function=function, **more)


def asked(*rows, magnitudes=None, origins=None):
    codes = np.array(rows)
    return Sequences(
        np.arange(len(rows)) if origins is None else origins,
        codes,
        np.full(codes.shape, NAN) if magnitudes is None else magnitudes,
    )


def apply(functions, batch, sequences=None, *, seed=0, **more):
    functions = functions if isinstance(functions, list) else [functions]
    sequences = asked(*[[0]] * len(batch)) if sequences is None else sequences
    return apply_sequences(functions, batch, sequences, generator(seed), **more)


# Numbers, as every kind of batch: a function of one example and its batched twin do the same to each.

UNIT = Magnitude(0.0, 1.0)
ONE = [
    tf(lambda x: x * 2, "double"),
    tf(lambda x, magnitude: x + magnitude, "add", magnitude=UNIT),
    tf(lambda x: None if x.sum() > 3 else x - 1, "less"),
]
BATCHED = [
    tf(lambda x: x * 2, "double", batched=True),
    tf(lambda x, magnitude: x + as_kind(magnitude, x)[:, None], "add", magnitude=UNIT, batched=True),
]


def as_kind(array, like):
    return torch.as_tensor(array, dtype=like.dtype) if isinstance(like, torch.Tensor) else array.astype(like.dtype)


KINDS = {
    "array": lambda rows: np.array(rows, dtype=np.float32),
    "tensor": lambda rows: torch.tensor(rows, dtype=torch.float32),
    "arrays": lambda rows: [np.array(row, dtype=np.float32) for row in rows],
    "tensors": lambda rows: [torch.tensor(row, dtype=torch.float32) for row in rows],
}


class Picture:
    """Something that is no array."""


def numbers(batch):
    return np.array([np.asarray(row, dtype=np.float32) for row in batch])


@st.composite
def problems(draw, functions=3):
    n = draw(st.integers(1, 5))
    s = draw(st.integers(1, 8))
    length = draw(st.integers(1, 3))
    rows = draw(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=n, max_size=n))
    codes = np.array(
        draw(
            st.lists(st.lists(st.integers(-1, functions - 1), min_size=length, max_size=length), min_size=s, max_size=s)
        )
    )
    origins = draw(st.lists(st.integers(0, n - 1), min_size=s, max_size=s))
    sizes = draw(st.lists(st.integers(0, 4), min_size=s * length, max_size=s * length))
    magnitudes = np.where(codes == 1, np.reshape(sizes, (s, length)) / 4, NAN)
    return rows, Sequences(origins, codes, magnitudes)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30)
@given(problem=problems())
def test_each_sequence_is_applied_from_left_to_right_to_its_origin(kind, problem):
    rows, sequences = problem
    batch = KINDS[kind](rows)
    before = numbers(batch).copy()
    augmented = apply(ONE, batch, sequences)
    assert type(augmented.examples) is type(batch)
    assert np.array_equal(numbers(batch), before)  # the caller's examples stay as they are
    for position in range(len(sequences)):
        x, applied = np.array(rows[sequences.origins[position]], dtype=np.float32), []
        for code, magnitude in zip(sequences.functions[position], sequences.magnitudes[position], strict=True):
            more = {"magnitude": magnitude} if code == 1 else {}
            found = None if code == -1 else ONE[code].function(x, **more)
            applied.append(found is not None)
            x = x if found is None else found
        assert np.array_equal(np.asarray(augmented.examples[position]), x)
        assert augmented.applied[position].tolist() == applied


@pytest.mark.parametrize("kind", ["array", "tensor"])
@settings(max_examples=30)
@given(problem=problems(functions=2))
def test_a_batched_function_does_what_its_twin_of_one_example_does(kind, problem):
    rows, sequences = problem
    one, batched = (apply(functions, KINDS[kind](rows), sequences) for functions in (ONE, BATCHED))
    assert np.array_equal(numbers(one.examples), numbers(batched.examples))
    assert np.array_equal(one.applied, batched.applied)


noisy = tf(lambda x, rng: x + rng.random(), "noisy")
fails = tf(lambda x, rng: 1 / 0, "fails")


@settings(max_examples=30)
@given(problems(functions=3), st.integers(0, 100))
def test_what_becomes_of_an_example_does_not_depend_on_the_others(problem, seed):
    rows, sequences = problem
    functions = [noisy, fails, tf(lambda x, rng: None if rng.random() < 0.5 else x * 2, "some")]
    batch = np.array(rows, dtype=float)
    together = apply(functions, batch, sequences, seed=seed, on_error="skip")
    for position in range(len(sequences)):
        # The others now do nothing at all.
        codes = np.full_like(sequences.functions, -1)
        codes[position] = sequences.functions[position]
        alone = Sequences(sequences.origins, codes, sequences.magnitudes)
        again = apply(functions, batch, alone, seed=seed, on_error="skip")
        assert np.array_equal(again.examples[position], together.examples[position])


def test_examples_and_steps_have_chance_of_their_own():
    augmented = apply(noisy, np.zeros(50), asked(*[[0, 0]] * 50))
    once = apply(noisy, np.zeros(50), asked(*[[0, -1]] * 50))
    assert len(set(augmented.examples)) == 50
    assert not np.isin(augmented.examples - once.examples, once.examples).any()


@pytest.mark.parametrize("batched", [True, False])
def test_the_same_chance_gives_the_same_and_another_gives_another(batched):
    noise = tf(lambda x, rng: x + rng.random(x.shape), batched=batched)
    first, again, other = (apply(noise, np.zeros((4, 2)), seed=seed).examples for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not (first == other).any()
    assert len(np.unique(first)) == 8


def test_labels_carry_over_by_origins():
    sequences = asked([0], [-1], [0], origins=[2, 0, 2])
    augmented = apply(tf(str.upper), ["a", "b", "c"], sequences)
    assert augmented.examples == ["C", "a", "C"]
    assert np.array([0.1, 0.2, 0.3])[augmented.origins].tolist() == [0.3, 0.1, 0.3]


@pytest.mark.parametrize("batch", [[], np.zeros((0, 3)), torch.zeros(0, 3)])
def test_no_examples_give_none(batch):
    augmented = Random([tf(lambda x: x)]).apply(batch, generator(0))
    assert len(augmented.examples) == 0
    assert augmented.applied.shape == (0, 2)


# Fields.


def test_a_function_of_a_field_gets_and_returns_its_value():
    records = [{"text": "a", "id": 1}, {"text": "b", "id": 2}]
    for function in (
        tf(str.upper, field="text"),
        tf(lambda texts: [text.upper() for text in texts], field="text", batched=True),
        tf(lambda x: {**x, "text": x["text"].upper()}),
    ):
        augmented = apply(function, records, asked([0], [-1]))
        assert augmented.examples == [{"text": "A", "id": 1}, {"text": "b", "id": 2}]
        assert type(augmented.examples[0]) is dict
    assert records[0] == {"text": "a", "id": 1}


def test_a_field_that_is_not_there_is_an_error():
    with pytest.raises(DataError, match=r"field 'body', which not every record has; all have \['id', 'text'\]"):
        apply(tf(str.upper, field="body"), [{"text": "a", "id": 1}])
    with pytest.raises(DataError, match="examples must be records"):
        apply(tf(str.upper, field="body"), ["a"])
    with pytest.raises(DataError, match=r"must be records \(a list of dict\); got ndarray"):
        apply(tf(str.upper, field="body"), np.zeros(2))


# Functions that break rules: an error that names function, example and step, or a count.

IMAGES = torch.linspace(0, 1, 4 * 3 * 2 * 2).reshape(4, 3, 2, 2)


def on_some(change, which=(1, 2)):
    """A batched function that applies ``change`` to some of four examples."""

    def function(x):
        x = x.clone() if isinstance(x, torch.Tensor) else x.copy()
        for row in which:
            x[row] = change(x[row])
        return x

    return tf(function, "bad", batched=True)


def edit(x):
    x[0] = 1
    return x


def edit_record(x):
    x["text"] = "b"
    return x


def raise_on(examples):
    def function(x):
        if any(float(row.max()) == float(example.max()) for row in x for example in examples):
            raise RuntimeError("no such luck")
        return x * 0.5

    return function


BAD = {
    # what is wrong: function, batch, examples it fails on, words of the message
    "raises": (tf(lambda x: 1 / 0, "bad"), ["a", "b"], [0, 1], "raised ZeroDivisionError"),
    "raises, batched": (tf(raise_on(IMAGES[1:3]), "bad", batched=True), IMAGES, [1, 2], "RuntimeError: no such luck"),
    "raises on texts": (tf(lambda x: [{"a": 1}[t] for t in x], "bad", batched=True), ["b", "b"], [0, 1], "KeyError"),
    "type": (tf(len, "bad"), ["a", "b"], [0, 1], "returned int where it got str"),
    "type of a batch": (
        tf(lambda x: x.numpy(), "bad", batched=True),
        IMAGES,
        [0, 1, 2, 3],
        "ndarray where it got Tensor",
    ),
    "type in a list": (tf(lambda x: [1, "b"], "bad", batched=True), ["a", "b"], [0], "int where it got str"),
    "text for a list": (tf(lambda x: "ab", "bad", batched=True), ["a", "b"], [0, 1], "a str of 2 where it got a list"),
    "too few": (tf(lambda x: x[:1], "bad", batched=True), ["a", "b"], [0, 1], "a list of 1 where it got a list of 2"),
    "record lost a field": (tf(lambda x: {}, "bad"), [{"a": 1}], [0], r"fields missing \['a'\]"),
    "record has a type": (tf(lambda x: {"a": "1"}, "bad"), [{"a": 1}], [0], "in field 'a' returned str where it"),
    "no record": (tf(lambda x: 1, "bad"), [{"a": 1}], [0], "where it got a record"),
    "shape": (tf(lambda x: x[:, :1], "bad"), IMAGES, [0, 1, 2, 3], r"shape \(3, 1, 2\) where it got \(3, 2, 2\)"),
    "shape of a batch": (
        tf(lambda x: x[:, :, :1], "bad", batched=True),
        IMAGES,
        [0, 1, 2, 3],
        r"shape \(4, 3, 1, 2\) where",
    ),
    "shape in a list": (
        tf(lambda x: x[:1], "bad"),
        [np.zeros(2), np.zeros(1)],
        [0],
        r"shape \(1,\) where it got \(2,\)",
    ),
    "dtype": (tf(lambda x: x.double(), "bad"), IMAGES, [0, 1, 2, 3], "dtype torch.float64 where it got torch.float32"),
    "dtype of a batch": (
        tf(lambda x: x > 0, "bad", batched=True),
        np.zeros((2, 3)),
        [0, 1],
        "dtype bool where it got float64",
    ),
    "NaN": (tf(lambda x: x * NAN, "bad"), np.eye(2), [0, 1], "returned NaN or infinity"),
    "NaN, batched": (on_some(lambda x: x * NAN), np.ones((4, 2)), [1, 2], "returned NaN or infinity"),
    "NaN in a tensor": (on_some(lambda x: x * NAN), IMAGES, [1, 2], "returned NaN or infinity"),
    "NaN of a number": (tf(lambda x: NAN, "bad"), [1.0], [0], "returned nan"),
    "range": (on_some(lambda x: x + 1), IMAGES, [1, 2], r"outside \[0, 1\]"),
    "range of an array": (on_some(lambda x: x - 1), IMAGES.numpy(), [1, 2], r"outside \[0, 1\]"),
    "range, one by one": (tf(lambda x: x * 3, "bad"), IMAGES, [1, 2, 3], r"from .* to .*, outside \[0, 1\]"),
    "edits an array": (tf(edit, "bad"), np.zeros((2, 2)), [0, 1], "edited its input in place"),
    "edits a batch": (tf(edit, "bad", batched=True), np.zeros((2, 2)), [0, 1], "edited its input in place"),
    "edits a tensor": (tf(edit, "bad"), torch.zeros(2, 2), [0, 1], "edited its input in place"),
    "edits a batch of tensors": (tf(edit, "bad", batched=True), torch.zeros(2, 2), [0, 1], "edited its input in place"),
    "edits one of a list": (tf(edit, "bad"), [np.zeros(2), torch.zeros(2)], [0, 1], "edited its input in place"),
    "edits a record": (tf(edit_record, "bad"), [{"text": "a"}], [0], "edited its input in place"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_function_that_breaks_a_rule_is_an_error(case):
    function, batch, examples, said = BAD[case]
    # One that does nothing comes first, so that the rule is broken in step 2, and the origins are turned round.
    steps = [[1, 0]] * len(batch)
    origins = np.arange(len(batch))
    with pytest.raises(TransformationError, match=said) as caught:
        apply([function, tf(lambda x: None)], batch, asked(*steps, origins=origins))
    assert "'bad'" in str(caught.value)
    assert f"on example {examples[0]} of the batch (step 2 of 2)" in str(caught.value)
    assert (caught.value.source, caught.value.example_id, caught.value.step) == ("bad", examples[0], 1)


@pytest.mark.parametrize("case", BAD)
def test_a_function_that_breaks_a_rule_is_counted(case):
    function, batch, examples, _ = BAD[case]
    before = [
        x.clone() if isinstance(x, torch.Tensor) else np.copy(x) if isinstance(x, np.ndarray) else x for x in batch
    ]
    augmented = apply(function, batch, on_error="skip")
    assert augmented.failures[0].source == "bad"
    assert augmented.failures[0].count == len(examples)
    assert [example for example, _ in augmented.failures[0].first] == examples[:5]
    for position, given_ in enumerate(before):
        assert np.array_equal(np.asarray(batch[position]), np.asarray(given_))  # the caller's example is whole
        if position in examples:  # and it goes on as it was
            assert np.array_equal(np.asarray(augmented.examples[position]), np.asarray(given_))
        assert augmented.applied[position, 0] == (position not in examples)


def test_a_failed_step_leaves_the_next_its_turn():
    augmented = apply([tf(lambda x: 1 / 0, "bad"), tf(str.upper, "shout")], ["a"], asked([0, 1]), on_error="skip")
    assert augmented.examples == ["A"]
    assert augmented.applied.tolist() == [[False, True]]


def test_failures_are_added_up_over_steps_and_origins_named():
    bad = tf(lambda x: 1 / 0, "bad")
    augmented = apply(bad, ["a", "b"], asked([0, 0], [-1, 0], origins=[1, 0]), on_error="skip")
    (failure,) = augmented.failures
    assert failure.count == 3
    assert failure.first[0] == (1, "step 1: raised ZeroDivisionError: division by zero")


def test_the_error_says_magnitude_and_cause():
    bad = tf(lambda x, magnitude: 1 / 0, "bad", magnitude=UNIT)
    with pytest.raises(TransformationError, match=r"step 1 of 1, magnitude 0.25") as caught:
        apply(bad, ["a"], asked([0], magnitudes=[[0.25]]))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_batched_function_that_always_raises_is_not_called_for_ever():
    calls = []

    def function(x):
        calls.append(len(x))
        raise ValueError

    augmented = apply(tf(function, "bad", batched=True), np.zeros((5000, 1)), on_error="skip")
    assert augmented.failures[0].count == 5000
    assert len(calls) < 100


def test_numbers_that_were_not_finite_may_stay_so():
    batch = np.array([[1.0, NAN], [1.0, 2.0]])
    for batched in (True, False):
        assert not apply(tf(lambda x: x * 2, batched=batched), batch).failures
    assert apply(tf(lambda x: float("inf"), "f"), [NAN]).examples == [float("inf")]


def test_images_outside_the_range_may_stay_so_and_images_within_may_be_let_out():
    doubled = tf(lambda x: x * 2, "double", batched=True)
    assert not apply(doubled, IMAGES + 5).failures
    let_out = tf(lambda x: x * 2, "double", batched=True, may_change=frozenset({"range"}))
    assert apply(let_out, IMAGES).examples.max() == 2
    # Rounding is no breach; and what is not images has no range.
    assert not apply(tf(lambda x: x + 1e-7, batched=True), IMAGES).failures
    assert not apply(doubled, np.ones((4, 3))).failures


def test_shapes_and_types_may_be_let_change_in_lists():
    shorter = tf(lambda x: x[:1], may_change=frozenset({"shape"}))
    assert apply(shorter, [np.arange(3.0), np.arange(2.0)]).examples[0].shape == (1,)
    longer = tf(lambda x: {**x, "new": 1}, may_change=frozenset({"shape"}))
    assert apply(longer, [{"a": 1}]).examples == [{"a": 1, "new": 1}]
    whole = tf(lambda x: x.astype(int), may_change=frozenset({"dtype"}))
    assert apply(whole, [np.ones(2)]).examples[0].dtype == int
    # One array has one shape.
    with pytest.raises(TransformationError, match="shape"):
        apply(shorter, np.zeros((2, 3)))


def test_a_plainer_kind_of_the_same_is_no_other_type():
    class Read(Picture):
        """As images are that were read from files: what is done to them gives plain ones."""

    assert type(apply(tf(lambda x: Picture()), [Read()]).examples[0]) is Picture
    assert apply(tf(str.upper), list(np.array(["a"]))).examples == ["A"]
    assert apply(tf(lambda x: x * 2), [np.float32(1.5), 2.5]).examples == [3.0, 5.0]
    with pytest.raises(TransformationError, match="int where it got bool"):
        apply(tf(lambda x: 1), [True])
    with pytest.raises(TransformationError, match="Picture where it got str"):
        apply(tf(lambda x: Picture()), ["a"])


def test_a_batched_function_may_do_nothing_at_all_or_to_some():
    assert not apply(tf(lambda x: None, batched=True), IMAGES).applied.any()
    some = apply(tf(lambda x: ["A", None], batched=True), ["a", "b"])
    assert some.examples == ["A", "b"]
    assert some.applied.ravel().tolist() == [True, False]


def test_what_comes_back_may_be_written_to_and_is_nobody_elses():
    batch = [np.arange(3.0)]
    (flipped,) = apply(tf(lambda x: x[::-1]), batch).examples
    flipped[0] = 9
    assert batch[0].tolist() == [0, 1, 2]
    tensors = [torch.arange(3.0)]
    (same,) = apply(tf(lambda x: x), tensors).examples
    same[0] = 9
    assert tensors[0].tolist() == [0, 1, 2]


# Sequences of somebody else, and interrupts.


def test_sequences_must_fit_batch_and_functions():
    with pytest.raises(DataError, match="starts from example 7 of a batch of 2"):
        apply(tf(str.upper), ["a", "b"], asked([0], origins=[7]))
    with pytest.raises(FunctionError, match="use function 3 of 1"):
        apply(tf(str.upper), ["a"], asked([3]))
    with pytest.raises(FunctionError, match="it may be 'raise' or 'skip'"):
        apply(tf(str.upper), ["a"], on_error="ignore")


def test_ctrl_c_is_nobodys_failure():
    def interrupted(x):
        raise KeyboardInterrupt

    for batched in (True, False):
        with pytest.raises(KeyboardInterrupt):
            apply(tf(interrupted, batched=batched), ["a"], on_error="skip")
