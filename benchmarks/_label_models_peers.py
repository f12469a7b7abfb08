"""One peer's seconds for fit and predict on saved votes: run by the peers' own Python; prints JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np


def snorkel(L, k):
    from snorkel.labeling.model import LabelModel

    def work():
        model = LabelModel(cardinality=k, verbose=False)
        model.fit(L, n_epochs=100, seed=0, progress_bar=False)
        return model.predict_proba(L)

    return work


def dawid_skene(L, _):
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    row, column = np.nonzero(L >= 0)

    def work():
        table = pd.DataFrame({"task": row, "worker": column, "label": L[row, column]})
        return DawidSkene(n_iter=100).fit_predict_proba(table)

    return work


def peak_megabytes() -> float:
    """Read the most memory this process held; ru_maxrss would count that of the process it was forked from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3


if __name__ == "__main__":
    peer, path, k = sys.argv[1], sys.argv[2], int(sys.argv[3])
    votes = np.load(path)
    work = {"snorkel": snorkel, "crowd-kit Dawid-Skene": dawid_skene}[peer](votes, k)
    started = time.perf_counter()
    work()
    taken = time.perf_counter() - started
    print(json.dumps({"seconds": taken, "megabytes": peak_megabytes()}))
