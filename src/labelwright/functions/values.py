"""Writing values down as bytes that depend on nothing but the value.

Equal values give equal bytes in every process and on every version of Python; different ones do not. What holds other
values (lists, instances, functions) is the walker's business, in `labelwright.functions.versions`.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import hashlib
import re
import sys
import uuid
import zoneinfo
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
from typing import Any

__all__ = ["Unwritable", "sealed", "write_leaf"]


class Unwritable(Exception):  # noqa: N818 - a finding that is always caught, not an error
    """A value cannot be written down; the message is the end of a sentence about it."""


def sealed(kind: str, pieces: Iterable[bytes]) -> bytes:
    """Digest of several pieces under the name of their kind; no two different lists of pieces collide.

    Examples
    --------
    >>> sealed("list", [b"ab", b"c"]) == sealed("list", [b"a", b"bc"])
    False
    """
    state = hashlib.sha256(f"{kind}\n".encode())
    for piece in pieces:
        state.update(b"%d:" % len(piece))
        state.update(piece)
    return state.digest()


def write_leaf(value: Any, *, folders: bool = False) -> bytes | None:
    """Write down a value that holds no other values.

    Parameters
    ----------
    value : object
        The value.
    folders : bool, default False
        Whether a path may be a folder, which then counts with every file in it.

    Returns
    -------
    bytes or None
        None where the value is of no kind known here.

    Raises
    ------
    Unwritable
        The kind is known, but this value has nothing stable to write.

    Examples
    --------
    >>> write_leaf(1) != write_leaf(True) != write_leaf(1.0)
    True
    >>> import re
    >>> write_leaf(re.compile("a", re.I)) == write_leaf(re.compile("a", re.IGNORECASE))
    True
    """
    writer = _ATOMS.get(type(value))
    if writer is not None:
        return sealed(type(value).__name__, (writer(value),))
    if isinstance(value, enum.Enum):
        return None
    if isinstance(value, Path):
        return _path(value, folders)
    if isinstance(value, PurePath):
        return sealed("path", (str(value).encode("utf-8", "surrogatepass"),))
    moment = _moment(value)
    if moment is not None:
        return moment
    guest = type(value).__module__.partition(".")[0]
    # Only a module that is loaded can have made the value, so nothing heavy is imported here.
    if guest in _GUESTS and guest in sys.modules:
        return _GUESTS[guest](value)
    return None


def _text(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _pattern(value: re.Pattern[Any]) -> bytes:
    pattern = value.pattern
    return b"%d %s" % (value.flags, _text(pattern) if isinstance(pattern, str) else b"bytes " + pattern)


_ATOMS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"",
    type(Ellipsis): lambda _: b"",
    type(NotImplemented): lambda _: b"",
    bool: lambda value: b"%d" % value,
    int: lambda value: f"{value:x}".encode(),
    float: lambda value: value.hex().encode(),
    complex: lambda value: f"{value.real.hex()} {value.imag.hex()}".encode(),
    str: _text,
    bytes: bytes,
    bytearray: bytes,
    range: lambda value: f"{value.start} {value.stop} {value.step}".encode(),
    re.Pattern: _pattern,
    decimal.Decimal: lambda value: str(value).encode(),
    fractions.Fraction: lambda value: f"{value.numerator:x} {value.denominator:x}".encode(),
    uuid.UUID: lambda value: value.bytes,
    datetime.timedelta: lambda value: f"{value.days} {value.seconds} {value.microseconds}".encode(),
}


def _moment(value: Any) -> bytes | None:
    """Write down a date, a time or a time zone of the standard library."""
    if isinstance(value, zoneinfo.ZoneInfo) and value.key is not None:
        return sealed("zone", (value.key.encode(),))
    if type(value) is datetime.timezone:
        return sealed("timezone", (str(value.utcoffset(None)).encode(), str(value.tzname(None)).encode()))
    if type(value) not in (datetime.datetime, datetime.date, datetime.time):
        return None
    zone = getattr(value, "tzinfo", None)
    where = b"" if zone is None else write_leaf(zone)
    if where is None:
        return None
    return sealed(type(value).__name__, (value.isoformat().encode(), b"%d" % getattr(value, "fold", 0), where))


def _path(path: Path, folders: bool) -> bytes:
    try:
        if path.is_file():
            return sealed("file", (_file(path),))
        if path.is_dir() and folders:
            files = sorted((inner for inner in path.rglob("*") if inner.is_file()), key=lambda file: file.as_posix())
            named = (
                (file.relative_to(path).as_posix().encode("utf-8", "surrogatepass"), _file(file)) for file in files
            )
            return sealed("folder", (piece for pair in named for piece in pair))
    except OSError as error:
        raise Unwritable(f"is a path that cannot be read ({error})") from error
    if path.is_dir():
        raise Unwritable(f"is a folder ({path}), and which of its files matter cannot be seen")
    raise Unwritable(f"is the path of a file that does not exist ({path})")


def _file(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _numpy(value: Any) -> bytes | None:
    import numpy as np

    if isinstance(value, np.dtype):
        return sealed("dtype", (_dtype(value),))
    if isinstance(value, np.ma.MaskedArray):
        masked = (_numpy(np.asarray(value.filled())), _numpy(np.ma.getmaskarray(value)))
        return sealed("masked array", (piece for piece in masked if piece is not None))
    if not isinstance(value, (np.ndarray, np.generic)):
        return None
    array = np.asarray(value)
    if array.dtype.hasobject:
        # The items may be anything, so the walker takes them one by one.
        return None
    # The same numbers on a big-endian machine are the same value.
    array = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    shape = " ".join(map(str, np.shape(value))).encode()
    kind = "array" if isinstance(value, np.ndarray) else "scalar"
    return sealed(kind, (_dtype(array.dtype), shape, array.tobytes()))


def _dtype(dtype: Any) -> bytes:
    little = dtype.newbyteorder("<")
    return repr(little.descr if little.names else little.str).encode()


def _polars(value: Any) -> bytes | None:
    import polars as pl

    if isinstance(value, pl.DataFrame):
        return sealed("polars frame", (piece for column in value.get_columns() for piece in _series(column)))
    if isinstance(value, pl.Series):
        return sealed("polars series", _series(value))
    if isinstance(value, pl.Expr):
        return sealed("polars expression", (pl.__version__.encode(), value.meta.serialize(format="json").encode()))
    if isinstance(value, pl.DataType) or (isinstance(value, type) and issubclass(value, pl.DataType)):
        return sealed("polars type", (str(value).encode(),))
    if isinstance(value, pl.LazyFrame):
        raise Unwritable("is a lazy frame, which has no values yet; collect it, or declare the file that it scans")
    return None


def _series(series: Any) -> Iterable[bytes]:
    yield series.name.encode()
    yield str(series.dtype).encode()
    if series.dtype.is_numeric() and not series.dtype.is_decimal() and not series.null_count():
        yield series.to_numpy().tobytes()
    else:
        # ascii is the same on every version; repr follows the version's Unicode tables.
        yield ascii(series.to_list()).encode()


def _pandas(value: Any) -> bytes | None:
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        columns = [value.iloc[:, position] for position in range(value.shape[1])]
        return sealed("pandas frame", (piece for column in [value.index, *columns] for piece in _column(column)))
    if isinstance(value, pd.Series):
        return sealed("pandas series", (*_column(value.index), *_column(value)))
    if isinstance(value, pd.Index):
        return sealed("pandas index", _column(value))
    if isinstance(value, (pd.Timestamp, pd.Timedelta)):
        return sealed(type(value).__name__, (value.isoformat().encode(), str(getattr(value, "tz", None)).encode()))
    return sealed("pandas missing", (str(value).encode(),)) if value is pd.NA or value is pd.NaT else None


def _column(column: Any) -> Iterable[bytes]:
    yield ascii(column.name).encode()
    yield str(column.dtype).encode()
    values = column.to_numpy()
    if values.dtype.hasobject:
        items = values.tolist()
        if not all(item is None or isinstance(item, (str, bytes, int, float, bool)) for item in items):
            raise Unwritable("is a table with a column of Python objects; declare what it was made from")
        yield ascii(items).encode()
    else:
        yield values.tobytes()


def _regex(value: Any) -> bytes | None:
    if type(value).__name__ != "Pattern":
        return None
    return sealed("regex pattern", (repr(value.pattern).encode("ascii", "backslashreplace"), b"%d" % value.flags))


def _arrow(value: Any) -> bytes | None:
    if hasattr(value, "column_names") and hasattr(value, "to_pylist"):
        columns = zip(value.column_names, value.columns, strict=True)
        return sealed(
            "arrow table", (piece for name, column in columns for piece in (name.encode(), _arrow(column) or b""))
        )
    if hasattr(value, "to_pylist"):
        return sealed("arrow column", (str(value.type).encode(), ascii(value.to_pylist()).encode()))
    return None


def _scipy(value: Any) -> bytes | None:
    if not hasattr(value, "tocsr"):
        return None
    rows = value.tocsr(copy=True)
    rows.sum_duplicates()
    pieces = (_numpy(array.astype("<i8")) for array in (rows.indptr, rows.indices))
    return sealed(
        "sparse matrix", (str(rows.shape).encode(), *(p for p in (*pieces, _numpy(rows.data)) if p is not None))
    )


def _torch(value: Any) -> bytes | None:
    # A tensor knows its way to numpy; torch itself is not imported here.
    if type(value).__name__ not in ("Tensor", "Parameter"):
        return None
    try:
        array = value.detach().cpu().numpy()
    except (TypeError, RuntimeError) as error:
        raise Unwritable(f"is a tensor that has no counterpart in numpy ({error})") from error
    return sealed("tensor", (str(value.dtype).encode(), _numpy(array) or b""))


_GUESTS: dict[str, Callable[[Any], bytes | None]] = {
    "numpy": _numpy,
    "polars": _polars,
    "pandas": _pandas,
    "pyarrow": _arrow,
    "scipy": _scipy,
    "torch": _torch,
    "_regex": _regex,
}
