"""Label products by their titles, train one network on their photos, and score it on photos it has not seen.

Usage::

    python load.py
    python run.py [--data data/items.parquet] [--rows 500] [--epochs 5]

Titles make the labels and nothing else does; gold scores, and with ``--supervised`` trains the same network for
comparison. Photos are read at half their size (30 x 40), which is enough to tell a shoe from a watch.
"""

import argparse
import io
import sys
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

import labelwright as lw
from labelwright.core.task_votes import TaskVotes
from labelwright.core.votes import class_codes
from labelwright.endmodels.torch.multitask import MultiTaskClassifier
from labelwright.labelmodels import MultiTask
from labelwright.labelmodels.multitask import vote_balances
from labelwright.pipeline.settings import read_settings
from labelwright.pipeline.supervision import load_functions

HERE = Path(__file__).resolve().parent
SIZE = (30, 40)


def vote(items, functions, graph):
    """Apply the functions: one column for each function and task it votes on."""
    columns = {task: {} for task in graph.names}
    for function in functions:
        says = function.label if isinstance(function.label, dict) else {function.tasks[0]: function.label}
        fires = items["text"].map_elements(lambda text, f=function: f({"text": text}) is not None, pl.Boolean)
        for task, state in says.items():
            code = graph.states(task).index(state)
            columns[task][function.name] = np.where(fires.to_numpy(), code, -1)
    return TaskVotes(
        graph,
        {
            task: lw.Votes(
                np.column_stack(list(found.values())),
                classes=graph.states(task),
                sources=list(found),
                example_ids=items["id"].to_numpy(),
            )
            for task, found in columns.items()
        },
    )


def photos(items):
    """Return the photos, shape (n, 40, 30, 3)."""
    opened = (Image.open(io.BytesIO(jpg)).convert("RGB") for jpg in items["jpg"])
    return np.stack([np.asarray(photo.resize(SIZE, Image.Resampling.BOX)) for photo in opened])


def accuracies(model, pictures, items, graph):
    """Return by task the accuracy on photos to which it applies, and how many these are."""
    probs, found = model.predict_proba(pictures), {}
    for task in graph.tasks:
        codes = class_codes(items[task.name], graph.states(task.name))
        asked = (codes >= 0) & (codes < len(task.classes))
        right = probs[task.name][asked, : len(task.classes)].argmax(axis=1) == codes[asked]
        found[task.name] = (float(right.mean()) if asked.any() else float("nan"), int(asked.sum()))
    return found


def run(items, *, epochs, supervised):
    """Return accuracies on the test part by row ("titles", and "gold" if asked for) and task."""
    graph, functions = read_settings(HERE, several_tasks=True).graph, load_functions(HERE)
    train, test = (items.filter(pl.col("split") == split) for split in ("train", "test"))
    votes = vote(train, functions, graph)
    # Cues look for one class each, which says little of how common it is; they are nearly always right, though.
    targets = {"titles": MultiTask(class_balance=vote_balances(votes)).fit(votes).soft_labels(votes)}
    if supervised:
        targets["gold"] = {task: class_codes(train[task], graph.states(task)) for task in graph.names}
    pictures, unseen, found = photos(train), photos(test), {}
    for row, labels in targets.items():
        model = MultiTaskClassifier("small", tasks=graph, epochs=epochs, batch_size=128, device="cpu")
        found[row] = accuracies(model.fit(pictures, labels), unseen, test, graph)
    return found


def table(found):
    """Return the figures as text: a line for each task, then their mean."""
    rows = list(found)
    lines = [f"{'':14}{'photos':>8}" + "".join(f"{row:>10}" for row in rows)]
    for task, (_, n) in found[rows[0]].items():
        lines.append(f"{task:14}{n:8}" + "".join(f"{found[row][task][0]:10.1%}" for row in rows))
    means = [np.nanmean([value for value, _ in found[row].values()]) for row in rows]
    lines.append(f"{'mean':14}{'':8}" + "".join(f"{mean:10.1%}" for mean in means))
    return "\n".join(lines)


def main(arguments=None):
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=HERE / "data" / "items.parquet", help="what load.py wrote")
    parser.add_argument("--rows", type=int, help="use the first so many products of each split only")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--supervised", action="store_true", help="train the same network on gold as well")
    given = parser.parse_args(arguments)
    if not given.data.exists():
        raise SystemExit(f"{given.data} does not exist; run load.py first.")
    items = pl.read_parquet(given.data)
    if given.rows:
        items = pl.concat(part.head(given.rows) for part in items.partition_by("split", maintain_order=True))
    print(table(run(items, epochs=given.epochs, supervised=given.supervised)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
