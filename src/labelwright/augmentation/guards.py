"""Examples handed to functions so that editing them in place is found out, at next to no cost."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from .batches import is_tensor

__all__ = ["EditedError", "GuardedRecord", "edits_in_place", "guarded", "read_only", "released", "writes_so_far"]


class EditedError(TypeError):
    """A function wrote to the record that it got."""


class GuardedRecord(dict[str, Any]):
    """A record that can be read and copied, not written to; its copies are plain dicts.

    Examples
    --------
    >>> x = GuardedRecord({"text": "a"})
    >>> {**x, "text": "b"}, x | {"text": "c"}
    ({'text': 'b'}, {'text': 'c'})
    >>> x["text"] = "d"
    Traceback (most recent call last):
        ...
    labelwright.augmentation.guards.EditedError: ...
    """

    __slots__ = ("of",)
    of: Any

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise EditedError("a transformation function never writes to the record that it got")

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = pop = popitem = clear = setdefault = _refuse

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy of it, deep ones too, is a plain dict that may be written to.
        return dict, (dict(self),)


def guarded(value: Any) -> Any:
    """Return what a function gets in place of ``value``: the same to read, not to write to where that can be had.

    Arrays come as read-only views, records as `GuardedRecord`, tensors as copies (torch has none that are read-only,
    but counts writes: `writes_so_far`). Texts and numbers cannot be edited.
    """
    if isinstance(value, np.ndarray):
        return read_only(value)
    if isinstance(value, dict):
        record = GuardedRecord(value)
        record.of = value
        return record
    return value.clone() if is_tensor(value) else value


def read_only(batch: Any) -> Any:
    """Return an array as a view that cannot be written to, and anything else as it is."""
    if not isinstance(batch, np.ndarray):
        return batch
    view = batch.view()
    view.flags.writeable = False
    return view


def released(found: Any) -> Any:
    """Return what a function returned as something that may be written to and shares nothing with a guarded input."""
    if isinstance(found, GuardedRecord):
        return found.of
    return found.copy() if isinstance(found, np.ndarray) and not found.flags.writeable else found


def writes_so_far(value: Any) -> int:
    """Return torch's count of writes to a tensor and its views; 0 for anything else."""
    if not is_tensor(value) or value.is_inference():
        return 0
    return int(value._version)


def edits_in_place(error: Exception) -> bool:
    """Whether an error says that somebody tried to write to what `guarded` protects."""
    return isinstance(error, EditedError) or (isinstance(error, ValueError) and "read-only" in str(error))
