"""Laws of version hashes: what counts, what is refused, and that they are alike everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labelwright.core.errors import VersionError
from labelwright.functions.versions import Explanation, explain, version_of

from .projects import HELPERS, SUPERVISION

CORPUS = Path(__file__).parent / "corpus"
SOURCE = Path(__file__).parents[2] / "src"


@pytest.mark.parametrize("change", [0, 1])
def test_a_helper_imported_in_any_way_counts(load, change):
    """The case that caching by pickled bytecode misses (datasets#3297)."""
    helper = "def helper(text):\n    return len(text) > {}\n"
    forms = [
        "import helpers\ndef spam(x):\n    return helpers.helper(x.text)\n",
        "import helpers as h\ndef spam(x):\n    return h.helper(x.text)\n",
        "from helpers import helper\ndef spam(x):\n    return helper(x.text)\n",
        "from helpers import helper as h\nspam = lambda x: h(x.text)\n",
        "def spam(x):\n    import helpers\n    return helpers.helper(x.text)\n",
        "def spam(x):\n    from helpers import helper as h\n    return h(x.text)\n",
        "import helpers\nTABLE = {'a': helpers.helper}\ndef spam(x):\n    return TABLE['a'](x.text)\n",
        "import helpers, functools\nspam = functools.partial(helpers.helper)\n",
        "import helpers\ndef spam(x, by=helpers.helper):\n    return by(x.text)\n",
        "import helpers\ndef make(by):\n    return lambda x: by(x.text)\nspam = make(helpers.helper)\n",
        "import helpers\ndef spam(x):\n    return [helpers.helper(t) for t in x.texts]\n",
        "import helpers\ndef spam(x):\n    def inner(t):\n        return helpers.helper(t)\n    return inner(x.text)\n",
        "import helpers\nclass S:\n    def __call__(self, x):\n        return helpers.helper(x.text)\nspam = S()\n",
        "import helpers\nclass S:\n    by = staticmethod(helpers.helper)\ndef spam(x):\n    return S.by(x.text)\n",
        "import helpers, functools\n@functools.lru_cache\ndef c(t):\n    return helpers.helper(t)\n"
        "def spam(x):\n    return c(x.text)\n",
        "import helpers, functools\ndef log(f):\n    @functools.wraps(f)\n    def w(*a):\n        return f(*a)\n    return w\n"
        "@log\ndef spam(x):\n    return helpers.helper(x.text)\n",
    ]
    for form in forms:
        versions = {version_of(load(form, helpers=helper.format(limit)).spam) for limit in (3, 3 + change)}
        assert len(versions) == 1 + change, form


def test_a_package_of_the_project_counts(load):
    text = (
        "from pack.words import WORDS\nimport pack.rules\ndef spam(x):\n    return x in WORDS or pack.rules.rule(x)\n"
    )
    files = {
        "pack/__init__": "",
        "pack/words": "WORDS = {'a'}\n",
        "pack/rules": "from .words import WORDS\ndef rule(x):\n    from . import deep\n    return deep.MORE\n",
        "pack/deep": "MORE = 1\n",
    }
    versions = {
        version_of(load(text, **files | edit).spam)
        for edit in ({}, {"pack/words": "WORDS = {'b'}\n"}, {"pack/deep": "MORE = 2\n"})
    }
    assert len(versions) == 3


def test_recursion_ends_and_counts(load):
    text = "def spam(x):\n    return odd(x)\ndef odd(n):\n    return n and even(n - 1)\ndef even(n):\n    return n or odd(n - {})\n"
    first, again, other = (version_of(load(text.format(step)).spam) for step in (1, 1, 2))
    assert first == again != other


def test_tables_that_hold_their_own_user_end():
    members = set()

    def spam(x):
        return members, table

    table = {"spam": spam}
    members.add(spam)
    assert version_of(spam) == version_of(spam)


def test_several_lambdas_on_one_line_are_told_apart():
    first, second, third, fourth = (lambda x: 1), (lambda x: 2), (lambda x: x.a), (lambda x: x.b)
    outer = lambda x: lambda x: x  # noqa: E731
    versions = {version_of(f) for f in (first, second, third, fourth, outer, outer(1))}
    assert len(versions) == 6
    again = lambda x: x.b  # noqa: E731
    assert version_of(again) == version_of(fourth)


def test_closures_count_by_value():
    def make(limit, words):
        return lambda x: len(x) > limit and x in words

    assert version_of(make(1, ["a"])) == version_of(make(1, ["a"]))
    assert (
        len({version_of(make(*given)) for given in [(1, ["a"]), (2, ["a"]), (1, ["b"]), (1.0, ["a"]), (1, ("a",))]})
        == 5
    )


def test_resources_parameters_and_declarations_count(tmp_path):
    def spam(x, kb=None):
        return x in kb

    file = tmp_path / "kb.csv"
    file.write_text("a\n")
    given = [
        {},
        {"resources": {"kb": {"a"}}},
        {"resources": {"kb": {"b"}}},
        {"resources": {"other": {"a"}}},
        {"parameters": {"kb": {"a"}}},
        {"depends_on": ["1"]},
        {"depends_on": ["2"]},
        {"depends_on": ["1", "2"]},
        {"depends_on": [file]},
    ]
    versions = [version_of(spam, **options) for options in given]
    file.write_text("b\n")
    versions.append(version_of(spam, depends_on=[file]))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("1")
    versions.append(version_of(spam, depends_on=[folder]))
    (folder / "b.txt").write_text("1")
    versions.append(version_of(spam, depends_on=[folder]))
    assert len(set(versions)) == len(versions)
    file.write_text("a\n")
    assert version_of(spam, depends_on=[file]) == versions[-4]


def test_order_of_what_has_no_order_does_not_count():
    def make(words, weights):
        return lambda x: x in words or x in weights

    one = make({"a", "b", "c"}, {"a": 1, "b": 2})
    other = make({"c", "b", "a"}, {"b": 2, "a": 1})
    assert version_of(one) == version_of(other)


def refuse_eval(x):
    return eval(x.text)


COUNT = 0


def refuse_global(x):
    global COUNT
    COUNT += 1
    return COUNT


def refuse_module(x):
    return getattr(CORPUS_MODULE, x.text)


CORPUS_MODULE = sys.modules[__name__]
HANDLE = object()
FOLDER = CORPUS
ABSENT = CORPUS / "no such file.csv"


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (refuse_eval, "eval, behind which any code may run"),
        (refuse_global, "COUNT, used at .*test_versions.py:[0-9]+, is changed by the code that uses it"),
        (refuse_module, "CORPUS_MODULE, used at .* is a module used as a value"),
        (lambda x: HANDLE, "HANDLE, used at .*test_versions.py:[0-9]+, is of type object"),
        (lambda x: FOLDER / x.name, "FOLDER, used at .* is a folder"),
        (lambda x: ABSENT.read_text(), "ABSENT, used at .* is the path of a file that does not exist"),
        (eval("lambda x: x"), "has no source text to read"),
    ],
)
def test_what_cannot_be_hashed_is_refused_by_name(function, said):
    with pytest.raises(VersionError, match=said) as caught:
        version_of(function)
    assert "depends_on=[" in str(caught.value)
    assert "0x" not in str(caught.value)
    declared = [version_of(function, depends_on=[version]) for version in ("1", "2", "1")]
    assert declared[0] == declared[2] != declared[1]


