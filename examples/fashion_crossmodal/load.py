"""Write ``data/items.parquet`` from a copy of the Fashion Product Images (Small) data set; nothing is fetched here.

Usage::

    python load.py --source fashion-product-images-small     # a folder with styles.csv and images/
    python load.py                                           # the development copy under $LABELWRIGHT_DATA
"""

import argparse
import csv
import hashlib
import os
import sys
import tomllib
from pathlib import Path

import polars as pl

HERE = Path(__file__).resolve().parent
CATALOGUE = ["masterCategory", "subCategory", "articleType", "gender", "usage"]
# Task -> column of the catalogue; groups are refined by subCategory, and everything below them by articleType.
COLUMNS = {"category": "masterCategory", "gender": "gender", "usage": "usage"}
GROUPS = ["apparel", "footwear", "accessories"]
SPLIT_SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}


def read_public(source: Path) -> pl.DataFrame:
    """Read ``styles.csv`` and ``images/<id>.jpg`` as downloaded: id, text, split, jpg and the catalogue's columns."""
    rows = []
    with (source / "styles.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            photo = source / "images" / f"{row['id']}.jpg"
            if photo.exists() and row["productDisplayName"]:
                kept = {"id": int(row["id"]), "text": row["productDisplayName"], "split": split_of(row["id"])}
                rows.append(kept | {"jpg": photo.read_bytes()} | {column: row[column] for column in CATALOGUE})
    if not rows:
        raise SystemExit(f"{source} holds no styles.csv with images/; see README.md for where to download them.")
    return pl.DataFrame(rows).sort("id")


def split_of(name: str) -> str:
    """Choose the split of an item by a hash of its id: it never changes, whatever is added."""
    position = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    for split, share in SPLIT_SHARES.items():
        position -= share
        if position < 0:
            return split
    return "test"


def read_local(root: Path) -> pl.DataFrame:
    """Read the development copy."""
    return pl.read_parquet(
        root / "fashion_xmodal" / "items.parquet", columns=["id", "text", "split", "jpg", *CATALOGUE]
    )


def with_gold(items: pl.DataFrame) -> pl.DataFrame:
    """Replace the catalogue's columns by one of gold for each task of ``labelwright.toml``.

    It holds a class, "N/A" where the task does not arise, or null where the catalogue says nothing usable. Groups and
    articles that are no class of their own count as "Other" where the task has that class.
    """
    tasks = tomllib.loads((HERE / "labelwright.toml").read_text(encoding="utf-8"))["tasks"]
    rows = items.select(CATALOGUE).to_dicts()
    gold = [pl.Series(task, [answer(tasks, task, row) for row in rows], dtype=pl.String) for task in tasks]
    return items.drop(CATALOGUE).with_columns(gold)


def answer(tasks: dict, task: str, row: dict) -> str | None:
    """Return what the catalogue says about a task for one item."""
    classes, above = tasks[task]["classes"], tasks[task].get("refines")
    if above is not None:
        parent = answer(tasks, above["task"], row)
        if parent not in above["classes"]:
            return None if parent is None else "N/A"
    said = row[COLUMNS.get(task) or ("subCategory" if task in GROUPS else "articleType")]
    if said in classes:
        return said
    return "Other" if "Other" in classes else None


def load(source: Path | None, out: Path) -> Path:
    """Write the table and return its path."""
    if source is None:
        if "LABELWRIGHT_DATA" not in os.environ:
            raise SystemExit("Say --source PATH (the unpacked download), or set LABELWRIGHT_DATA.")
        items = read_local(Path(os.environ["LABELWRIGHT_DATA"]))
    else:
        items = read_public(source)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "items.parquet"
    with_gold(items).write_parquet(path)
    return path


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, help="a folder with styles.csv and images/")
    parser.add_argument("--out", type=Path, default=HERE / "data", help="folder to write to (default: data)")
    given = parser.parse_args(arguments)
    path = load(given.source, given.out)
    counts = pl.read_parquet(path, columns=["split"]).group_by("split").len().sort("split")
    print(f"{path}: " + ", ".join(f"{n} {split}" for split, n in counts.iter_rows()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
