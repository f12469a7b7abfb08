"""The text task of the benchmark of augmentation: spam among short messages, few labels."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score

from benchmarks._augmentation_images import LEARNED
from benchmarks._augmentation_tasks import DATA
from labelwright.augmentation import Policy, RandAugment, Random, TransformationFunction, TrivialAugment, text
from labelwright.augmentation.learned import LearnedPolicy
from labelwright.endmodels import NoiseAwareClassifier, text_classifier

ROWS = ("none", "random", "RandAugment", "TrivialAugment", "mean field", "LSTM", "GRU")
LABELS, SCORED, COPIES, LENGTH = 100, 2_000, 8, 2
TITLE = f"SMS spam, {LABELS} labels, {COPIES} copies of each message, average precision"

# What somebody who reads the messages writes down in five minutes.
LEXICON = {
    "call": ["ring", "phone"],
    "win": ["get", "receive"],
    "won": ["got", "received"],
    "prize": ["award", "reward"],
    "free": ["gratis", "no cost"],
    "text": ["txt", "message"],
    "mobile": ["phone", "handset"],
    "you": ["u"],
    "your": ["ur"],
    "now": ["today", "right now"],
    "reply": ["answer", "respond"],
    "claim": ["collect"],
    "ok": ["okay", "fine"],
    "home": ["house"],
    "going": ["off"],
    "please": ["pls", "plz"],
    "tomorrow": ["tmr", "tomo"],
}


def fingerprint(row: str) -> str:
    shown: dict[str, Any] = {"labels": LABELS, "copies": COPIES, "length": LENGTH}
    return json.dumps(shown | ({"steps": 200, "objective": "within", "labelled": True} if row in LEARNED else {}))


def functions(texts: list[str]) -> list[TransformationFunction]:
    """Return what a user declares; the models behind two of them are trained on unlabelled messages."""
    return [
        text.synonyms(LEXICON),
        text.delete_words(),
        text.swap_words(),
        text.typos(),
        text.mask_spans(),
        text.replace_by_neighbours(text.train_embeddings(texts)),
        text.replace_by_ngrams(text.NgramModel.fit(texts)),
    ]


def policy_of(row: str, texts: list[str], labelled: tuple[list[str], np.ndarray], seed: int) -> Policy | None:
    if row == "none":
        return None
    found = functions(texts)
    if row == "random":
        return Random(found, length=LENGTH, copies=COPIES)
    if row == "RandAugment":
        return RandAugment(found, length=LENGTH, strength=0.5, copies=COPIES)
    if row == "TrivialAugment":
        return TrivialAugment(found, copies=COPIES)
    policy = LearnedPolicy(found, length=LENGTH, generator=LEARNED[row], steps=200, copies=COPIES, random_state=seed)
    return policy.fit(texts, valid=labelled)


def run(row: str, seed: int, *, development: bool) -> dict[str, Any]:
    """Train once and score; return what to keep."""
    frame = pl.read_parquet(DATA / "sms_raw" / "messages.parquet")
    messages, labels = frame["text"].to_list(), frame["label"].to_numpy().astype(int)
    # The same messages score in every run, and others in development.
    fixed = np.random.default_rng(0).permutation(len(labels))
    test, development_set, rest = np.split(fixed, [SCORED, 2 * SCORED])
    chosen = np.random.default_rng([seed, 1_000 * development]).permutation(rest)[:LABELS]
    others = development_set if development else test
    start = time.process_time()
    texts, y = [messages[i] for i in chosen], labels[chosen]
    policy = policy_of(row, [messages[i] for i in np.setdiff1d(rest, chosen)], (texts, y), seed)
    learned = time.process_time()
    weight = np.ones(len(y))
    if policy is not None:
        augmented = policy.apply(texts, np.random.default_rng([seed, 2]), on_error="skip")
        texts, y = texts + list(augmented.examples), np.concatenate([y, y[augmented.origins]])
        # A message and all its copies weigh as much as a message alone: the same prior for every row.
        weight = np.full(len(y), 1 / (1 + COPIES))
    model = NoiseAwareClassifier(text_classifier()).fit(texts, y, sample_weight=weight)
    trained = time.process_time()
    # Needs no threshold: with so few labels, where to cut decides more than what was learned.
    spam = model.predict_proba([messages[i] for i in others])[:, 1]
    found: dict[str, Any] = {
        "score": round(100 * float(average_precision_score(labels[others], spam)), 3),
        "learning": round(learned - start, 1),
        "training": round(trained - learned, 1),
    }
    if isinstance(policy, LearnedPolicy):
        found["outcome"] = policy.outcome_
    return found
