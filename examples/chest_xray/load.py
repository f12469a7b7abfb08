"""Write ``data/reports.parquet`` from a downloaded copy of the Open-I chest X-ray reports; nothing is fetched here.

Usage::

    python load.py --source NLMCXR_reports.tgz
    python load.py                       # the development copy under $LABELWRIGHT_DATA
"""

import argparse
import hashlib
import os
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

HERE = Path(__file__).resolve().parent
CLASSES = ["normal", "abnormal"]
SECTIONS = ["COMPARISON", "INDICATION", "FINDINGS", "IMPRESSION"]
SPLIT_SHARES = {"train": 0.78, "valid": 0.11, "test": 0.11}  # as the development copy is split


def read_public(source: Path) -> pl.DataFrame:
    """Read ``ecgen-radiology/*.xml`` from a folder or from the archive as downloaded: id, text, split, label.

    The gold label is the indexers': normal where "normal" is the only major MeSH heading, abnormal where there is
    another, none where the report was not indexed. Reports without findings and impression are left out.
    """
    rows = [row for content in _documents(source) if (row := read_report(content)) is not None]
    if not rows:
        raise SystemExit(f"{source} holds no Open-I report; see README.md for where to download them.")
    schema = {"id": pl.String, "text": pl.String, "split": pl.String, "label": pl.String}
    return pl.DataFrame(rows, schema=schema).sort("id")


def _documents(source: Path) -> Iterator[bytes]:
    if source.is_dir():
        yield from (path.read_bytes() for path in sorted(source.rglob("*.xml")))
        return
    with tarfile.open(source) as archive:
        for member in archive:
            if member.name.endswith(".xml") and (content := archive.extractfile(member)) is not None:
                yield content.read()


def read_report(content: bytes) -> dict[str, str | None] | None:
    """Read one XML document; ``None`` if it says nothing about the picture."""
    root = ElementTree.fromstring(content)
    said = {part.get("Label"): " ".join((part.text or "").split()) for part in root.iter("AbstractText")}
    if not said.get("FINDINGS") and not said.get("IMPRESSION"):
        return None
    uid = root.find(".//uId")
    name = "" if uid is None else uid.get("id", "")
    headings = {(major.text or "").strip().lower() for major in root.iter("major")} - {"", "no indexing"}
    return {
        "id": name,
        "text": " ".join(f"{section}: {said.get(section, '')}" for section in SECTIONS),
        "split": split_of(name),
        "label": None if not headings else CLASSES[headings != {"normal"}],
    }


def split_of(name: str) -> str:
    """Choose the split of a report by a hash of its name: it never changes, whatever is added."""
    position = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    for split, share in SPLIT_SHARES.items():
        position -= share
        if position < 0:
            return split
    return "test"


def read_local(root: Path) -> pl.DataFrame:
    """Read the development copy: its text, its splits, and the gold that scores it. Its other columns stay unread."""
    folder = root / "openi_reports"
    reports = pl.read_parquet(folder / "text.parquet", columns=["split", "row", "text"])
    with np.load(folder / "data.npz") as arrays:
        gold = {split: arrays[f"y_{split}"] for split in SPLIT_SHARES}
    labels = [CLASSES[gold[split][row]] for split, row in reports.select("split", "row").iter_rows()]
    return reports.select(id=pl.format("{}-{}", "split", "row"), text="text", split="split", label=pl.Series(labels))


def load(source: Path | None, out: Path) -> Path:
    """Write the table and return its path."""
    if source is None:
        if "LABELWRIGHT_DATA" not in os.environ:
            raise SystemExit("Say --source PATH (the downloaded archive, or its folder), or set LABELWRIGHT_DATA.")
        reports = read_local(Path(os.environ["LABELWRIGHT_DATA"]))
    else:
        reports = read_public(source)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "reports.parquet"
    reports.write_parquet(path)
    return path


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, help="NLMCXR_reports.tgz, or the folder it unpacks to")
    parser.add_argument("--out", type=Path, default=HERE / "data", help="folder to write to (default: data)")
    given = parser.parse_args(arguments)
    path = load(given.source, given.out)
    counts = pl.read_parquet(path).group_by("split").len().sort("split")
    print(f"{path}: " + ", ".join(f"{n} {split}" for split, n in counts.iter_rows()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
