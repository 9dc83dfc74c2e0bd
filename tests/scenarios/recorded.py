"""What was measured of the lockers: `recorded.json`, and its table in the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.scenarios.drivers import DRIVERS
from tests.scenarios.every import SCENARIOS

__all__ = ["PAGE", "Cell", "Column", "Record", "read_record", "render", "write_record"]

RECORD = Path(__file__).with_name("recorded.json")
PAGE = Path(__file__).parents[2] / "docs/reference/comparison.md"
BEGIN = "<!-- lockers: written by `just compare-lockers --write` -->\n"
END = "<!-- lockers: end -->\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A tool's lock of a scenario: on how many machines it is what.

    ``needless`` are those of the refused ones for which there is an answer; ``locks`` is how many
    files were written; ``example`` is one thing that is wrong.
    """

    ok: int
    wrong: int
    refused: int
    needless: int
    locks: int
    reduced: str = ""
    example: str = ""

    def __str__(self) -> str:
        if not self.ok + self.wrong + self.refused:
            return "–"
        parts = [f"**{self.wrong} wrong**"] if self.wrong else []
        if self.refused:
            needless = f" ({self.needless} needlessly)" if self.needless else ""
            parts.append(f"{self.refused} refused{needless}")
        if not parts:
            parts = ["ok"]
        elif self.ok:
            parts.insert(0, f"{self.ok} ok")
        return ", ".join(parts) + (" †" if self.reduced else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """All cells of one tool."""

    tool: str
    version: str
    python: str
    date: str
    how: str
    cells: dict[str, Cell]

    def total(self, name: str, scenarios: Iterable[str] | None = None) -> int:
        """The sum of a field over scenarios (all by default)."""
        chosen = self.cells if scenarios is None else {s: self.cells[s] for s in scenarios}
        return sum(getattr(cell, name) for cell in chosen.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    columns: tuple[Column, ...]

    def updated(self, measured: Sequence[Column]) -> Record:
        """With new cells in place of old ones, of scenarios that exist, in the usual order."""
        names = [scenario.name for scenario in SCENARIOS]
        columns = {column.tool: column for column in self.columns}
        for column in measured:
            old = columns[column.tool].cells if column.tool in columns else {}
            columns[column.tool] = replace(column, cells={**old, **column.cells})
        return Record(
            columns=tuple(
                replace(column, cells={name: column.cells[name] for name in names})
                for column in (columns.get(driver.name) for driver in DRIVERS)
                if column is not None
            )
        )


def read_record() -> Record:
    """What was recorded; nothing if nothing was."""
    if not RECORD.exists():
        return Record(columns=())
    document: list[dict[str, Any]] = json.loads(RECORD.read_text("utf-8"))
    return Record(
        columns=tuple(
            Column(**{**item, "cells": {name: Cell(**c) for name, c in item["cells"].items()}})
            for item in document
        )
    )


def write_record(record: Record) -> None:
    """Write the record, and its part of the page."""
    document = [asdict(column) for column in record.columns]
    RECORD.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{render(record.columns)}\n{END}{after}", "utf-8")


def render(columns: Sequence[Column]) -> str:
    """The tables, as they stand on the page."""
    lines = [
        "| tool | version | with Python | measured | how it is asked |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {c.tool} | {c.version} | {c.python} | {c.date} | {c.how} |" for c in columns]
    lines += ["", "| | " + " | ".join(column.tool for column in columns) + " |"]
    lines += ["|---|" + "---|" * len(columns)]
    rows = {
        "machines where the lock is right": "ok",
        "**silently wrong**": "wrong",
        "refused": "refused",
        "… of these, where a right answer exists": "needless",
    }
    for title, name in rows.items():
        lines.append(f"| {title} | " + " | ".join(str(c.total(name)) for c in columns) + " |")
    lines += ["", "| scenario | " + " | ".join(column.tool for column in columns) + " |"]
    lines += ["|---|" + "---|" * len(columns)]
    measured = [s for s in SCENARIOS if all(s.name in column.cells for column in columns)]
    for scenario in measured:
        cells = " | ".join(str(column.cells[scenario.name]) for column in columns)
        lines.append(f"| `{scenario.name}`: {scenario.about} | {cells} |")
    return "\n".join([*lines, ""])
