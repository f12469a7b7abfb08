"""Write ``data/comments.parquet`` from a downloaded copy of the YouTube Spam Collection; nothing is fetched here.

Usage::

    python load.py --source youtube+spam+collection.zip
    python load.py                       # the development copy under $LABELWRIGHT_DATA
"""

import argparse
import csv
import html
import io
import os
import re
import sys
import zipfile
from pathlib import Path

import polars as pl

HERE = Path(__file__).resolve().parent
TEST_VIDEO = "Shakira"
CLASSES = ["ham", "spam"]
FILE = re.compile(r"Youtube\d\d-(\w+)\.csv")


def read_public(source: Path) -> pl.DataFrame:
    """Read the five ``Youtube0x-<video>.csv`` of a folder or of the zip as downloaded: video, text, label (0, 1)."""
    if source.is_dir():
        files = {path.name: path.read_bytes() for path in sorted(source.rglob("*.csv"))}
    else:
        with zipfile.ZipFile(source) as archive:
            files = {Path(name).name: archive.read(name) for name in sorted(archive.namelist())}
    rows = []
    for name, content in files.items():
        if not (match := FILE.fullmatch(name)):
            continue
        table = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))
        rows += [{"video": match[1], "text": row["CONTENT"], "label": int(row["CLASS"])} for row in table]
    if not rows:
        raise SystemExit(f"{source} holds no Youtube0x-<video>.csv; see README.md for where to download them.")
    return pl.DataFrame(rows)


def read_local(root: Path) -> pl.DataFrame:
    """Read the development copy."""
    return pl.read_parquet(root / "youtube_raw" / "comments.parquet").select("video", "text", "label")


def clean(text: str) -> str:
    """Return the comment as readers saw it: without byte order mark, markup and escapes."""
    shown = re.sub(r"<[^<>]*>", "", re.sub(r"<br ?/?>", "\n", text.replace("\ufeff", "")))
    return html.unescape(shown).strip()


def prepare(comments: pl.DataFrame) -> pl.DataFrame:
    """Add ids, names of classes and the split: one video is the test set, so that nothing of its threads leaks."""
    position = pl.int_range(pl.len()).over("video")
    return comments.select(
        id=pl.format("{}-{}", "video", position.cast(pl.String).str.zfill(4)),
        video="video",
        text=pl.col("text").map_elements(clean, return_dtype=pl.String),
        split=pl.when(pl.col("video") == TEST_VIDEO).then(pl.lit("test")).otherwise(pl.lit("train")),
        label=pl.col("label").replace_strict(dict(enumerate(CLASSES)), return_dtype=pl.String),
    )


def load(source: Path | None, out: Path) -> Path:
    """Write the table and return its path."""
    if source is None:
        if "LABELWRIGHT_DATA" not in os.environ:
            raise SystemExit("Say --source PATH (the downloaded zip, or its folder), or set LABELWRIGHT_DATA.")
        comments = read_local(Path(os.environ["LABELWRIGHT_DATA"]))
    else:
        comments = read_public(source)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "comments.parquet"
    prepare(comments).write_parquet(path)
    return path


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, help="the zip from UCI, or a folder with its CSV files")
    parser.add_argument("--out", type=Path, default=HERE / "data", help="folder to write to (default: data)")
    given = parser.parse_args(arguments)
    path = load(given.source, given.out)
    counts = pl.read_parquet(path).group_by("split", "video").len().sort("split", "video")
    print(f"{path}: " + ", ".join(f"{video} {n} ({split})" for split, video, n in counts.iter_rows()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
