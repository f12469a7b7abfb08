"""Walking from a run to every artifact that it is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from labelwright.core.errors import LabelwrightError
from labelwright.store import ArtifactId, Store

__all__ = ["Faults", "check_artifacts"]

# An artifact refers to others by their ids, as text anywhere in its JSON.
_REFERENCE = re.compile(rb"[a-z][a-z_]*:[0-9a-f]{64}(?![0-9a-f])")


@dataclass(frozen=True, slots=True)
class Faults:
    """How many artifacts were read, and what is wrong with some of them: sentences that name them."""

    count: int
    found: tuple[str, ...]


def check_artifacts(store: Store, artifacts: Mapping[str, ArtifactId]) -> Faults:
    """Read every artifact of a run, and all that these refer to; a store hashes what it reads.

    Parameters
    ----------
    store : Store
    artifacts : mapping of str to ArtifactId
        By role.
    """
    suffixes = {entry.key: entry.suffix for entry in store.entries()}
    rest = [(role, key) for role, key in artifacts.items()]
    seen: set[ArtifactId] = set()
    faults = []
    while rest:
        role, key = rest.pop()
        if key in seen:
            continue
        seen.add(key)
        if key not in suffixes:
            faults.append(f"{key.kind} {key.short} of {role} is missing")
            continue
        try:
            content = _read(store, key, suffixes[key])
        except (LabelwrightError, OSError) as error:
            faults.append(f"{role}: {error}")
            continue
        rest += [(role, ArtifactId.parse(text.decode())) for text in _REFERENCE.findall(content)]
    return Faults(len(seen), tuple(sorted(faults)))


def _read(store: Store, key: ArtifactId, suffix: str) -> bytes:
    """Read an artifact, which checks it; return what may name others."""
    if not suffix:
        store.get_folder(key)
        return b""
    content = store.get_bytes(key, suffix)
    return content if suffix == ".json" else b""
