"""``labelwright test`` in words and as JSON, with its exit code."""

from __future__ import annotations

FUNCTIONS = (
    "import labelwright as lw\n"
    "song = lw.keyword_lf('song', ['song'], label='ham', field='body', examples=[('a song', 'ham'), ('silence', {})])\n"
    "channel = lw.keyword_lf('channel', ['channel'], label='spam', field='body')\n"
)


def test_examples_that_hold_pass(call, spam):
    (spam / "supervision.py").write_text(FUNCTIONS.format("None"))
    result = call("test", "--project", spam)
    assert (result.code, result.err) == (0, "")
    first, second = result.out.splitlines()
    assert first == "Examples: 2 of 2 as expected (1 of 2 functions have some)"
    assert second == "No data was looked at: labelwright.toml has no [contracts] and no [gates]."


def test_an_example_that_does_not_hold_fails_with_its_figures(call, spam):
    (spam / "supervision.py").write_text(FUNCTIONS.format("'ham'"))
    result = call("test", "--project", spam)
    assert result.code == 1
    assert "Examples: 1 of 2 as expected" in result.out
    assert [line.split() for line in result.out.splitlines() if "silence" in line] == [
        ["song", "'silence'", "ham", "abstains"]
    ]
    found = call("test", "--project", spam, "--json")
    assert (found.code, found.json["passed"]) == (1, False)
    assert [e["passed"] for e in found.json["examples"]] == [True, False]


def test_failing_tests_are_shown(call, spam):
    (spam / "supervision.py").write_text(FUNCTIONS.format("None"))
    (spam / "tests").mkdir()
    (spam / "tests" / "test_it.py").write_text("def test_it():\n    assert 1 == 2\n")
    result = call("test", "--project", spam)
    assert result.code == 1
    assert "Tests: tests/: 1 of 1 failed" in result.out
    assert "test_it: assert 1 == 2" in result.out


GATED = "\n[contracts]\ncoverage = {{ min = 0.01 }}\n\n[gates]\nflips = 0.0\nslices = ['split']\ndrift = 0.01\nenforce = {}\n"
EDITED = FUNCTIONS.format("None").replace("['song']", "['silence']")


def gate(spam, enforce="false"):
    (spam / "supervision.py").write_text(FUNCTIONS.format("None"))
    path = spam / "labelwright.toml"
    text = path.read_text().replace('kind = "text"', 'kind = "none"').partition("\n[contracts]")[0]
    path.write_text(text + GATED.format(enforce))


def test_contracts_and_gates_are_shown_and_fail(call, spam):
    gate(spam)
    assert call("run", "--project", spam).code == 0
    result = call("test", "--project", spam)
    assert result.code == 0, result.out
    assert "Contracts: 2 of 2 kept" in result.out
    assert "Gates against run 2: 4 of 4 passed" in result.out
    (spam / "supervision.py").write_text(EDITED)
    result = call("test", "--project", spam)
    assert result.code == 1
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert "Contracts: 1 of 2 kept" in lines
    assert any(line.startswith("broken song, coverage at least 1.0%: 0.0% of") for line in lines)
    assert any(line.startswith("failed flips, train: ") for line in lines)
    found = call("test", "--against", "2", "--project", spam, "--json").json
    assert (found["passed"], found["reference"]) == (False, "2")
    assert {g["gate"] for g in found["gates"]} == {"flips", "slice", "drift"}
    assert found["contracts"][0]["status"] == "broken"


def test_a_run_warns_of_gates_and_fails_where_they_are_enforced(call, spam):
    gate(spam)
    assert call("run", "--project", spam).code == 0
    (spam / "supervision.py").write_text(EDITED)
    result = call("run", "--project", spam)
    assert result.code == 0
    assert "warning: contract broken: song, coverage at least 1.0%" in result.err
    assert "warning: gate failed: flips, train" in result.err
    assert "See contracts and gates: labelwright test" in result.out
    gate(spam, "true")
    result = call("run", "--project", spam, "--json")
    assert (result.code, result.json["enforced"]) == (1, True)
    assert result.json["number"] == 4  # it is kept all the same
    assert call("snapshot", "accepted", "--project", spam).code == 0
    assert call("run", "--project", spam).code == 0


def test_without_data_examples_are_run_all_the_same(call, spam):
    gate(spam)
    (spam / "comments.csv").unlink()
    assert call("test", "--project", spam).code == 1
    result = call("test", "--no-data", "--against", "main", "--project", spam)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "Examples: 2 of 2 as expected (1 of 2 functions have some)",
        "Nothing was compared with main.",
    ]


def test_drift_is_shown(call, spam):
    gate(spam)
    call("run", "--project", spam)
    result = call("drift", "--project", spam)
    assert result.code == 0
    assert "the files as they are against run 2: 0 new examples, 64 that it has too" in result.out
    (spam / "supervision.py").write_text(EDITED)
    data = spam / "comments.csv"
    data.write_text(data.read_text() + "".join(f"n{i},my channel {i},spam\n" for i in range(40)))
    result = call("drift", "--project", spam)
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert any(line.startswith("drifted channel, vote rate on new examples: ") for line in lines)
    assert any(line.startswith("song (edited): other votes on") for line in lines)
    everything = call("drift", "--all", "--project", spam)
    assert len(everything.out.splitlines()) > len(lines)
    found = call("drift", "--project", spam, "--json").json
    assert (found["new"], found["level"]) == (40, 0.01)
    assert found["drifted"] == sum(row["drifted"] for row in found["rows"]) > 0
