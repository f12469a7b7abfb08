"""Text tables align whatever the script, and one bad name does not break the terminal."""

from __future__ import annotations

import unicodedata

from labelwright.analysis.tables import Column, html_table, text_table

NAMES: Column[tuple[str, float]] = Column("name", lambda r: r[0], numeric=False)
SHARES: Column[tuple[str, float]] = Column("share", lambda r: f"{r[1]:.0%}", share=lambda r: r[1])


def test_columns_align_with_wide_characters() -> None:
    lines = text_table([("日本", 0.5), ("abcd", 1.0), ("e\u0301tude", 0.0)], [NAMES, SHARES]).splitlines()

    def width(line: str) -> int:
        wide = sum(unicodedata.east_asian_width(c) in "WF" for c in line)
        return len(line) + wide - sum(bool(unicodedata.combining(c)) for c in line)

    assert len({width(line) for line in lines}) == 1


def test_long_names_are_cut_and_controls_replaced() -> None:
    line = text_table([("x" * 100, 0), ("a\tb\x1b[31m", 0)], [NAMES]).splitlines()
    assert len(line[1]) == 48
    assert line[1].endswith("…")
    assert line[2] == "a·b·[31m"


def test_html_escapes_and_draws_shares() -> None:
    text = html_table([("<b>", 0.25), ("nan", float("nan"))], [NAMES, SHARES], caption="a & b")
    assert "&lt;b&gt;" in text
    assert "a &amp; b" in text
    assert text.count("linear-gradient") == 1
    assert "25.0%" in text
