import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labelwright.augmentation import Sequences, transformation_function
from labelwright.augmentation.consistency import vote_consistency
from labelwright.core import Votes
from labelwright.core.errors import FunctionError, VoteError

NAN = float("nan")


def votes(values, **more):
    return Votes(values, classes=["a", "b", "c"], **more)


def alone(origins, codes):
    return Sequences(origins, np.array(codes)[:, None], np.full((len(codes), 1), NAN))


@st.composite
def cases(draw):
    n, m, s = draw(st.integers(1, 8)), draw(st.integers(1, 3)), draw(st.integers(0, 20))
    before = draw(arrays(np.int8, (n, m), elements=st.integers(-1, 2)))
    after = draw(arrays(np.int8, (s, m), elements=st.integers(-1, 2)))
    origins = draw(arrays(np.int64, s, elements=st.integers(0, n - 1)))
    codes = draw(arrays(np.int64, (s, 2), elements=st.integers(-1, 1)))
    applied = draw(arrays(np.bool_, (s, 2)))
    return before, after, Sequences(origins, codes, np.full((s, 2), NAN)), applied


@settings(max_examples=60)
@given(cases())
def test_every_vote_is_counted_once_and_where_it_belongs(case):
    before, after, sequences, applied = case
    report = vote_consistency(votes(before), votes(after), sequences, ["f", "g"], applied=applied)
    expected = {}
    counted = mixed = 0
    for row, origin in enumerate(sequences.origins):
        done = {int(c) for c, ok in zip(sequences.functions[row], applied[row], strict=True) if ok and c != -1}
        counted += len(done) == 1
        mixed += len(done) > 1
        if len(done) == 1:
            for source in range(before.shape[1]):
                old, new = before[origin, source], after[row, source]
                kind = "kept" if old == new else "lost" if new == -1 else "gained" if old == -1 else "changed"
                kind = "silent" if old == new == -1 else kind
                key = (str(source), "fg"[min(done)], kind)
                expected[key] = expected.get(key, 0) + 1
    assert (report.counted, report.mixed) == (counted, mixed)
    for row in report.rows:
        n = {kind: expected.get((row.source, row.function, kind), 0) for kind in ("kept", "changed", "lost", "gained")}
        assert {kind: getattr(row, kind).count for kind in n} == n
        assert row.kept.of == row.changed.of == row.lost.of == n["kept"] + n["changed"] + n["lost"]
        assert row.gained.of == n["gained"] + expected.get((row.source, row.function, "silent"), 0)


def test_what_the_others_say_leaves_a_source_itself_out():
    before = votes([[0, 0, 1], [0, 1, 1], [1, -1, -1]])
    # New votes of source 0: it said 0, others disagree; it said 0, others say 1; nobody else said anything.
    after = votes([[1, 0, 1], [1, 1, 1], [0, -1, -1]])
    row = vote_consistency(before, after, alone([0, 1, 2], [0, 0, 0]), ["f"]).row("0", "f")
    assert (row.contradicted.count, row.contradicted.of) == (0, 1)
    assert (row.expected.count, row.expected.of) == (1, 1)


def test_a_function_that_turns_the_class_is_told_from_a_brittle_source():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    before = np.where(rng.random((400, 5)) < 0.9, truth[:, None], 1 - truth[:, None])
    origins = np.tile(np.arange(400), 4)
    codes = np.repeat(np.arange(4), 400)
    after = before[origins].copy()
    after[codes == 2] = 1 - after[codes == 2]  # function 2 turns every class
    brittle = rng.random(1600) < 0.3
    after[brittle, 4] = 1 - after[brittle, 4]  # source 4 votes otherwise under every function
    report = vote_consistency(votes(before), votes(after), alone(origins, codes), ["f", "g", "turn", "h"])
    changes = {(f.source, f.function): f.suspect for f in report.findings if f.kind == "changes"}
    assert set(changes) == {(str(j), "turn") for j in range(5)} | {("4", name) for name in ("f", "g", "h")}
    assert all(suspect == "function" for (source, name), suspect in changes.items() if name == "turn" and source != "4")
    assert all(suspect == "source" for (_, name), suspect in changes.items() if name != "turn")
    assert "look at it first" in str(report)


