"""Starting a project: settings and three labeling functions, made from a data file without any label."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from labelwright.core import atomic_write, check_classes
from labelwright.core.errors import DataError, ProjectError, VoteError
from labelwright.data import Dataset, read
from labelwright.data.damage import separator_hint
from labelwright.data.partition import check_unique
from labelwright.functions.reading import unknown_field

from .settings import FILE_NAME, parse_settings

__all__ = ["StartedProject", "frequent_words", "start_project"]

_SAMPLE = 20_000
_STARTERS = 3
# A word in fewer examples than this share labels little; one in more says little.
_RAREST, _MOST_COMMON = 0.01, 0.4
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class StartedProject:
    """What `start_project` wrote: the files, and the names of the functions."""

    files: tuple[Path, ...]
    functions: tuple[str, ...]


def start_project(
    folder: Path,
    data: Path,
    *,
    classes: Sequence[str],
    text: str | None = None,
    id: str | None = None,
    gold: str | None = None,
    force: bool = False,
) -> StartedProject:
    """Write ``labelwright.toml`` and ``supervision.py`` for a data file.

    Parameters
    ----------
    folder : Path
        Made if absent.
    data : Path
        CSV, JSON lines or Parquet; the settings name it relative to ``folder``.
    classes : sequence of str
        At least two.
    text : str, optional
        The column with the text; needed where there are several columns of text.
    id, gold : str, optional
        Columns with ids and with true classes; gold is for scoring only.
    force : bool, default False
        Replace files that are there already.

    Raises
    ------
    ProjectError
        If a file is there already, a column is missing, or there are fewer than two classes.
    DataError
        If the data cannot be read, has no text, or its ids repeat.
    """
    try:
        names = check_classes(list(classes))
    except VoteError as error:
        raise ProjectError(f"--labels: {error}") from None
    files = (folder / FILE_NAME, folder / "supervision.py")
    there = [path for path in files if path.exists()]
    if there and not force:
        raise ProjectError(f"{there[0]} is there already and is left alone; --force replaces it.")
    dataset = read(data)
    for asked in (text, id, gold):
        if asked is not None and asked not in dataset.schema:
            columns = f"{unknown_field(asked, dataset.columns)}{separator_hint(dataset.columns)}"
            raise ProjectError(f"{data} has no column {asked!r}; {columns}")
    column = _text_column(dataset, text, {id, gold})
    words = frequent_words(_texts(data, dataset, column), count=_STARTERS)
    if id is not None:
        check_unique(np.concatenate([part.example_ids for part in read(data, id=id).parts([])]), id)
    settings = _settings(os.path.relpath(data, folder), column, [str(c) for c in names], id, gold)
    parse_settings(settings, path=files[0])
    atomic_write(files[0], settings)
    atomic_write(files[1], _supervision(words, column, [str(c) for c in names]))
    return StartedProject(files, tuple(f"mentions_{_identifier(word)}" for word, _ in words))


def frequent_words(texts: Iterable[str], *, count: int) -> list[tuple[str, float]]:
    """Return words that many texts have, though not most, with the share of texts that have them.

    Each next word is the one that adds most texts which none before it has: three words that always come together would
    make three functions that are one.

    Examples
    --------
    >>> texts = ["check my channel", "my channel rocks", "great song", "love the song", "nice"]
    >>> frequent_words(texts, count=2)
    [('channel', 0.4), ('song', 0.4)]
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    found = [{w for w in map(str.lower, _WORD.findall(text)) if w not in ENGLISH_STOP_WORDS} for text in texts]
    frequency = Counter(word for words in found for word in words)
    n = max(len(found), 1)
    rarest = max(2, _RAREST * n)
    candidates = {w for w, c in frequency.items() if rarest <= c <= _MOST_COMMON * n} or set(frequency)
    chosen: list[tuple[str, float]] = []
    rest = found
    while candidates and len(chosen) < count:
        fresh = Counter(word for words in rest for word in words if word in candidates)
        best = min(candidates, key=lambda word: (-fresh[word], -frequency[word], word))
        chosen.append((best, round(frequency[best] / n, 4)))
        candidates.discard(best)
        rest = [words for words in rest if best not in words]
    return chosen


