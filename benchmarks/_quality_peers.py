"""One peer's soft labels of saved vote matrices: run by the peers' own Python; prints a line of JSON for each matrix.

``python _quality_peers.py PEER SECONDS FOLDER MATRIX ...`` reads ``FOLDER/MATRIX.npz`` (votes, k) and writes
``FOLDER/MATRIX.PEER.npy``. Default settings, seed 0, no gold, no class balance. A matrix that takes longer than SECONDS
of the processor's time, or on which the peer raises, is reported and left.
"""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np


def snorkel():
    from snorkel.labeling.model import LabelModel

    def soft(L, k):
        model = LabelModel(cardinality=k, verbose=False)
        model.fit(L, n_epochs=100, seed=0, progress_bar=False)
        return model.predict_proba(L)

    return soft


def metal():
    import networkx
    import torch

    # Written for networkx 1: graphs have lost `node`, and torch the reading of bytes as a mask.
    networkx.Graph.node = property(lambda graph: graph.nodes)
    from metal.label_model import LabelModel
    from scipy.sparse import csr_matrix

    class Shimmed(LabelModel):
        def _build_mask(self):
            super()._build_mask()
            self.mask = self.mask.to(torch.bool)

    def soft(L, k):
        votes = csr_matrix(L.astype(int) + 1)
        model = Shimmed(k=k, seed=0, verbose=False)
        model.train_model(votes, log_train_every=0, verbose=False, disable_prog_bar=True)
        return model.predict_proba(votes)

    return soft


def flyingsquid():
    import pgmpy.models

    # pgmpy has renamed the class that FlyingSquid imports.
    if not hasattr(pgmpy.models, "MarkovModel"):
        pgmpy.models.MarkovModel = pgmpy.models.DiscreteMarkovNetwork
    from flyingsquid.label_model import LabelModel

    def positive(X, share):
        model = LabelModel(X.shape[1])
        model.fit(X, class_balance=np.array([1 - share, share]))
        return model.predict_proba(X, verbose=False)[:, 1]

    def soft(L, k):
        sides = [np.where(L < 0, 0, np.where(c == L, 1, -1)) for c in range(k)]
        if k == 2:
            p = positive(sides[1], 0.5)
            return np.stack([1 - p, p], axis=1)
        return shares(np.stack([positive(side, 1 / k) for side in sides], axis=1))

    return soft


def crowd_kit(name, **options):
    def loaded():
        import pandas as pd
        from crowdkit import aggregation
        from crowdkit.aggregation.base import BaseClassificationAggregator
        from sklearn.utils import Tags, TargetTags

        # scikit-learn asks every estimator for its tags since 1.6; Wawa and zero-based skill have none.
        if not hasattr(BaseClassificationAggregator, "__sklearn_tags__"):
            tags = Tags(estimator_type=None, target_tags=TargetTags(required=False))
            BaseClassificationAggregator.__sklearn_tags__ = lambda _: tags

        def soft(L, k):
            row, column = np.nonzero(L >= 0)
            table = pd.DataFrame({"task": row, "worker": column, "label": L[row, column]})
            model = getattr(aggregation, name)(**options)
            if hasattr(model, "fit_predict_proba"):
                found = model.fit_predict_proba(table)
            else:
                found = pd.get_dummies(model.fit_predict(table), dtype=float)
            return found.reindex(index=range(len(L)), columns=range(k)).fillna(0.0).to_numpy()

        return soft

    return loaded


def hyperlm():
    import torch
    from hyperlm import HyperLabelModel

    # Since 2.6 torch reads only what is declared harmless; the checkpoint holds a number of an older numpy.
    number = (np._core.multiarray.scalar, "numpy.core.multiarray.scalar")
    kinds = [np.dtype, number, type(np.dtype("float64"))]
    with torch.serialization.safe_globals(kinds):
        model = HyperLabelModel(device="cpu")

    def soft(L, k):
        voted = (L >= 0).any(axis=1)
        return everywhere(model.infer(L[voted].astype(int), return_probs=True), voted, k)

    return soft