def test_new_votes_that_contradict_the_others_are_found_where_no_vote_changes():
    # Source 2 votes for one class only, so it can never change its mind: it can only speak where it should not.
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 300)
    others = np.repeat(truth[:, None], 2, axis=1)
    speaks = (truth == 1) & (rng.random(300) < 0.5)
    before = np.column_stack([others, np.where(speaks, 1, -1)])
    after = np.column_stack([others, np.where(speaks | (rng.random(300) < 0.3), 1, -1)])
    report = vote_consistency(votes(before), votes(after), alone(range(300), [0] * 300), ["f"])
    assert [(f.source, f.kind) for f in report.findings] == [("2", "contradicts")]
    assert "against 0% (0% to 5%) of its old ones" in report.findings[0].sentence


def test_a_source_that_never_met_the_others_is_measured_against_them_all_the_same():
    before = votes([[0, -1]] * 40 + [[-1, 1]] * 10)
    after = votes([[0, 1]] * 40 + [[-1, 1]] * 10)
    report = vote_consistency(before, after, alone(range(50), [0] * 50), ["f"])
    assert [(f.source, f.kind) for f in report.findings] == [("1", "contradicts")]
    assert "against none of its old ones" in report.findings[0].sentence


def test_votes_that_are_lost_are_let_pass_up_to_half():
    before = votes([[0, 0]] * 200)
    after = votes([[0 if i % 5 < 3 else -1, 0 if i % 5 == 0 else -1] for i in range(200)])
    report = vote_consistency(before, after, alone(range(200), [0] * 200), ["f"])
    assert [(f.source, f.kind) for f in report.findings] == [("1", "loses")]


def test_where_nothing_is_wrong_findings_are_rare():
    rng = np.random.default_rng(0)
    false = 0
    for _ in range(60):
        before = rng.integers(-1, 2, (200, 6))
        after = before.copy()
        wrong = (rng.random(after.shape) < 0.05) & (before >= 0)  # exactly what may change
        after[wrong] = 1 - after[wrong]
        report = vote_consistency(votes(before), votes(after), alone(range(200), [0] * 200), ["f"])
        false += bool([f for f in report.findings if f.kind == "changes"])
    assert false <= 12  # a tenth of 60, and three standard deviations


def test_copies_of_one_example_are_no_more_evidence_than_one():
    before, after = votes([[0]] * 6), [[1]] + [[0]] * 5
    once = vote_consistency(before, votes(after), alone(range(6), [0] * 6), ["f"])
    often = vote_consistency(before, votes(after * 50), alone(list(range(6)) * 50, [0] * 300), ["f"])
    assert once.rows[0].changed.low == pytest.approx(often.rows[0].changed.low)
    grouped = vote_consistency(
        votes([[0]] * 60, groups=np.arange(60) % 6), votes(after * 10), alone(range(60), [0] * 60), ["f"]
    )
    assert grouped.rows[0].changed.low == pytest.approx(once.rows[0].changed.low)


def test_sources_with_an_alphabet_do_not_judge_others():
    alphabet = {"0": [{0, 2}, {1}]}
    before, after = votes([[0, 1]] * 9, alphabet=alphabet), votes([[0, 0]] * 9, alphabet=alphabet)
    report = vote_consistency(before, after, alone(range(9), [0] * 9), ["f"])
    assert report.row("1", "f").contradicted.of == 0
    assert report.row("0", "f").kept.count == 9
    turned = vote_consistency(before, votes([[1, 1]] * 9, alphabet=alphabet), alone(range(9), [0] * 9), ["f"])
    assert turned.row("0", "f").changed.count == 9
    assert turned.row("0", "f").contradicted.of == 0


def test_functions_by_themselves_or_by_name():
    shout = transformation_function("shout")(str.upper)
    before = votes([[0]])
    assert vote_consistency(before, before, alone([0], [0]), [shout]).rows[0].function == "shout"
    with pytest.raises(KeyError):
        vote_consistency(before, before, alone([0], [0]), [shout]).row("0", "whisper")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"after": votes([[0]], sources=["x"])}, VoteError, "sources"),
        ({"after": Votes([[0]])}, VoteError, "classes"),
        ({"after": votes([[0], [0]])}, VoteError, "2 after"),
        ({"sequences": alone([1], [0])}, VoteError, "1 examples before"),
        ({"sequences": alone([0], [1])}, FunctionError, "there are 1"),
        ({"applied": [True]}, VoteError, "applied"),
        ({"changes": 1.5}, FunctionError, "changes"),
        ({"losses": 0}, FunctionError, "losses"),
    ],
)
def test_what_does_not_fit_is_said(change, error, said):
    arguments = {"before": votes([[0]]), "after": votes([[0]]), "sequences": alone([0], [0]), "functions": ["f"]}
    with pytest.raises(error, match=said):
        vote_consistency(**(arguments | change))
