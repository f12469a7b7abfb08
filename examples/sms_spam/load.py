"""Write ``data/messages.parquet`` from a downloaded copy of the SMS Spam Collection; nothing is fetched here.

Usage::

    python load.py --source sms+spam+collection.zip
    python load.py                       # the development copy under $LABELWRIGHT_DATA
"""

import argparse
import hashlib
import html
import os
import sys
import zipfile
from pathlib import Path

import polars as pl

HERE = Path(__file__).resolve().parent
CLASSES = ["ham", "spam"]
FILE = "SMSSpamCollection"
TEST_SHARE = 0.2


def read_public(source: Path) -> pl.DataFrame:
    """Read ``SMSSpamCollection`` (class, tab, text; no quoting), itself, in its folder, or in the zip: text, label."""
    if source.is_dir():
        content = (source / FILE).read_bytes()
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            content = archive.read(FILE)
    else:
        content = source.read_bytes()
    pairs = [line.split("\t", 1) for line in content.decode("utf-8").split("\n") if line.strip()]
    wrong = [pair for pair in pairs if len(pair) != 2 or pair[0] not in CLASSES]
    if wrong:
        raise SystemExit(f"{source}: a line does not read 'ham<tab>text' or 'spam<tab>text': {wrong[0]!r}")
    return pl.DataFrame({"text": [text for _, text in pairs], "label": [label for label, _ in pairs]})


def read_local(root: Path) -> pl.DataFrame:
    """Read the development copy."""
    names = pl.col("label").replace_strict(dict(enumerate(CLASSES)), return_dtype=pl.String)
    return pl.read_parquet(root / "sms_raw" / "messages.parquet").select("text", label=names)


def split_of(text: str) -> str:
    """Choose the split by a hash of the words: copies of a message (there are many) fall on the same side."""
    digest = hashlib.sha256(" ".join(text.lower().split()).encode()).digest()
    return "test" if int.from_bytes(digest[:8], "big") < TEST_SHARE * 2**64 else "train"


def prepare(messages: pl.DataFrame) -> pl.DataFrame:
    """Add ids and the split, and undo HTML escapes."""
    texts = [html.unescape(text).strip() for text in messages["text"]]
    return pl.DataFrame(
        {
            "id": [f"sms-{i:04d}" for i in range(len(texts))],
            "text": texts,
            "split": [split_of(text) for text in texts],
            "label": messages["label"],
        }
    )


def load(source: Path | None, out: Path) -> Path:
    """Write the table and return its path."""
    if source is None:
        if "LABELWRIGHT_DATA" not in os.environ:
            raise SystemExit("Say --source PATH (the downloaded zip, or its folder), or set LABELWRIGHT_DATA.")
        messages = read_local(Path(os.environ["LABELWRIGHT_DATA"]))
    else:
        messages = read_public(source)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "messages.parquet"
    prepare(messages).write_parquet(path)
    return path


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, help="the zip from UCI, its folder, or the file SMSSpamCollection")
    parser.add_argument("--out", type=Path, default=HERE / "data", help="folder to write to (default: data)")
    given = parser.parse_args(arguments)
    path = load(given.source, given.out)
    counts = pl.read_parquet(path).group_by("split").len().sort("split")
    print(f"{path}: " + ", ".join(f"{n} {split}" for split, n in counts.iter_rows()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
