"""Records that can be read and copied, not written to."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch

from labelwright.augmentation.guards import EditedError, GuardedRecord, guarded, released, writes_so_far


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x.update(a=2),
        lambda x: x.pop("a"),
        lambda x: x.popitem(),
        lambda x: x.clear(),
        lambda x: x.setdefault("b", 1),
        lambda x: x.__setitem__("a", 2),
        lambda x: x.__delitem__("a"),
        lambda x: x.__ior__({"a": 2}),
    ],
)
def test_writing_to_a_record_is_refused(write):
    with pytest.raises(EditedError):
        write(guarded({"a": 1}))


@pytest.mark.parametrize(
    "made", [dict, copy.copy, copy.deepcopy, lambda x: x.copy(), lambda x: {**x}, lambda x: x | {}]
)
def test_copies_of_a_record_are_plain(made):
    found = made(guarded({"a": 1}))
    assert type(found) is dict
    found["a"] = 2


def test_a_record_reads_as_a_dict():
    record = guarded({"a": 1, "b": "x"})
    assert isinstance(record, dict)
    assert (record["a"], record.get("c"), "b" in record, len(record)) == (1, None, True, 2)
    assert json.dumps(record) == '{"a": 1, "b": "x"}'


def test_what_was_guarded_comes_back_as_what_it_was():
    record, array = {"a": 1}, np.zeros(2)
    assert isinstance(guarded(record), GuardedRecord)
    assert released(guarded(record)) is record
    assert released(guarded(array)).flags.writeable
    assert released("text") == "text"


def test_writes_to_tensors_and_their_views_are_counted():
    tensor = torch.zeros(3, 2)
    row = tensor[0]
    row += 1
    assert writes_so_far(tensor) == 1
    with torch.inference_mode():
        assert writes_so_far(torch.zeros(2)) == 0
    assert writes_so_far("text") == 0
