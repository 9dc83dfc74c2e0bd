"""The generated pages of the reference."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from click.testing import CliRunner

from trueup.interfaces.reference import (
    cli_page,
    main,
    outdated,
    pages,
    rule_index,
    rule_page,
    write,
)
from trueup.judge.rule import LockRule, Rule
from trueup.model.finding import Finding, Severity


def nothing(judgement: object) -> Iterable[Finding]:
    return ()


def rule(code: str, severity: Severity, page: str) -> Rule:
    return Rule(code=code, severity=severity, check=nothing, page=page)


LATE = rule("late", Severity.WARNING, "A file | came late.\n\nMore about it.\n")
BROKEN = rule("broken", Severity.ERROR, "A file is broken.\n")


@click.group(epilog="The end.")
def program() -> None:
    """Do things."""


@program.command(epilog="\b\nExamples:\n  verb one   first\n  verb two   second")
@click.argument("target", nargs=-1)
@click.option("--level", metavar="N", default=3, show_default=True, help="How much.")
@click.option("--secret", hidden=True, help="Not shown.")
def verb(target: tuple[str, ...], level: int, secret: str | None) -> None:
    """Do one thing.

    \b
    Line by line,
    as written.
    """


@program.command(hidden=True)
def internal() -> None:
    """Not shown either."""


def test_cli_page_shows_verbs_options_and_epilogs() -> None:
    text = cli_page(program)
    assert "## `trueup verb`" in text
    assert "trueup verb [OPTIONS] [TARGET]..." in text
    assert "- `--level N`: How much. [default: 3]\n" in text
    assert "Line by line,\nas written." in text
    assert "```text\nExamples:\n  verb one   first\n  verb two   second\n```" in text
    assert "The end." in text
    assert "secret" not in text
    assert "internal" not in text


def test_rule_index_keeps_the_order_and_escapes_cells() -> None:
    rows = [line for line in rule_index([LATE, BROKEN]).splitlines() if line.startswith("| [")]
    assert rows == [
        "| [`late`](late.md) | warning | A file \\| came late |",
        "| [`broken`](broken.md) | error | A file is broken |",
    ]


def test_rules_about_locks_have_a_table_and_settings_of_their_own() -> None:
    stale = LockRule(code="stale", severity=Severity.INFO, check=nothing, page="It is old.\n")
    text = rule_index([LATE, stale])
    assert text.index("(late.md)") < text.index("## About locks") < text.index("(stale.md)")
    assert "## About locks" not in rule_index([LATE])
    assert "[tool.trueup.verify]\n" in rule_page(stale)
    assert "[tool.trueup.check]\n" in rule_page(LATE)


def test_rule_page_has_the_docstring_and_how_to_configure_it() -> None:
    text = rule_page(LATE)
    assert text.startswith("# `late`\n")
    assert "Severity by default: **warning**" in text
    assert "A file | came late.\n\nMore about it." in text
    assert 'ignore = ["late"]' in text
    assert 'severity = { late = "error" }' in text
    assert 'severity = { broken = "warning" }' in rule_page(BROKEN)


def test_write_makes_pages_equal_and_removes_those_of_former_rules(tmp_path: Path) -> None:
    before = pages(program, [LATE, BROKEN])
    assert sorted(write(tmp_path, before)) == sorted(before)
    assert outdated(tmp_path, before) == []

    after = pages(program, [BROKEN])
    assert outdated(tmp_path, after) == ["rules/README.md", "rules/late.md"]
    assert write(tmp_path, after) == ["rules/README.md", "rules/late.md"]
    assert not (tmp_path / "rules/late.md").exists()
    assert outdated(tmp_path, after) == []


def test_check_writes_nothing_and_names_what_is_out_of_date(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--check", str(tmp_path)])
    assert result.exit_code == 1
    assert f"error: `{tmp_path / 'cli.md'}` is out of date\n" in result.stderr
    assert result.stderr.endswith("\nhint: `just docs` writes it\n")
    assert list(tmp_path.iterdir()) == []

    assert CliRunner().invoke(main, [str(tmp_path)]).exit_code == 0
    assert CliRunner().invoke(main, ["--check", str(tmp_path)]).exit_code == 0
