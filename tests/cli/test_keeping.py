"""The verbs that verify, put back and remove."""

from __future__ import annotations

from click.testing import CliRunner

from labelwright.cli import cli
from labelwright.pipeline.kept.keep import open_store


def test_verify_says_what_was_checked_and_fails_where_something_is_wrong(spam, call):
    good = call("verify", "--project", spam)
    assert good.code == 0
    assert good.out.endswith("Verified.\n")
    assert "bit for bit" in good.out
    row = open_store(spam)[1].latest()
    key = row.artifacts["metrics"]
    next((spam / ".labelwright" / "artifacts" / "metrics").rglob(f"{key.digest}*")).write_text("{}")
    bad = call("verify", "--project", spam)
    assert bad.code == 1
    assert "NOT verified: artifacts" in bad.out
    assert call("verify", "--json", "--project", spam).json["good"] is False


def test_checkout_puts_back_and_says_where_the_rest_is(spam, call):
    source = spam / "supervision.py"
    before = source.read_text(encoding="utf-8")
    source.write_text(before + "# more\n", encoding="utf-8")
    refused = call("checkout", "1", "--project", spam)
    assert refused.code == 1
    assert "supervision.py was edited since the last run" in refused.err
    done = call("checkout", "1", "--force", "--project", spam)
    assert done.code == 0
    assert "put back  supervision.py" in done.out
    assert source.read_text(encoding="utf-8") == before
    saved = call("checkout", "1", "--project", spam, "--json").json
    assert saved["replaced"] is None
    assert saved["number"] == 1


def test_gc_asks_before_it_removes(spam, call):
    (spam / "supervision.py").write_text(
        (spam / "supervision.py").read_text(encoding="utf-8").replace("ham", "ham", 1)
        + "\n\n@lw.labeling_function(labels=['ham'])\ndef loved(x):\n    return 'ham' if 'love' in x.body else None\n",
        encoding="utf-8",
    )
    assert call("run", "--project", spam).code == 0
    assert call("gc", "--project", spam).out.startswith("Nothing to remove: all")
    planned = call("gc", "--older", "0", "--dry-run", "--project", spam)
    assert planned.code == 0
    assert "Runs that can no longer be read then: 1." in planned.out
    arguments = ["gc", "--older", "0", "--project", str(spam)]
    for answer in ("n\n", ""):
        said = CliRunner().invoke(cli, arguments, input=answer)
        assert said.exit_code == 1
        assert "Nothing was removed." in said.stdout
    payload = call("gc", "--older", "0", "--yes", "--json", "--project", spam).json
    assert payload["removed"] is True
    assert payload["runs"] == [1]
    assert payload["artifacts"] > 0
    assert call("verify", "--project", spam).code == 0
    assert "run 1 has been collected" in call("diff", "1", "--project", spam).err