def skweak():
    import pandas as pd
    from skweak.generative import NaiveBayes

    def soft(L, k):
        voted = (L >= 0).any(axis=1)
        frame = pd.DataFrame(L[voted].astype(int), columns=[f"source {j}." for j in range(L.shape[1])])
        model = NaiveBayes("nb", [str(c) for c in range(k)])
        model.observed_labels = list(model.out_labels)
        model._fit([frame])
        return everywhere(model.aggregate(frame).to_numpy(), voted, k)

    return soft


def crowdlab():
    from cleanlab.multiannotator import get_label_quality_multiannotator, get_majority_vote_label
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    def soft(L, k):
        voted = (L >= 0).any(axis=1)
        answers = np.where(L[voted] < 0, np.nan, L[voted])
        answers = answers[:, ~np.isnan(answers).all(axis=0)]
        # The matrices have no features, so that the classifier sees who voted what.
        X = np.concatenate([answers == c for c in range(k)], axis=1).astype(float)
        y = get_majority_vote_label(answers, verbose=False).astype(int)
        classes = np.zeros((len(y), k))
        classes[:, np.unique(y)] = cross_val_predict(LogisticRegression(), X, y, method="predict_proba")
        result = get_label_quality_multiannotator(answers, classes, verbose=False)["label_quality"]
        # It gives the best class and how probable that is: what is left is spread evenly.
        best = result["consensus_quality_score"].to_numpy()
        probs = np.repeat((1 - best)[:, None] / (k - 1), k, axis=1)
        probs[np.arange(len(y)), result["consensus_label"].to_numpy(dtype=int)] = best
        return everywhere(probs, voted, k)

    return soft


def everywhere(probs, voted, k):
    """Return soft labels (n, k) from those of the examples that have votes, of the classes that the peer knows."""
    found = np.zeros((len(voted), k))
    found[voted, : probs.shape[1]] = probs
    return found


def shares(table):
    total = table.sum(axis=1, keepdims=True)
    return np.divide(table, total, out=np.full_like(table, 1 / table.shape[1]), where=total > 0)


PEERS = {
    "hyperlm": hyperlm,
    "snorkel": snorkel,
    "metal": metal,
    "flyingsquid": flyingsquid,
    "skweak naive Bayes": skweak,
    "CROWDLAB": crowdlab,
    "crowd-kit Wawa": crowd_kit("Wawa"),
    "crowd-kit ZBS": crowd_kit("ZeroBasedSkill"),
    "crowd-kit Dawid-Skene": crowd_kit("DawidSkene", n_iter=100),
    "crowd-kit one-coin": crowd_kit("OneCoinDawidSkene", n_iter=100),
    "crowd-kit M-MSR": crowd_kit("MMSR", random_state=0),
    "crowd-kit GLAD": crowd_kit("GLAD"),
    "crowd-kit MACE": crowd_kit("MACE", random_state=0),
}


class TooLongError(Exception):
    pass


def stop(*_):
    raise TooLongError


def told(error):
    """Return what went wrong in one short line."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:100]


def measured(soft, votes, k, limit):
    """Return soft labels, or raise: where it takes more than ``limit`` seconds, or where an example gets no number."""
    signal.setitimer(signal.ITIMER_PROF, limit)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            found = np.asarray(soft(votes, k), dtype=float)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if not np.isfinite(found[(votes >= 0).any(axis=1)]).all():
        raise ValueError("NaN among the probabilities")
    return found


def run(peer, limit, folder, names):
    # Other work on the machine must not decide what finishes: the clock is the processor's.
    signal.signal(signal.SIGPROF, stop)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            soft = PEERS[peer]()
    except Exception as error:
        print(json.dumps({"not installed": told(error)}))
        return
    for name in names:
        data = np.load(folder / f"{name}.npz")
        started = time.process_time()
        line = {"set": name}
        try:
            np.save(folder / f"{name}.{peer}.npy", measured(soft, data["votes"], int(data["k"]), limit))
        except TooLongError:
            line["error"] = f"more than {limit:.0f} s"
        except Exception as error:
            line["error"] = told(error)
        print(json.dumps(line | {"seconds": time.process_time() - started}), flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    run(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
