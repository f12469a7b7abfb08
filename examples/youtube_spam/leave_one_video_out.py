"""Leave one video out: learn from four, score on the fifth, for each of the five.

The label model and the end model are fitted on four videos without a gold label; gold scores the fifth. Comments on
which no function votes get the label model's prior class; where two classes are equally likely before any vote, one is
drawn for each comment by a hash of its id. The column "else ham" gives the label model a rule that no function states:
where no function votes, say ham.

Usage::

    python load.py
    python leave_one_video_out.py [--data data/comments.parquet]
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

import labelwright as lw

HERE = Path(__file__).resolve().parent
CLASSES = ["ham", "spam"]
ROLES = ["majority vote", "label model", "else ham", "end model"]


@dataclass(frozen=True)
class Result:
    """Predictions on held-out comments, by role, with their gold."""

    videos: list[str]
    gold: np.ndarray
    predictions: dict[str, lw.SoftLabels]

    def take(self, rows):
        """Keep some rows."""
        kept = {role: soft.take(rows) for role, soft in self.predictions.items()}
        return Result([self.videos[i] for i in rows], self.gold[rows], kept)

    def accuracy(self, role):
        """Return the accuracy with its interval."""
        return lw.analysis.score(self.predictions[role], self.gold).accuracy

    def difference(self, first, second):
        """Return the paired difference in accuracy with its bootstrap interval."""
        return lw.analysis.paired_difference(self.predictions[first], self.predictions[second], self.gold)


def leave_one_out(comments: pl.DataFrame) -> Result:
    """Predict every comment with models that have not seen its video."""
    votes = lw.apply(lw.Project(HERE).functions, comments, id="id", classes=CLASSES)
    videos, texts = comments["video"].to_numpy(), comments["text"].to_list()
    found: dict[str, list[lw.SoftLabels]] = {role: [] for role in ROLES}
    order = []
    for video in dict.fromkeys(videos):
        train, test = np.flatnonzero(videos != video), np.flatnonzero(videos == video)
        for role, soft in _predict(votes.take(train), votes.take(test), texts, train, test).items():
            found[role].append(soft)
        order.append(test)
    rows = np.concatenate(order)
    pooled = {role: _joined(parts) for role, parts in found.items()}
    gold = comments["label"].replace_strict({name: code for code, name in enumerate(CLASSES)}).to_numpy()
    return Result([videos[i] for i in rows], gold[rows], pooled)


def _predict(train_votes, test_votes, texts, train, test):
    label_model = lw.LabelModel().fit(train_votes)
    label = label_model.soft_labels(test_votes)
    end_model = lw.endmodels.fit_end_model(
        "text", ["text"], {"text": [texts[i] for i in train]}, label_model.soft_labels(train_votes)
    )
    ham = np.where(label.covered[:, None], label.probs, [1.0, 0.0])
    return {
        "majority vote": lw.labelmodels.MajorityVote().fit(train_votes).soft_labels(test_votes),
        "label model": label,
        "else ham": lw.SoftLabels(ham, classes=CLASSES, example_ids=label.example_ids),
        "end model": end_model.soft_labels({"text": [texts[i] for i in test]}, example_ids=label.example_ids),
    }


def _joined(parts):
    ids = np.concatenate([part.example_ids for part in parts])
    covered = np.concatenate([part.covered for part in parts])
    return lw.SoftLabels(np.concatenate([part.probs for part in parts]), covered, classes=CLASSES, example_ids=ids)


def table(result: Result) -> str:
    """Return the figures as text: a line per video, then all comments together, then the paired differences."""
    lines = [f"{'held out':<12}{'n':>6}{'covered':>9}" + "".join(f"{role:>22}" for role in ROLES)]
    groups = {video: [i for i, v in enumerate(result.videos) if v == video] for video in dict.fromkeys(result.videos)}
    for name, rows in {**groups, "all five": list(range(len(result.videos)))}.items():
        part = result.take(np.array(rows))
        covered = part.predictions["label model"].covered.mean()
        scores = (part.accuracy(role) for role in ROLES)
        cells = "".join(f"{f'{s.value:.3f} [{s.low:.3f}, {s.high:.3f}]':>22}" for s in scores)
        lines.append(f"{name:<12}{len(rows):>6}{covered:>9.3f}{cells}")
    lines.append("")
    lines.append("Paired differences in accuracy over all five runs, in points, with 95% bootstrap intervals")
    for other in ROLES[:-1]:
        d = result.difference("end model", other)
        lines.append(f"  end model - {other:<14}{100 * d.value:+6.2f} [{100 * d.low:+.2f}, {100 * d.high:+.2f}]")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=HERE / "data" / "comments.parquet", help="what load.py wrote")
    given = parser.parse_args(arguments)
    if not given.data.exists():
        raise SystemExit(f"{given.data} does not exist; run load.py first.")
    print(table(leave_one_out(pl.read_parquet(given.data))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
