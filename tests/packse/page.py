"""docs/reference/packse.md: what is between its marks is written by `just packse --write`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.packse.scenario import Scenario
from tests.packse.scope import OTHERWISE, OUT_OF_SCOPE

__all__ = ["PAGE", "Column", "between", "render_counts", "render_scope", "write_page"]

PAGE = Path(__file__).parents[2] / "docs/reference/packse.md"
_MARKS = {
    name: (f"<!-- {name}: written by `just packse --write` -->", f"<!-- end of {name} -->")
    for name in ("counts", "scope")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One tool with its version; ``wrong`` are the scenarios it did not answer as expected."""

    tool: str
    wrong: frozenset[str]


def render_counts(version: str, everything: Sequence[Scenario], columns: Sequence[Column]) -> str:
    """How many scenarios of each group were answered as expected, as a table."""
    groups = sorted({item.group for item in everything})
    head = " | ".join(f"as expected: {column.tool}" for column in columns)
    lines = [
        f"| packse {version} | scenarios | asked | {head} |",
        "|---|---:|---:|" + "---:|" * len(columns),
    ]
    for group in groups:
        names = {item.name for item in everything if item.group == group}
        lines.append(_row(f"`{group}`", names, columns))
    lines.append(_row("all", {item.name for item in everything}, columns))
    for column in columns:
        if column.wrong:
            listed = ", ".join(f"`{name}`" for name in sorted(column.wrong))
            lines += ["", f"Not as expected, {column.tool}: {listed}."]
    return "\n".join(lines)


def _row(title: str, names: set[str], columns: Sequence[Column]) -> str:
    asked = names - set(OUT_OF_SCOPE)
    right = [str(len(asked - column.wrong)) for column in columns]
    return f"| {' | '.join([title, str(len(names)), str(len(asked)), *right])} |"


def render_scope() -> str:
    """The scenarios that are not asked, and those with another answer, each with the reason."""
    return "\n".join(_scope())


def _scope() -> Iterator[str]:
    yield "| not asked | why |"
    yield "|---|---|"
    for name, why in OUT_OF_SCOPE.items():
        yield f"| `{name}` | {why} |"
    yield ""
    yield "| asked, with another answer | written | expected of trueup | why |"
    yield "|---|---|---|---|"
    for name, other in OTHERWISE.items():
        words = ("refused", "locked") if other.satisfiable else ("locked", "refused")
        yield f"| `{name}` | {words[0]} | {words[1]} | {other.why} |"


def between(text: str, name: str) -> str:
    """What the page has between the marks of ``name``."""
    begin, end = _MARKS[name]
    return text.split(begin)[1].split(end)[0].strip("\n")


def write_page(counts: str) -> None:
    """Put the counts and the scope between the marks of the page."""
    text = PAGE.read_text("utf-8")
    for name, new in {"counts": counts, "scope": render_scope()}.items():
        begin, end = _MARKS[name]
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{new}\n{end}{rest.split(end)[1]}"
    PAGE.write_text(text, "utf-8")
