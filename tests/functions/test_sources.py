"""Finding the text of a function wherever it was written: files, scripts, notebooks, shells."""

from __future__ import annotations

import linecache
import subprocess
import sys

import pytest

from labelwright.core.errors import VersionError
from labelwright.functions.sources import function_source
from labelwright.functions.versions import version_of

PROGRAM = """
from labelwright.functions.versions import version_of

LIMIT = 3

def long(x):
    return len(x.text) > LIMIT

make = lambda n: (lambda x: len(x.text) > n)

class Rule:
    top = 5

    def __call__(self, x):
        return len(x.text) > self.top

if __name__ == "__main__":
    try:
        print([version_of(function) for function in (long, make(2), Rule())])
    except Exception as error:
        print(type(error).__name__, error)
"""


def run(*arguments: str, **options: str) -> str:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, **options).stdout


@pytest.mark.slow
def test_a_script_has_the_versions_of_the_same_module(tmp_path, monkeypatch):
    (tmp_path / "as_script.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(str(tmp_path))
    import as_script

    imported = [version_of(function) for function in (as_script.long, as_script.make(2), as_script.Rule())]
    assert run(str(tmp_path / "as_script.py")).strip() == str(imported)


@pytest.mark.slow
def test_standard_input_is_refused_and_can_be_declared():
    assert run("-", input=PROGRAM).startswith("VersionError the version of 'long'")
    declared = PROGRAM.replace("version_of(function)", "version_of(function, depends_on=['1'])")
    assert run("-", input=declared) == run("-", input=declared)
    assert run("-", input=declared).startswith("['")


class Notebook:
    """Runs cells the way notebooks do: compiled one by one, with their text in `linecache`."""

    def __init__(self):
        self.names = {"__name__": "__main__"}
        self.count = 0

    def run(self, text: str, flags: int = 0):
        self.count += 1
        filename = f"<ipython-input-{self.count}-0123456789ab>"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        exec(compile(text, filename, "exec", flags=flags, dont_inherit=True), self.names)
        return self.names


def test_cells_of_a_notebook():
    notebook = Notebook()
    notebook.run("LIMIT = 3\ndef helper(t):\n    return len(t) > LIMIT\n")
    notebook.run("def spam(x):\n    return helper(x.text)\n")
    first = version_of(notebook.names["spam"])
    notebook.run("# the same again\ndef helper(t):\n    return (len(t) > LIMIT)\n")
    assert version_of(notebook.names["spam"]) == first
    notebook.run("def helper(t):\n    return len(t) >= LIMIT\n")
    second = version_of(notebook.names["spam"])
    notebook.run("LIMIT = 4\n")
    assert len({first, second, version_of(notebook.names["spam"])}) == 3


def test_a_future_import_of_an_earlier_cell():
    import __future__

    notebook = Notebook()
    notebook.run("def spam(x):\n    def g(y: int): return y\n    return g(x)\n", __future__.annotations.compiler_flag)
    plain = Notebook().run("def spam(x):\n    def g(y: int): return y\n    return g(x)\n")["spam"]
    assert version_of(notebook.names["spam"]) == version_of(plain)


def test_code_without_text_is_refused():
    names: dict[str, object] = {}
    exec("def spam(x):\n    return 1\n", names)
    with pytest.raises(VersionError, match="no source text to read"):
        version_of(names["spam"])


@pytest.mark.parametrize(
    "text",
    [
        "a, b = (lambda x: 1), (lambda x: 2)",
        "a, b = (lambda x: x.p), (lambda x: x.q)",
        "a, b = (lambda x: (x, 1)), (lambda x: (x,\n 2))",
        "a = lambda x: (lambda x: x + 1); b = a(1)",
        "a = lambda x: [y for y in x]; b = lambda x: [y for y in x if y]",
        "a, b = (lambda x: x), (lambda y: y.z)",
        "a, b = [(lambda x, n=n: x + n) for n in (1, 2)]",
        "d = dict(a=lambda x: 'one', b=lambda x: 'two'); a = d['a']; b = d['b']",
    ],
)
def test_lambdas_that_share_a_line(text):
    names = Notebook().run(text)
    assert version_of(names["a"]) != version_of(names["b"])
    for name in "ab":
        if "n=n" not in text:
            assert version_of(names[name]) == version_of(Notebook().run(text)[name])


def test_lambdas_that_cannot_be_told_apart_may_be_equal():
    names = Notebook().run("a, b = (lambda x: x.p), (lambda x: x.p)")
    assert version_of(names["a"]) == version_of(names["b"])


def test_a_decorated_function_starts_at_its_first_decorator():
    text = "def same(f):\n    return f\n\n@same\n@same\ndef spam(x):\n    return x\n"
    spam = Notebook().run(text)["spam"]
    source = function_source(spam, "spam")
    assert (source.line, source.text) == (4, "@same\n@same\ndef spam(x):\n    return x\n")
    assert version_of(spam) == version_of(Notebook().run("def spam(x):\n    return x\n")["spam"])


def test_two_functions_of_one_name_are_told_apart_by_line():
    text = "def spam(x):\n    return 1\nfirst = spam\ndef spam(x):\n    return 2\n"
    names = Notebook().run(text)
    assert version_of(names["first"]) != version_of(names["spam"])


def test_two_classes_of_one_name_are_told_apart_by_their_methods():
    text = "class A:\n    def m(self):\n        return 1\nB = A\nclass A:\n    def m(self):\n        return 2\n"
    names = Notebook().run(text)
    assert version_of(names["A"]) != version_of(names["B"])


def test_methods_with_private_names():
    text = "class A:\n    def m(self, __x):\n        return __x + self.__y\n"
    kind = Notebook().run(text)["A"]
    assert version_of(kind.m) == version_of(Notebook().run(text)["A"].m)
