"""`trueup amend --ledger`: a redistributor's patches applied, previewed, or held against upstream."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.interfaces.cli.errors import FINDINGS, HOLDS
from trueup.model.errors import UsageError

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from trueup.features.amend import Naming, Place, Plan
    from trueup.interfaces.report.ledger import Judged
    from trueup.model.patch import Ledger

__all__ = ["LEDGER_OPTIONS", "LedgerOptions", "run_ledger"]

LEDGER_OPTIONS = (
    click.Option(
        ["ledger", "--ledger"],
        metavar="FILE",
        help="A redistributor's patches (`patches.toml`); with `--apply`, `--diff` or `--drift`. "
        "`drop-preemptive` needs `--from`.",
    ),
    click.Option(["apply", "--apply"], is_flag=True, help="Apply the ledger."),
    click.Option(
        ["drift", "--drift"],
        is_flag=True,
        help="Tell which patches of the ledger no longer fit upstream; write nothing.",
    ),
    click.Option(
        ["accept_drift", "--accept-drift"],
        is_flag=True,
        help="Apply what still fits; drift becomes a note.",
    ),
    click.Option(
        ["form", "--format"],
        type=click.Choice(("text", "json")),
        default="text",
        help="The form of the report on `--apply` and `--drift`.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerOptions:
    """What the command line says about a ledger; one of ``apply``, ``diff`` and ``drift``."""

    ledger: Path
    origin: Path | None = None
    apply: bool = False
    diff: bool = False
    drift: bool = False
    accept_drift: bool = False
    form: str = "text"
    quiet: bool = False


def run_ledger(
    targets: Sequence[Path],
    options: LedgerOptions,
    *,
    naming: Naming | None = None,
    place: Place | None = None,
    now: datetime | None = None,
) -> int:
    """Apply, preview or judge; returns the exit code. Needs no index and no network.

    Standard output has the paths that were written, the diff, the drift, or the report as JSON.
    """
    from trueup.features.amend import Patches, open_subjects, plan
    from trueup.sources.ledger import read_ledger

    _check(options)
    ledger = read_ledger(options.ledger)
    subjects = open_subjects(targets)
    patches = Patches(
        ledger=ledger,
        today=(now or datetime.now().astimezone()).date(),
        preemptive=_preemptive(options.origin),
        accept_drift=options.accept_drift,
    )
    judged = [
        (subject.path, application)
        for subject, application in zip(subjects, patches.judge(subjects), strict=True)
    ]
    holds = all(application.holds for _, application in judged)
    _report(judged, ledger, options, holds=holds)
    if not holds or options.drift:
        return HOLDS if holds else FINDINGS
    planned = plan(subjects, [patches], naming=naming, place=place)
    if options.diff:
        _out("".join(change.diff for change in planned.changes))
        _say(options, _notes(planned))
    else:
        _write(planned, options)
    return HOLDS


def _report(
    judged: Sequence[Judged], ledger: Ledger, options: LedgerOptions, *, holds: bool
) -> None:
    """What the ledger does and where it drifted: the answer of `--drift`, otherwise talk."""
    from trueup.interfaces.report.ledger import render_ledger_json, render_ledger_text

    text = render_ledger_text(judged, ledger, only_drift=not options.apply)
    if options.form == "json":
        _out(render_ledger_json(judged, ledger))
    elif options.drift:
        _out(text)
    elif not options.quiet or not holds:
        click.echo(text, nl=False, err=True)
    if not holds and not options.drift:
        click.echo("\nerror: the ledger has drifted, so nothing is written", err=True)
        click.echo("\nhint: bring it up to date, or add `--accept-drift`", err=True)


def _write(planned: Plan, options: LedgerOptions) -> None:
    from trueup.features.amend import write

    notes = _notes(planned)
    for done in write(planned):
        notes += [f"note: `{done.target.name}`: {note}" for note in done.notes]
        if options.form != "json":
            _out(f"{done.target}\n")
    _say(options, notes)


def _notes(planned: Plan) -> list[str]:
    notes = [f"note: {note}" for note in planned.notes]
    return notes + [f"nothing to do: `{path}`" for path in planned.unchanged]


def _say(options: LedgerOptions, lines: Sequence[str]) -> None:
    if not options.quiet:
        for line in lines:
            click.echo(line, err=True)


def _check(options: LedgerOptions) -> None:
    asked = [options.apply, options.diff, options.drift].count(True)
    if asked != 1:
        raise UsageError(
            "`--ledger` says which patches, not what to do with them"
            if asked == 0
            else "`--apply`, `--diff` and `--drift` exclude each other",
            hint="add one of `--apply`, `--diff` and `--drift`",
        )
    if options.diff and options.form != "text":
        raise UsageError("`--diff` has no other form", hint="`--drift --format json` has")


def _preemptive(path: Path | None) -> Collection[NormalizedName] | None:
    """What upstream's declaration calls pre-emptive; None where nobody said where it is."""
    if path is None:
        return None
    from trueup.features.amend import read_declaration

    declaration = read_declaration(path)
    return () if declaration is None else declaration.preemptive


def _out(text: str) -> None:
    """Write to standard output; a terminal that lacks a character gets its escape."""
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), nl=False)