@pytest.mark.slow
def test_an_estimator_is_refused_with_its_name():
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression()

    def spam(x):
        return model.predict([x])

    with pytest.raises(VersionError, match=r"model, used at .*is of type LogisticRegression \(from sklearn\)"):
        version_of(spam)


def test_a_declaration_must_itself_be_hashable():
    with pytest.raises(VersionError, match=r"depends_on\[0\]"):
        version_of(refuse_eval, depends_on=[object()])


def test_async_functions_are_refused():
    async def spam(x):
        return 1

    with pytest.raises(VersionError, match="async"):
        version_of(spam)


def test_a_file_edited_after_import_is_noticed(load):
    module = load(SUPERVISION, helpers=HELPERS)
    path = Path(module.__file__)
    version_of(module.spam)
    path.write_text(SUPERVISION.replace("total > limit", "total >= limit"))
    with pytest.raises(VersionError, match="Import it again"):
        version_of(module.spam)


def test_installed_packages_count_by_version(monkeypatch):
    import numpy as np

    from labelwright.functions import walker

    def spam(x):
        return np.linalg.norm(x.vector) > 1

    before = version_of(spam)
    monkeypatch.setattr(walker, "distribution_of", lambda package: (package, "999"))
    assert version_of(spam) != before
    assert [part.text for part in explain(spam).parts if part.kind == "package"] == ["numpy 999"]


