"""What end models are for: on real data they go beyond the votes that taught them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score

from labelwright.core import SoftLabels
from labelwright.endmodels import fit_end_model, load, save


def _vote_shares(votes, k):
    counts = np.stack([(votes == c).sum(axis=1) for c in range(k)], axis=1)
    covered = counts.sum(axis=1) > 0
    return np.where(covered[:, None], counts, 1) / np.where(covered, counts.sum(axis=1), k)[:, None], covered


@pytest.mark.slow
def test_on_youtube_comments_the_text_recipe_beats_the_votes_it_learnt_from(data_root, tmp_path):
    archive = np.load(data_root / "youtube" / "data.npz")
    texts = pl.read_parquet(data_root / "youtube" / "text.parquet").sort("row")
    columns = {s: {"text": texts.filter(pl.col("split") == s)["text"].to_list()} for s in ("train", "test")}
    soft = SoftLabels(*_vote_shares(archive["L_train"], 2), classes=["ham", "spam"])
    gold = archive["y_test"]
    model = fit_end_model("text", ["text"], columns["train"], soft)
    accuracy = (model.predict_proba(columns["test"]).argmax(axis=1) == gold).mean()
    votes = (_vote_shares(archive["L_test"], 2)[0].argmax(axis=1) == gold).mean()
    assert accuracy > votes + 0.05
    save(model, tmp_path / "model")
    assert (tmp_path / "model" / "estimator.skops").stat().st_size < 1_000_000
    np.testing.assert_array_equal(
        load(tmp_path / "model").predict_proba(columns["test"]), model.predict_proba(columns["test"])
    )


def test_on_biopsies_soft_labels_teach_nearly_as_much_as_gold():
    X, gold = load_breast_cancer(return_X_y=True)
    chance = np.random.default_rng(0)
    # Honest soft labels: each is the true class with the probability that it states.
    confidence = chance.uniform(0.6, 0.95, size=len(gold))
    says = np.where(chance.random(len(gold)) < confidence, gold, 1 - gold)
    p = np.where(says == 1, confidence, 1 - confidence)
    fields = [f"m{j}" for j in range(10)]
    columns = {name: X[:, j] for j, name in enumerate(fields)}
    train, test = np.arange(len(gold)) % 2 == 0, np.arange(len(gold)) % 2 == 1
    parts = [{name: values[which] for name, values in columns.items()} for which in (train, test)]
    areas = {
        name: roc_auc_score(
            gold[test], fit_end_model("tabular", fields, parts[0], labels).predict_proba(parts[1])[:, 1]
        )
        for name, labels in {
            "gold": SoftLabels(np.eye(2)[gold[train]]),
            "soft": SoftLabels(np.column_stack([1 - p, p])[train]),
        }.items()
    }
    assert areas["gold"] > 0.97
    assert areas["soft"] > areas["gold"] - 0.03 > roc_auc_score(gold[test], p[test])
