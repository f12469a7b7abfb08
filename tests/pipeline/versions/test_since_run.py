"""What was touched since the last run is seen without reading data or importing functions."""

from __future__ import annotations

import os
import time

import pytest


def flags(project):
    """The flags of the last run."""
    return project.log(limit=1)[0].flags


def test_what_was_touched_is_told_of_the_last_run_alone(edited):
    data, source = edited.folder / "comments.csv", edited.folder / "supervision.py"
    os.utime(data, (1, 1))  # the copy of the project is younger than its run
    assert flags(edited) == ()
    source.write_text(source.read_text() + "raise ValueError('never imported')\n")
    assert flags(edited) == ("source edited since",)
    later = time.time() + 10
    os.utime(data, (later, later))
    assert flags(edited) == ("source edited since", "data touched since")
    data.write_text(data.read_text() + "\n")
    assert flags(edited) == ("source edited since", "data changed since")
    data.unlink()
    assert flags(edited)[1] == "data changed since"
    assert edited.log()[1].flags == ()


@pytest.mark.parametrize("path", ["labelwright.toml", "supervision.py"])
def test_each_file_of_the_source_counts(edited, path):
    os.utime(edited.folder / "comments.csv", (1, 1))
    (edited.folder / path).write_text((edited.folder / path).read_text() + "\n# more\n")
    assert flags(edited) == ("source edited since",)
