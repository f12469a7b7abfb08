"""What one function decides: the labels that would be others without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .explanation_html import page, signed, styled
from .explanation_text import bar, flat
from .markup import Markup, tag

__all__ = ["DecidedExample", "DecidedLabels", "DecidedSplit"]

# A text gets a line of its own where less than this is left of the line beside it.
_LEAST_TEXT = 16


@dataclass(frozen=True, slots=True)
class DecidedSplit:
    """What a function decides in one split.

    Parameters
    ----------
    name : str
    n : int
        Examples.
    votes : int
        On how many of them it votes.
    flips : int
        On how many of them the label would be another.
    shift : float
        By how much the probabilities would change, on average over its votes (total variation, 0 to 1); NaN without
        any.
    """

    name: str
    n: int
    votes: int
    flips: int
    shift: float


@dataclass(frozen=True, slots=True)
class DecidedExample:
    """An example on which a function does much.

    Parameters
    ----------
    example_id : str or int
    split : str
    vote : str
        What it says there.
    label, without : str
        The label, and that without the function; ``"tie"`` where several classes are most probable.
    adds : float
        What the vote adds to the log-odds of what it says against the best of the other classes.
    text : str
        What the example says.
    """

    example_id: str | int
    split: str
    vote: str
    label: str
    without: str
    adds: float
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DecidedLabels:
    """What one function decides in a run, with all else as it was learned.

    Parameters
    ----------
    project : str
    run : int
    function : str
    version : str
    splits : tuple of DecidedSplit
    changes : tuple of (str, str, int)
        Label, label without the function, and on how many examples; the most first.
    examples : tuple of DecidedExample
        Where it adds most, in either direction.

    Examples
    --------
    >>> found = DecidedLabels("demo", 3, "has_link", "3f9c", (DecidedSplit("train", 100, 40, 7, 0.2),),
    ...     (("spam", "ham", 7),), (DecidedExample("c07", "train", "spam", "spam", "ham", 2.1, "see http://a.b"),))
    >>> print(found)
    has_link (3f9c) in run 3 of demo: 7 labels would be others without it, of 40 that it votes on.
    <BLANKLINE>
    split   examples   votes   flips  of its votes  mean shift
    train        100      40       7         17.5%       0.200
    <BLANKLINE>
    Labels that it decides:
           7  spam, and ham without it
    <BLANKLINE>
    Where it adds most (log-odds of its vote):
      c07   +2.10            |██████████  spam, else ham    see http://a.b
    """

    project: str
    run: int
    function: str
    version: str
    splits: tuple[DecidedSplit, ...]
    changes: tuple[tuple[str, str, int], ...]
    examples: tuple[DecidedExample, ...]

    @property
    def votes(self) -> int:
        """On how many examples the function votes."""
        return sum(s.votes for s in self.splits)

    @property
    def flips(self) -> int:
        """How many labels would be others without it."""
        return sum(s.flips for s in self.splits)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "project": self.project,
            "run": self.run,
            "function": self.function,
            "version": self.version,
            "votes": self.votes,
            "flips": self.flips,
            "splits": [
                {"split": s.name, "n": s.n, "votes": s.votes, "flips": s.flips, "shift": s.shift if s.votes else None}
                for s in self.splits
            ],
            "changes": [{"label": now, "without": other, "examples": n} for now, other, n in self.changes],
            "examples": [
                {
                    "id": e.example_id,
                    "split": e.split,
                    "vote": e.vote,
                    "label": e.label,
                    "without": e.without,
                    "adds": e.adds,
                    "text": e.text,
                }
                for e in self.examples
            ],
        }

    def to_text(self, *, width: int = 100, plain: bool = False) -> str:
        """Return it for a terminal of that width; ``plain`` uses ASCII only."""
        lines = [self._headline(), ""]
        lines.append(f"{'split':<6}{'examples':>10}{'votes':>8}{'flips':>8}{'of its votes':>14}{'mean shift':>12}")
        for s in self.splits:
            share, shift = (f"{s.flips / s.votes:.1%}", f"{s.shift:.3f}") if s.votes else ("-", "-")
            lines.append(f"{s.name:<6}{s.n:>10,}{s.votes:>8,}{s.flips:>8,}{share:>14}{shift:>12}")
        if self.changes:
            lines += ["", "Labels that it decides:"]
            lines += [f"{n:>8,}  {flat(now)}, and {flat(other)} without it" for now, other, n in self.changes]
        if self.examples:
            lines += ["", "Where it adds most (log-odds of its vote):", *self._drawn(width, plain=plain)]
        return "\n".join(lines)

    def _drawn(self, width: int, *, plain: bool) -> list[str]:
        scale = max(abs(e.adds) for e in self.examples)
        ids = [flat(e.example_id) for e in self.examples]  # whole: they are what one asks about next
        labels = [flat(_changed(e), 36) for e in self.examples]
        rooms = max(map(len, ids)), max(map(len, labels))
        out = []
        for e, name, label in zip(self.examples, ids, labels, strict=True):
            line = f"  {name:<{rooms[0]}}{e.adds:>+8.2f}  {bar(e.adds, scale, plain=plain)}  {label:<{rooms[1]}}"
            beside = width - len(line) - 4
            if beside > _LEAST_TEXT:
                out.append(f"{line}    {flat(e.text, beside)}".rstrip())
            else:
                out.append(line.rstrip())
                out += [f"      {flat(e.text, width - 6)}"] if e.text else []
        return out

    def to_page(self) -> str:
        """Return a whole HTML document."""
        return page(f"What {self.function} decides", Markup(self._repr_html_()))

    def __str__(self) -> str:
        return self.to_text()

    def _headline(self) -> str:
        version = f" ({flat(self.version[:8])})" if self.version else ""
        return (
            f"{flat(self.function)}{version} in run {self.run} of {flat(self.project)}: {self.flips:,} labels would be "
            f"others without it, of {self.votes:,} that it votes on."
        )

    def _repr_html_(self) -> str:
        return styled(
            tag("h2", self.function, " decides ", f"{self.flips:,}", " labels"),
            tag("p", self._headline(), class_="quiet"),
            _table(
                "By split",
                ["split", "examples", "votes", "flips", "mean shift"],
                [
                    [s.name, f"{s.n:,}", f"{s.votes:,}", f"{s.flips:,}", f"{s.shift:.3f}" if s.votes else "\u2014"]
                    for s in self.splits
                ],
                numbers={1, 2, 3, 4},
            ),
            _table(
                "By label",
                ["label", "without it", "examples"],
                [[a, b, f"{n:,}"] for a, b, n in self.changes],
                numbers={2},
            ),
            _table(
                "Where it adds most",
                ["id", "split", "vote", "log-odds", "label", "text"],
                [[str(e.example_id), e.split, e.vote, signed(e.adds), _changed(e), e.text] for e in self.examples],
                numbers={3},
            ),
        )


def _changed(example: DecidedExample) -> str:
    """Say the label, and the one without the function where it is another."""
    same = example.label == example.without
    return example.label if same else f"{example.label}, else {example.without}"


def _table(title: str, head: list[str], rows: list[list[str]], *, numbers: set[int]) -> Markup | None:
    if not rows:
        return None

    def cell(element: str, at: int, text: str, scope: str | None = None) -> Markup:
        # Words of a text break anywhere, or a long address in one would push it out of a narrow page.
        return tag(
            element, text, scope=scope, class_="num" if at in numbers else "words" if head[at] == "text" else None
        )

    titles = tag("tr", [cell("th", at, text, "col") for at, text in enumerate(head)])
    body = [
        tag("tr", tag("th", first, scope="row"), [cell("td", at, text) for at, text in enumerate(rest, 1)])
        for first, *rest in rows
    ]
    drawn = tag("table", tag("thead", titles), tag("tbody", body))
    return tag("div", tag("h3", title), tag("div", drawn, class_="scroll"))
