"""Accuracy after each policy of augmentation, same functions, end model and budget for all; paired over seeds.

``python -m benchmarks.augmentation`` runs all tasks in the settings for this machine and keeps each run in
``build/augmentation.jsonl``, so that a stopped benchmark goes on where it was; remove the file after a change of the
functions themselves, since it knows settings and not code. ``--development`` scores images held out of the training
part under other seeds: whatever is chosen by hand is chosen there. Where a task says what may be tried, each row is
searched there first (see ``_augmentation_search.py``).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

from benchmarks import _augmentation_images as of_images
from benchmarks import _augmentation_tasks as tasks
from benchmarks import _augmentation_text as of_text
from benchmarks._augmentation_records import Records, table
from benchmarks._augmentation_search import searched

GPU_ONLY = ("MNIST, 10 % of labels", "CIFAR-10, ResNet-56, 10 % of labels")


def runs(
    name: str, title: str, rows: tuple[str, ...], seeds: range, records: Records, settings: Callable[[str], str],
    run: Callable[[str, int], dict[str, Any]], also: Iterable[str] = (),
) -> None:  # fmt: skip
    """Do the runs that are not on record, seed by seed, and print the table of all, for each score."""
    found = {
        (row, seed): records.run(lambda: run(row, seed), task=name, row=row, seed=seed, settings=settings(row))  # noqa: B023
        for seed in seeds
        for row in rows
    }
    seconds = {row: [found[row, seed]["learning"] + found[row, seed]["training"] for seed in seeds] for row in rows}
    for score in ("score", *also):
        by_row = {row: {seed: found[row, seed][score] for seed in seeds} for row in rows}
        print(table(title if score == "score" else f"{title}: {score}", by_row, seconds, rows[-1]), flush=True)


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", nargs="*", help="names of tasks that start so (default: all)")
    parser.add_argument("--rows", nargs="*", help="rows (default: all)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--development", action="store_true", help="score images held out of the training part")
    parser.add_argument("--keep", type=Path, default=Path("build/augmentation.jsonl"))
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> None:
    chosen = arguments(given if given is not None else [])
    gpu = torch.cuda.is_available()
    device = "cuda" if gpu else "cpu"
    torch.set_num_threads(chosen.threads)
    part = "development split" if chosen.development else "test part"
    print(f"device {device}, {chosen.threads} threads, {chosen.seeds} seeds, scored on the {part}")
    if not tasks.DATA.is_dir():
        print(f"no data at {tasks.DATA}; set LABELWRIGHT_DATA")
        return
    records = Records(chosen.keep)
    # Development has seeds of its own, and its runs are never taken for real ones.
    first = chosen.first_seed + (100 if chosen.development else 0)
    seeds = range(first, first + chosen.seeds)

    def asked(rows: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(row for row in rows if not chosen.rows or row in chosen.rows)

    def wanted(name: str) -> bool:
        return not chosen.tasks or any(name.startswith(start) for start in chosen.tasks)

    for task in filter(lambda task: wanted(task.name), tasks.all_tasks(gpu=gpu)):
        if chosen.development and task.trials:
            task = searched(task, asked(task.rows), seeds, records, device)
        runs(
            task.name, task.title, asked(task.rows), seeds, records,
            lambda row, task=task: task.fingerprint(row),
            lambda row, seed, task=task: of_images.run(task, row, seed, development=chosen.development, device=device),
            task.also,
        )  # fmt: skip
    if wanted("spam"):
        runs(
            "spam", of_text.TITLE, asked(of_text.ROWS), range(seeds.start, seeds.start + 4 * chosen.seeds), records,
            of_text.fingerprint,
            lambda row, seed: of_text.run(row, seed, development=chosen.development),
        )  # fmt: skip
    if not gpu:
        print("\nNot measured (no GPU here): " + "; ".join(GPU_ONLY) + ".")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
