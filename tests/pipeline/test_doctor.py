"""The doctor: each trouble is found and comes with advice."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import tempfile
from pathlib import Path

import pytest

from labelwright.pipeline import check_installation

ROOT = Path(__file__).resolve().parents[2]


def found(folder):
    return {check.name: check for check in check_installation(folder)}


def test_a_sound_installation_has_no_problem(tmp_path, monkeypatch):
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: [{"internal_api": "openblas", "num_threads": 1}])
    assert [c.name for c in check_installation(tmp_path) if c.state == "problem"] == []


def test_troubles_come_with_advice(tmp_path, monkeypatch):
    def no_version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    def no_file(**_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: [{"internal_api": "openblas", "num_threads": 999}])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(tempfile, "TemporaryFile", no_file)
    checks = found(tmp_path)
    assert "OMP_NUM_THREADS=" in checks["threads"].advice
    assert "labelwright[torch]" in checks["extra torch"].advice
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    (pin,) = (line for line in constraints if line.startswith("torch=="))
    assert pin in checks["extra torch"].advice
    assert "--constraint constraints.txt" in checks["extra torch"].advice
    assert checks["git"].state == "optional"
    assert checks["write access"].state == "problem"
    monkeypatch.setattr(importlib.metadata, "version", no_version)
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        check_installation(tmp_path)  # labelwright itself is not installed: there is nobody to ask
