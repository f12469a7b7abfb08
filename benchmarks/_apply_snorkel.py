"""Time Snorkel's ``PandasLFApplier``, in the peers' own Python: ``_apply_snorkel.py FILE ROWS`` prints seconds."""

from __future__ import annotations

import json
import re
import sys
import time

import pandas as pd
from snorkel.labeling import LabelingFunction, PandasLFApplier

from _apply_functions import PATTERNS, TRIVIAL


def pattern_function(name, pattern):
    search = re.compile(pattern).search
    return LabelingFunction(name, lambda x: 1 if search(x.text) else -1)


def seconds(functions, frame):
    applier = PandasLFApplier(lfs=functions)
    started = time.perf_counter()
    applier.apply(frame, progress_bar=False)
    return time.perf_counter() - started


def main():
    frame = pd.read_csv(sys.argv[1], nrows=int(sys.argv[2]))
    patterns = [pattern_function(str(j), pattern) for j, pattern in enumerate(PATTERNS)]
    trivial = [LabelingFunction(f.__name__, f) for f in TRIVIAL]
    print(json.dumps({"patterns": seconds(patterns, frame), "trivial": seconds(trivial, frame)}))


if __name__ == "__main__":
    main()
