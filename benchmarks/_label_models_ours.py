"""Seconds and peak memory of one of our label models on saved votes, in a process of its own; prints JSON."""

from __future__ import annotations

import importlib
import json
import sys
import time

import numpy as np

from _label_models_peers import peak_megabytes


def main(path: str, votes: str, k: int) -> None:
    module, name = path.rsplit(".", 1)
    make = getattr(importlib.import_module(f"labelwright.{module}"), name)
    L = np.load(votes)
    if name == "MomentCounts":
        from labelwright.core import Votes

        found = Votes(L, classes=k)

        def work(part):
            make.of(found.take(slice(0, len(part))) if len(part) < len(L) else found)
    else:

        def work(part):
            make(cardinality=k).fit(part).predict_proba(part)

    work(L[:200])  # pays for imports
    started = time.perf_counter()
    work(L)
    taken = time.perf_counter() - started
    print(json.dumps({"seconds": taken, "megabytes": peak_megabytes()}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
