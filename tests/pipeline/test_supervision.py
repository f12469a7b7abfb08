"""supervision.py: which functions are found, and that importing it leaves no trace in anybody else's modules."""

from __future__ import annotations

import sys
import textwrap

import pytest

import labelwright as lw
from labelwright.core.errors import ProjectError
from labelwright.labeling import apply
from labelwright.pipeline.supervision import load_functions, pick_functions

ONE = """
import labelwright as lw

@lw.labeling_function(labels=["a"])
def {name}(x):
    return "a"
"""


def write(folder, text, name="supervision.py"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def test_every_function_is_found_once_in_the_order_of_the_file(tmp_path):
    write(tmp_path, ONE.format(name="second") + ONE.format(name="first") + "alias = second\n")
    assert [f.name for f in load_functions(tmp_path)] == ["second", "first"]


def test_a_list_of_functions_decides_where_there_is_one(tmp_path):
    write(tmp_path, ONE.format(name="one") + ONE.format(name="two") + "FUNCTIONS = [two]\n")
    assert [f.name for f in load_functions(tmp_path)] == ["two"]


def test_one_function_listed_twice_is_one(tmp_path):
    write(tmp_path, ONE.format(name="one") + "alias = one\nFUNCTIONS = [one, alias, one]\n")
    assert [f.name for f in load_functions(tmp_path)] == ["one"]


def test_a_package_may_import_its_own_modules_and_its_neighbours(tmp_path):
    write(tmp_path, ONE.format(name="one"), "supervision/links.py")
    write(tmp_path, "WORD = 'x'\n", "neighbour.py")
    write(tmp_path, "import neighbour\nfrom .links import one\n", "supervision/__init__.py")
    assert [f.name for f in load_functions(tmp_path)] == ["one"]


def test_path_and_modules_of_others_are_left_as_they_were(tmp_path):
    sentinel = sys.modules["textwrap"]
    write(tmp_path, "import helpers_of_this_test\n" + ONE.format(name="one"))
    write(tmp_path, "import textwrap\n", "helpers_of_this_test.py")
    path = list(sys.path)
    load_functions(tmp_path)
    assert sys.path == path
    assert "supervision" not in sys.modules
    assert sys.modules["textwrap"] is sentinel


def test_two_projects_with_neighbours_of_one_name_get_their_own(tmp_path):
    source = """
    import labelwright as lw
    from vocabulary import WORD

    @lw.labeling_function(labels=["a"])
    def one(x):
        return "a" if WORD in x.text else None
    """
    for word in ("red", "blue"):
        write(tmp_path / word, source)
        write(tmp_path / word, f"WORD = {word!r}\n", "vocabulary.py")
    red, blue = (load_functions(tmp_path / word) for word in ("red", "blue"))
    data = [{"text": "red"}, {"text": "blue"}]
    assert apply(red, data, classes=["a", "b"]).values.tolist() == [[0], [-1]]
    assert apply(blue, data, classes=["a", "b"]).values.tolist() == [[-1], [0]]
    assert red[0].version != blue[0].version


def test_an_edit_counts_at_the_next_load_even_of_one_digit_within_a_second(tmp_path):
    versions = []
    for threshold in (1, 2):
        write(tmp_path, ONE.format(name="one").replace('return "a"', 'return "a" if x.size > LEAST else None'))
        source = (tmp_path / "supervision.py").read_text()
        (tmp_path / "supervision.py").write_text(f"from vocabulary import LEAST\n{source}")
        write(tmp_path, f"LEAST = {threshold}\n", "vocabulary.py")
        (function,) = load_functions(tmp_path)
        versions.append(function.version)
    assert versions[0] != versions[1]
    assert not list(tmp_path.rglob("__pycache__"))


@pytest.mark.slow
def test_functions_reach_worker_processes_with_their_neighbours(tmp_path):
    write(
        tmp_path,
        """
        import labelwright as lw
        import vocabulary

        class Memo:
            seen = "red"

        @lw.labeling_function(labels=["a"])
        def one(x):
            return "a" if vocabulary.WORD in x.text and Memo.seen in x.text else None
        """,
    )
    write(tmp_path, "WORD = 'red'\n", "vocabulary.py")
    engine = lw.engines.LocalEngine(workers=2, kind="processes")
    try:
        votes = apply(load_functions(tmp_path), [{"text": "red"}, {"text": "blue"}], engine=engine, classes=["a", "b"])
    finally:
        engine.close()
    assert votes.values.tolist() == [[0], [-1]]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "has no supervision.py"),
        ({"supervision.py": "x = 1\n"}, "holds no labeling function"),
        ({"supervision.py": "x = 1\n\ny = = 2\n"}, "supervision.py, line 3: invalid syntax"),
        ({"supervision.py": "x = 1\n\nundefined\n"}, "supervision.py, line 3: NameError: name 'undefined'"),
        ({"supervision.py": "import helper_a\n", "helper_a.py": "\n1 / 0\n"}, "helper_a.py, line 2: ZeroDivisionError"),
        ({"supervision.py": "import helper_that_is_absent\n"}, "line 1: ModuleNotFoundError"),
        ({"supervision.py": "def f(x): pass\nFUNCTIONS = [f]\n"}, "which is not a labeling function"),
        (
            {"supervision.py": ONE.format(name="money") + "first = money\n" + ONE.format(name="money")},
            "supervision.py: two labeling functions are called 'money'; give one another name",
        ),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path, files, words):
    for name, text in files.items():
        write(tmp_path, text, name)
    path = list(sys.path)
    with pytest.raises(ProjectError, match=words):
        load_functions(tmp_path)
    assert sys.path == path


def test_picking_by_name_keeps_the_order_asked_for_and_knows_close_names(tmp_path):
    write(tmp_path, ONE.format(name="one") + ONE.format(name="two"))
    functions = load_functions(tmp_path)
    assert [f.name for f in pick_functions(functions, ["two", "one"])] == ["two", "one"]
    with pytest.raises(ProjectError, match="Did you mean 'two'"):
        pick_functions(functions, ["twoo"])
