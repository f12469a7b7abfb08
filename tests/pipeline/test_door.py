"""The names of the room, which load on first use."""

from __future__ import annotations

from types import ModuleType

import pytest

import labelwright.pipeline


def test_every_name_of_the_room_is_there():
    for name in labelwright.pipeline.__all__:
        assert not isinstance(getattr(labelwright.pipeline, name), ModuleType), name
    with pytest.raises(AttributeError, match="has no attribute 'Projekt'"):
        _ = labelwright.pipeline.Projekt
