"""Looking at the installation: what there is, what is missing, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

__all__ = ["Check", "check_installation"]

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "polars", "pyarrow", "click", "rich", "msgspec", "sqlalchemy")
# Extra -> (module that shows that it is there, what it is for).
_EXTRAS = {
    "torch": ("torch", "end models in torch"),
    "text": ("spacy", "spaCy preprocessors"),
    "postgres": ("psycopg", "a catalog on PostgreSQL"),
    "object-store": ("fsspec", "artifacts in an object store"),
    "images": ("PIL", "PNG and JPEG files as images"),
}
# Newer torch wheels pull gigabytes of GPU libraries; the version is that of constraints.txt.
_TORCH = "torch==2.13.0"
_HOW = {
    "torch": f"'labelwright[torch]' {_TORCH} (from a checkout: pip install --constraint constraints.txt '.[torch]')",
    "text": "'labelwright[text]'",
    "postgres": "'labelwright[postgres]'",
    "object-store": "'labelwright[object-store]'",
    "images": "'labelwright[images]'",
}
_TOOLS = {"git": "to keep a project's functions under version control"}
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
    found : str
        What there is.
    state : {"ok", "optional", "problem"}
        ``"optional"``: missing, and needed only for what the advice names.
    advice : str
        What to do; empty where nothing is to do.
    """

    name: str
    found: str
    state: Literal["ok", "optional", "problem"] = "ok"
    advice: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"name": self.name, "found": self.found, "state": self.state, "advice": self.advice}


def check_installation(folder: Path) -> list[Check]:
    """Look at Python, libraries, cores, threads, extras, tools, and whether ``folder`` can be written to.

    Examples
    --------
    >>> [check.name for check in check_installation(Path())][:2]
    ['labelwright', 'python']
    """
    return [
        Check("labelwright", importlib.metadata.version("labelwright")),
        _python(),
        *(_library(name) for name in _LIBRARIES),
        _cores(),
        _threads(),
        *(_extra(extra, module, purpose) for extra, (module, purpose) in _EXTRAS.items()),
        *(_tool(name, purpose) for name, purpose in _TOOLS.items()),
        _writable(folder),
    ]


def _python() -> Check:
    found = f"{platform.python_version()} ({sys.executable})"
    return Check("python", found)


def _library(name: str) -> Check:
    try:
        return Check(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Check(name, "missing", "problem", "Install again: pip install --force-reinstall labelwright")


def _usable_cores() -> int:
    # A container may be given fewer cores than the machine has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cores() -> Check:
    usable, all_ = _usable_cores(), os.cpu_count() or 1
    return Check("cores", f"{usable} usable of {all_}")


def _threads() -> Check:
    import threadpoolctl

    cores = _usable_cores()
    pools = {pool["internal_api"]: pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
    settings = [f"{name}={os.environ[name]}" for name in _THREAD_VARIABLES if name in os.environ]
    found = ", ".join([f"{api}: {count}" for api, count in pools.items()] + settings) or "library defaults"
    most = max(pools.values(), default=1)
    if most > cores:
        advice = (
            f"More threads than usable cores slow numeric libraries down many times: export OMP_NUM_THREADS={cores}"
        )
        return Check("threads", found, "problem", advice)
    return Check("threads", found)


def _extra(extra: str, module: str, purpose: str) -> Check:
    if importlib.util.find_spec(module) is None:
        return Check(f"extra {extra}", "not installed", "optional", f"For {purpose}: pip install {_HOW[extra]}")
    # Pillow is imported by another name than it is installed by.
    return Check(f"extra {extra}", importlib.metadata.version({"PIL": "pillow"}.get(module, module)))


def _tool(name: str, purpose: str) -> Check:
    place = shutil.which(name)
    if place is None:
        return Check(name, "not found", "optional", f"Install it {purpose}.")
    return Check(name, place)


def _writable(folder: Path) -> Check:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check("write access", f"{folder.resolve()}: {error.strerror}", "problem", "Run it in another folder.")
    return Check("write access", str(folder.resolve()))
