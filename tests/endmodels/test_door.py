"""The room's door: what importing it loads, and what it says where an extra is absent."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import labelwright.endmodels


def _run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split("\n")[
        :-1
    ]


@pytest.mark.slow
def test_importing_the_room_loads_no_guest_and_training_only_scikit_learn():
    loaded = _run("import sys, labelwright.endmodels; print(*sys.modules, sep='\\n')")
    assert not {"sklearn", "torch", "skops", "polars"} & set(loaded)
    loaded = _run(
        "import sys, labelwright.endmodels; labelwright.endmodels.fit_end_model; print(*sys.modules, sep='\\n')"
    )
    assert "sklearn" in loaded
    assert not {"torch", "skops", "polars"} & set(loaded)


def test_every_name_of_the_room_is_there():
    for name in labelwright.endmodels.__all__:
        assert not isinstance(getattr(labelwright.endmodels, name), ModuleType), name


@pytest.mark.slow
def test_without_torch_the_error_gives_the_line_to_install_it():
    code = """
import sys

class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name="torch")

sys.meta_path.insert(0, Absent())
import labelwright.endmodels
try:
    labelwright.endmodels.torch
except ImportError as error:
    print(type(error).__name__, error)
"""
    (line,) = _run(code)
    assert line.startswith("MissingExtraError labelwright.endmodels.torch")
    assert "pip install 'labelwright[torch]'" in line


def test_every_name_is_there_and_there_are_few():
    names = labelwright.endmodels.__all__
    assert len(names) <= 25
    assert all(hasattr(labelwright.endmodels, name) for name in names)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = labelwright.endmodels.nothing