def _text_column(dataset: Dataset, text: str | None, other: set[str | None]) -> str:
    columns = [name for name, kind in dataset.schema.items() if kind == pl.String and name not in other]
    if text is None:
        if len(columns) != 1:
            raise ProjectError(f"say which column has the text with --text; columns: {', '.join(dataset.columns)}.")
        return columns[0]
    if dataset.schema[text] != pl.String:
        raise ProjectError(f"the column {text!r} has type {dataset.schema[text]}, which is not text.")
    return text


def _texts(data: Path, dataset: Dataset, column: str) -> list[str]:
    out: list[str] = []
    rows = 0
    for part in dataset.parts([column]):
        rows += part.rows
        out += [text for text in part.frame([column])[column].to_list() if text]
        if len(out) >= _SAMPLE:
            break
    if not out and not rows:
        raise DataError(f"{data} has columns ({', '.join(dataset.columns)}), but no rows; put the examples into it.")
    if not out:
        raise DataError(f"{data}: the column {column!r} has no text; say with --text which column has it.")
    return out[:_SAMPLE]


def _quote(text: str) -> str:
    """Write a string so that TOML and Python both read it back."""
    import json

    return json.dumps(text, ensure_ascii=False)


def _identifier(word: str) -> str:
    return re.sub(r"\W", "_", word)


def _settings(data: str, text: str, classes: list[str], id: str | None, gold: str | None) -> str:
    id_line = (
        f"id = {_quote(id)}"
        if id
        else '# id = "..."              # a column with ids, all different; default: a hash of the content'
    )
    gold_line = (
        f"gold = {_quote(gold)}" if gold else '# gold = "..."            # a column with true classes, for scoring only'
    )
    splits = "" if gold else "# "
    return f"""\
[data]
path = {_quote(Path(data).as_posix())}
{id_line}

{splits}[data.splits]            # by a hash of the id; without this, all examples are for training
{splits}train = 0.8
{splits}test = 0.2

[task]
classes = [{", ".join(_quote(c) for c in classes)}]
{gold_line}

[end_model]              # trained on the soft labels; reads these fields only
kind = "text"
fields = [{_quote(text)}]
"""


def _supervision(words: Sequence[tuple[str, float]], column: str, classes: Sequence[str]) -> str:
    functions = []
    for position, (word, share) in enumerate(words):
        label = classes[position % len(classes)]
        functions.append(
            f"# {word!r} is in {share:.1%} of the examples. Which class does it speak for?\n"
            f"mentions_{_identifier(word)} = lw.keyword_lf(\n"
            f'    "mentions_{_identifier(word)}", [{_quote(word)}], label={_quote(label)}, field={_quote(column)}\n'
            ")\n"
        )
    return f'''"""Labeling functions. Every one that this file holds is applied.

{_introduced(len(words))}
Then write more, from what you know. A dozen rough ones beat three good ones.
"""

import labelwright as lw

{chr(10).join(functions) or _without_words(column, classes[0])}

# A function of your own reads the fields of one example, and returns a class, or None to abstain:
#
# @lw.labeling_function(labels=[{_quote(classes[0])}])
# def very_short(x):
#     return {_quote(classes[0])} if len(x[{_quote(column)}]) < 20 else None
'''


def _introduced(functions: int) -> str:
    if functions == 0:
        return "No word is frequent enough to make one of: write the first yourself, such as one of those below."
    if functions == 1:
        return "This one is made of a frequent word, and its label is a guess for you to put right."
    return (
        f"These {'two' if functions == 2 else 'three'} are made of frequent words, and their labels are dealt out in "
        "turn: they are guesses for you to put right."
    )


def _without_words(column: str, label: str) -> str:
    """Return what stands in the file in place of functions: how to write one that looks for words."""
    return (
        "# A function that looks for words has a name, the words, and the class that they speak for:\n#\n"
        f'# my_words = lw.keyword_lf("my_words", ["word", "other"], label={_quote(label)}, field={_quote(column)})\n'
    )