def test_values_of_numpy_and_polars_count():
    import numpy as np
    import polars as pl

    def make(value):
        return lambda x: value

    values = [
        np.arange(3), np.arange(3.0), np.arange(4), np.arange(4).reshape(2, 2), np.array(["a", None], dtype=object),
        np.float32(1), np.float64(1), pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"b": [1, 2]}), pl.Series([1, None]),
        pl.Series(["a"]),
    ]  # fmt: skip
    assert len({version_of(make(value)) for value in values}) == len(values)
    assert version_of(make(np.arange(6)[::2])) == version_of(make(np.array([0, 2, 4])))
    assert version_of(make(np.arange(3, dtype=">i8"))) == version_of(make(np.arange(3, dtype="<i8")))


def corpus_versions(python: str, seed: int) -> dict[str, str]:
    run = subprocess.run(
        [python, "-W", "ignore", str(CORPUS / "print_versions.py"), str(SOURCE)],
        env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


def test_versions_are_the_same_in_every_process():
    first, second = (corpus_versions(sys.executable, seed) for seed in (1, 2))
    assert first == second
    assert len(set(first.values())) == len(first)


def interpreters() -> dict[str, str]:
    """Other interpreters on this machine, by version."""
    import shutil

    found = {}
    for minor in (11, 12, 13, 14):
        candidates = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
        python = str(candidates[-1]) if candidates else shutil.which(f"python3.{minor}")
        if python is not None:
            found[f"3.{minor}"] = python
    return found


@pytest.mark.parametrize("minor", ["3.11", "3.12", "3.13", "3.14"])
def test_versions_are_the_same_on_every_python(minor):
    python = interpreters().get(minor)
    if python is None:
        pytest.skip(f"no Python {minor} on this machine")
    assert corpus_versions(python, 3) == json.loads((CORPUS / "versions.json").read_text())


def test_explanation_says_what_changed(load):
    before = explain(load(SUPERVISION, helpers=HELPERS).spam)
    for file, old, new, said in [
        ("helpers", "THRESHOLD = 0.5", "THRESHOLD = 0.7", "THRESHOLD changed: 0.5 -> 0.7"),
        ("supervision", "total > limit", "total >= limit", "source changed: line 17"),
        ("supervision", "limit=10", "limit=11", "default limit changed: 10 -> 11"),
        ("helpers", "text.lower()", "text.upper()", "source of clean changed: line 12"),
        ("supervision", "Scorer(3)", "Scorer(4)", "bias changed: 3 -> 4"),
    ]:
        texts = {"supervision": SUPERVISION, "helpers": HELPERS}
        texts[file] = texts[file].replace(old, new)
        after = explain(load(texts["supervision"], helpers=texts["helpers"]).spam)
        assert any(said in sentence for sentence in before.changes(after)), (said, before.changes(after))
        assert Explanation.from_dict(json.loads(json.dumps(after.to_dict()))) == after
    assert before.changes(before) == []
