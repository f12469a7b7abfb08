"""A small project with three tasks, of which one refines another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labelwright.pipeline import Project

SETTINGS = """
[data]
path = "reports.csv"
id = "key"

[data.splits]
column = "split"
train = "train"
valid = "valid"
test = "test"

[tasks.finding]
classes = ["normal", "abnormal"]
gold = "finding"

[tasks.kind]
classes = ["mass", "nodule"]
gold = "kind"
refines = { task = "finding", classes = ["abnormal"] }

[tasks.urgent]
classes = ["no", "yes"]

[[relations]]
implies = { when = { urgent = "yes" }, then = { finding = "abnormal" } }
"""

FUNCTIONS = """
import labelwright as lw

said = {}
for reader in "abc":
    @lw.labeling_function(tasks=["finding", "kind"], name=f"reader_{reader}")
    def read(x, reader=reader):
        word = getattr(x, reader)
        if word in ("mass", "nodule"):
            return {"kind": word}
        return {"finding": word} if word else None
    said[reader] = read
ward = lw.keyword_lf("ward", ["call the ward"], label="yes", task="urgent", field="text")
FUNCTIONS = [*said.values(), ward]
"""


def write_reports(path: Path, n: int = 240) -> None:
    """Write reports that three readers, each right 9 times of 10, were asked about."""
    rng = np.random.default_rng(0)
    lines = ["key,split,text,a,b,c,finding,kind"]
    for i in range(n):
        truth = ("normal", "normal", "mass", "nodule")[rng.integers(4)]
        others = [word for word in ("normal", "mass", "nodule") if word != truth]
        readers = [truth if rng.random() < 0.9 else others[rng.integers(2)] for _ in range(3)]
        text = "call the ward" if truth == "mass" and rng.random() < 0.5 else "a report"
        split = ("train", "train", "valid", "test")[i % 4]
        gold = ("normal", "N/A") if truth == "normal" else ("abnormal", truth)
        lines.append(",".join([f"r{i}", split, text, *readers, *gold]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """The project's folder."""
    folder = tmp_path / "reports"
    folder.mkdir()
    write_reports(folder / "reports.csv")
    (folder / "labelwright.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "supervision.py").write_text(FUNCTIONS, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project that has run, with end models; not to be written to."""
    folder = tmp_path_factory.mktemp("finished")
    write_reports(folder / "reports.csv")
    end = '\n[end_model]\nkind = "text"\nfields = ["text", "a"]\n'
    (folder / "labelwright.toml").write_text(SETTINGS + end, encoding="utf-8")
    (folder / "supervision.py").write_text(FUNCTIONS, encoding="utf-8")
    Project(folder).run()
    return folder
