"""`trueup check`: judge releases before an upload, on an index, or in a lock."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trueup.interfaces.cli.options import (
    CheckOptions,
    Combined,
    check_options,
    combine,
    combined_fields,
)
from trueup.interfaces.config import find_config
from trueup.model.errors import UsageError

if TYPE_CHECKING:
    from trueup.interfaces.wanted import Collected
    from trueup.model.finding import Report

__all__ = ["command"]

_EPILOG = """\b
Examples:
  trueup check dist/                     before an upload
  trueup check nmslib==2.1.1             a release on the index
  trueup check --lock uv.lock            every release that a lock names

Settings can also stand in `[tool.trueup.check]` of the nearest `pyproject.toml`; options win.

\b
Exit code 0: nothing at or above `--fail-on`. 1: findings. 2: misuse, or something could not
be judged (what could is reported all the same).
"""
_LISTED = 5


@click.command(name="check", params=check_options(), epilog=_EPILOG)
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Judge releases: do their files agree, and does it matter where not.

    TARGET is a folder of sdists and wheels, such files, `NAME==VERSION`, `NAME` for the newest
    version, or the address of one file.
    """
    context.exit(_run(CheckOptions(**options)))


def _run(options: CheckOptions) -> int:
    if not (options.target or options.listed):
        raise UsageError(
            "nothing to check",
            hint="name a folder (`trueup check dist/`), a release (`trueup check numpy==2.1.0`) "
            "or a lock (`trueup check --lock uv.lock`)",
        )
    directory = Path.cwd()
    config = find_config(directory)
    combined = combine(options, config)
    fields = combined_fields(options, config)
    report, collected = _report(options, combined, fields, directory)
    if not options.quiet:
        _tell_left_out(collected, verbose=options.verbose)
    from trueup.interfaces.cli.answer import answer, exit_code, make_known

    if options.write_baseline is not None:
        return make_known(report, options.write_baseline, quiet=options.quiet)
    answer(report, options, environ=os.environ)
    return exit_code(report, combined.fail_on)


def _report(
    options: CheckOptions, combined: Combined, fields: frozenset[str] | None, directory: Path
) -> tuple[Report, Collected]:
    from trueup.features.check import check
    from trueup.interfaces.progress import watching
    from trueup.interfaces.wanted import Places, collect
    from trueup.model.target import parse_targets
    from trueup.sources.baseline import read_baseline

    targets = tuple(target for text in combined.environments for target in parse_targets(text))
    known = frozenset[str]()
    if combined.baseline is not None and options.write_baseline is None:
        known = read_baseline(combined.baseline)
    bar = sys.stderr.isatty() and not options.quiet
    with (
        watching(sys.stderr, bar=bar, notes=options.verbose and not options.quiet) as watcher,
        Places(
            index=combined.index,
            environ=os.environ,
            directory=directory,
            keep=not options.no_cache,
            watcher=watcher,
        ) as places,
    ):
        collected = collect(options.target, listed=options.listed, places=places)
        report = check(
            collected.wanted,
            settings=combined.rules,
            targets=targets,
            fields=fields,
            known=known,
            deep=options.deep,
            suggest=options.suggest,
            jobs=options.jobs,
            watcher=watcher,
        )
    return replace(report, failures=(*collected.failures, *report.failures)), collected


def _tell_left_out(collected: Collected, *, verbose: bool) -> None:
    """A release that was not looked at must not pass for one that holds.

    And one that was found on the index must not pass for a folder that is not there.
    """
    for name in collected.newest:
        click.echo(
            f"note: no folder `{name}` here; judging the newest `{name}` on the index", err=True
        )
    left_out = collected.left_out
    shown = left_out if verbose else left_out[:_LISTED]
    for item in shown:
        click.echo(f"note: not checked: `{item.what}`: {item.reason} ({item.origin})", err=True)
    if len(left_out) > len(shown):
        more = len(left_out) - len(shown)
        click.echo(f"note: not checked: {more:,} more entries; `-v` lists them", err=True)
