"""End models as folders: JSON that says what the model is, and a payload that holds data, never code.

A pickle runs whatever it contains when it is loaded. The payload here is a skops archive (JSON and npy arrays in a
zip); only types on an allow-list are built from it, and every other one is refused by name.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import io
import json
import os
import sys
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning

from labelwright.core import atomic_folder, atomic_write, check_classes
from labelwright.core.errors import DataError, DataWarning, ModelError

from .end_model import EndModel
from .noise_aware import NoiseAwareClassifier

__all__ = ["TRUSTED_TYPES", "kind_of_saved", "load", "packed", "save", "unpacked"]

# Types that skops does not trust by itself. Each only holds numbers: none runs code when it is built.
TRUSTED_TYPES = (
    "labelwright.endmodels.dense_features.LatentTextFeatures",
    "labelwright.endmodels.logistic.SoftLogisticRegression",
    "labelwright.endmodels.noise_aware.NoiseAwareClassifier",
    "labelwright.endmodels.text_features.TextFeatures",
    "numpy.dtype",
)

_FORMAT = 1
_DESCRIPTION, _PAYLOAD = "model.json", "estimator.skops"
_LIBRARIES = ("labelwright", "scikit-learn", "numpy", "scipy", "skops")


def save(model: EndModel, folder: str | os.PathLike[str], *, trusted: Sequence[str] = ()) -> None:
    """Write an end model to a folder, whole or not at all; the same model gives the same bytes.

    Parameters
    ----------
    model : EndModel
    folder : path-like
        Made if absent; an end model that is there already is replaced.
    trusted : sequence of str, optional
        Full names of further types that the estimator holds (your own classes). They must be given to `load` too.

    Raises
    ------
    ModelError
        If the estimator holds a type that could not be loaded again.
    DataError
        If the folder exists and is not an end model.

    Examples
    --------
    >>> import tempfile
    >>> from labelwright.core import SoftLabels
    >>> from labelwright.endmodels import fit_end_model
    >>> soft = SoftLabels([[1, 0], [0.9, 0.1], [0.2, 0.8], [0, 1]])
    >>> model = fit_end_model("tabular", ["size"], {"size": [1.0, 2.0, 8.0, 9.0]}, soft)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, Path(folder) / "triage")
    ...     again = load(Path(folder) / "triage")
    >>> bool((again.predict_proba({"size": [7.0]}) == model.predict_proba({"size": [7.0]})).all())
    True
    """
    payload = packed(model.estimator, trusted=trusted)
    description = {
        "format": _FORMAT,
        "kind": model.kind,
        "fields": list(model.fields),
        "classes": list(model.classes),
        "sha256": hashlib.sha256(payload).hexdigest(),
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }
    with atomic_folder(folder, marker=_DESCRIPTION) as temporary:
        atomic_write(temporary / _PAYLOAD, payload)
        atomic_write(temporary / _DESCRIPTION, json.dumps(description, indent=2) + "\n")


def load(folder: str | os.PathLike[str], *, trusted: Sequence[str] = ()) -> EndModel:
    """Read an end model from a folder; no project and no labeling function is needed.

    Parameters
    ----------
    folder : path-like
        Written by `save`.
    trusted : sequence of str, optional
        Full names of further types that may be built.

    Raises
    ------
    DataError
        If the folder is not an end model, is damaged, or holds a type that is not trusted.

    Warns
    -----
    DataWarning
        If the model was written with another version of scikit-learn.
    """
    place = Path(folder)
    description = _description(place)
    try:
        payload = (place / _PAYLOAD).read_bytes()
    except OSError as error:
        raise DataError(f"{place / _PAYLOAD} cannot be read: {error}.") from error
    found = hashlib.sha256(payload).hexdigest()
    if found != description["sha256"]:
        raise DataError(
            f"{place / _PAYLOAD} is damaged or was changed: its sha256 is {found}, but {_DESCRIPTION} says "
            f"{description['sha256']}. Export the model again."
        )
    estimator = unpacked(payload, place / _PAYLOAD, trusted=trusted)
    _compare_versions(place, description["libraries"])
    classes = check_classes(description["classes"])
    if not isinstance(estimator, NoiseAwareClassifier) or estimator.classes_.tolist() != list(classes):
        raise DataError(f"{place / _PAYLOAD} does not hold the model that {_DESCRIPTION} describes.")
    return EndModel(description["kind"], tuple(description["fields"]), classes, estimator)


def kind_of_saved(folder: str | os.PathLike[str]) -> str | None:
    """Return the kind of the model that lies in a folder, or ``None`` where its description cannot be read.

    Examples
    --------
    >>> kind_of_saved("no such folder") is None
    True
    """
    try:
        return str(json.loads((Path(folder) / _DESCRIPTION).read_text(encoding="utf-8"))["kind"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def packed(estimator: Any, *, trusted: Sequence[str] = ()) -> bytes:
    """Return an estimator as a skops archive; the same estimator gives the same bytes.

    Raises
    ------
    ModelError
        If it holds a type that could not be loaded again.
    """
    payload = _stable_archive(_skops().dumps(estimator))
    if unknown := _unknown_types(payload, trusted):
        raise ModelError(
            f"the end model holds types that are not on the allow-list: {', '.join(unknown)}. If you trust them, pass "
            f"trusted={unknown!r} to save and to load."
        )
    return payload


def unpacked(payload: bytes, path: Path, *, trusted: Sequence[str] = ()) -> Any:
    """Return the estimator that `packed` wrote; ``path`` is where it lies, for errors.

    Raises
    ------
    DataError
        If it is no such archive, or holds a type that is not trusted.
    """
    if unknown := _unknown_types(payload, trusted):
        raise DataError(
            f"{path} holds types that are not on the allow-list: {', '.join(unknown)}. Load it only if you "
            f"trust where it came from, with trusted={unknown!r}."
        )
    with warnings.catch_warnings():
        # Versions are compared, and told, with the folder's name.
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        return _skops().loads(payload, trusted=[*TRUSTED_TYPES, *trusted])


def _skops() -> Any:
    # Importing skops imports every module of scikit-learn, which takes a second; only files need it.
    if "skops.io" not in sys.modules:
        with _without_torch():
            return importlib.import_module("skops.io")
    return sys.modules["skops.io"]


class _NoTorch:
    """An import finder that knows no torch."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        """Refuse torch, and leave every other module to the next finder."""
        del path, target
        if name == "torch":
            raise ModuleNotFoundError(name, name=name)


@contextlib.contextmanager
def _without_torch() -> Iterator[None]:
    """Keep an import from loading torch: scikit-learn has a module for it, which is all that would ask for it here."""
    if "torch" in sys.modules:
        yield
        return
    sys.meta_path.insert(0, _NoTorch)
    try:
        yield
    finally:
        sys.meta_path.remove(_NoTorch)


def _description(place: Path) -> dict[str, Any]:
    path = place / _DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{place} is not a saved end model: {path} cannot be read ({error}).") from error
    expected = {"format": int, "kind": str, "fields": list, "classes": list, "sha256": str, "libraries": dict}
    for name, kind in expected.items():
        if not isinstance(description, dict) or not isinstance(description.get(name), kind):
            raise DataError(
                f"{path} has no {name!r}, or one that is not a {kind.__name__}; it is not a saved end model."
            )
    if description["format"] != _FORMAT:
        raise DataError(
            f"{path} has format {description['format']}; this version reads {_FORMAT}. Upgrade labelwright."
        )
    return dict(description)


def _unknown_types(payload: bytes, trusted: Sequence[str]) -> list[str]:
    try:
        found = _skops().get_untrusted_types(data=payload)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{_PAYLOAD} is not an archive that can be read ({error!r}).") from error
    return sorted(set(found) - set(TRUSTED_TYPES) - set(trusted))


def _compare_versions(place: Path, libraries: dict[str, Any]) -> None:
    here, there = importlib.metadata.version("scikit-learn"), libraries.get("scikit-learn")
    if here != there:
        warnings.warn(
            f"{place} was written with scikit-learn {there}, and this is {here}: its answers may differ. "
            "Compare a few predictions, or export the model again.",
            DataWarning,
            stacklevel=3,
        )


def _stable_archive(payload: bytes) -> bytes:
    """Rewrite a skops archive so that it depends on the model alone: no memory addresses, random names or times."""
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop("schema.json"))
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}

    def renumber(node: Any) -> Any:
        if isinstance(node, list):
            return [renumber(part) for part in node]
        if not isinstance(node, dict):
            return node
        out: dict[str, Any] = {}
        for key, value in node.items():
            if key == "__id__" and isinstance(value, int):
                out[key] = numbers.setdefault(value, len(numbers))
            elif key == "file" and isinstance(value, str) and value in members:
                out[key] = names.setdefault(value, f"{len(names)}{Path(value).suffix}")
            else:
                out[key] = renumber(value)
        return out

    written = {"schema.json": json.dumps(renumber(schema)).encode()}
    written |= {new: members[old] for old, new in names.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in written.items():
            # A ZipInfo made by hand carries the earliest date a zip can hold instead of the time of day.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
