"""Versions of user code (first form; the full one follows)."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from labelwright.core.errors import VersionError

__all__ = ["version_of"]


def version_of(
    obj: Any,
    *,
    depends_on: Sequence[Any] = (),
    resources: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> str:
    """Content hash (64 hexadecimal digits) of what an object does."""
    parts = getattr(obj, "__version_parts__", None)
    if parts is not None:
        inner = {name: version_of(part) if callable(part) else repr(part) for name, part in parts().items()}
        return hashlib.sha256(repr(sorted(inner.items())).encode()).hexdigest()
    try:
        tree = ast.dump(ast.parse(textwrap.dedent(inspect.getsource(obj))))
    except (OSError, TypeError, SyntaxError) as error:
        raise VersionError(f"the source of {obj!r} cannot be read; declare depends_on=[...]") from error
    rest = repr((tuple(depends_on), sorted((resources or {}).items()), sorted((parameters or {}).items())))
    return hashlib.sha256((tree + rest).encode()).hexdigest()
