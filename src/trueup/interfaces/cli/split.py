"""`trueup split`: move bundled libraries out of wheels, so that they are stored and sent once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from trueup.interfaces.cli.errors import COULD_NOT, HOLDS
from trueup.interfaces.cli.options import INDEX
from trueup.model.errors import UsageError

if TYPE_CHECKING:
    from trueup.interfaces.wanted import Places
    from trueup.model.split import CompanionPlan, Refusal
    from trueup.model.watcher import Watcher

__all__ = ["command"]

_EPILOG = """\b
Examples:
  trueup split dist/ -o dist-split/       the wheels of one release, before an upload
  trueup split dist/ --previous old/      reuse the companion if its libraries did not change

\b
Exit code 0: written. 2: refused, with the reasons; then nothing is written.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The command line, field by field as its options are named."""

    target: tuple[str, ...]
    output: str
    previous: tuple[str, ...]
    index: tuple[str, ...]
    first: bool
    plan_only: bool
    quiet: bool


@click.command(
    name="split",
    epilog=_EPILOG,
    params=[
        click.Argument(["target"], nargs=-1, required=True),
        click.Option(
            ["output", "-o", "--output"],
            metavar="FOLDER",
            default="split",
            show_default=True,
            help="Write the wheels into FOLDER; the originals stay as they are.",
        ),
        click.Option(
            ["previous", "--previous"],
            metavar="WHEELS",
            multiple=True,
            help="The companion wheels of the release before (files, a folder, or "
            "`NAME-libs==VERSION`): reused if they hold the same on every platform.",
        ),
        click.Option(
            ["first", "--first-release"],
            is_flag=True,
            help="There is no earlier release, so do not ask the index what one owns (macOS and "
            "Windows only).",
        ),
        INDEX,
        click.Option(
            ["plan_only", "--plan"], is_flag=True, help="Say what would be written, and stop."
        ),
        click.Option(["quiet", "-q", "--quiet"], is_flag=True, help="The paths only: no talk."),
    ],
)
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Move the bundled libraries of a release's wheels into companion wheels.

    TARGET is a wheel, a folder of wheels or `NAME==VERSION`, all of one release. The libraries that
    all wheels of a platform bundle go into `NAME-libs`, one wheel per platform, and every wheel
    asks for it by its exact version.
    """
    context.exit(_run(_Options(**options)))


def _run(options: _Options) -> int:
    from trueup.interfaces.progress import watching
    from trueup.interfaces.wanted import PAGE_AGE, Places

    bar = sys.stderr.isatty() and not options.quiet
    with (
        watching(sys.stderr, bar=bar, notes=False) as watcher,
        Places(
            index=options.index,
            environ=os.environ,
            directory=Path.cwd(),
            page_age=PAGE_AGE,
            watcher=watcher,
        ) as places,
        TemporaryDirectory(prefix="trueup-wheels-") as scratch,
    ):
        planned = _plan(options, places, Path(scratch), watcher)
        if isinstance(planned, tuple):
            return _refused(planned)
        return _write(planned, options, watcher)


def _plan(
    options: _Options, places: Places, scratch: Path, watcher: Watcher
) -> CompanionPlan | tuple[Refusal, ...]:
    try:
        from trueup.interfaces.splitinput import (
            owned_paths,
            previous_companion,
            read_wheels,
            wheel_paths,
        )
    except ModuleNotFoundError as error:
        raise UsageError(
            "`split` needs the extra `native`",
            hint="install it with `pip install 'trueup[native]'`",
        ) from error
    from trueup.judge.companion import plan_companion

    wheels = read_wheels(wheel_paths(options.target, places, scratch), watcher)
    previous = None
    if options.previous:
        earlier = scratch / "previous"
        earlier.mkdir()
        previous = previous_companion(wheel_paths(options.previous, places, earlier))
    owned = {} if options.first else owned_paths(wheels, places, watcher)
    return plan_companion(wheels, owned=owned, previous=previous)


def _refused(refusals: Sequence[Refusal]) -> int:
    """Every reason, each with its files and its way out."""
    from trueup.interfaces.report.splittext import render_refusals

    click.echo(render_refusals(refusals), nl=False, err=True)
    return COULD_NOT


def _write(plan: CompanionPlan, options: _Options, watcher: Watcher) -> int:
    from trueup.interfaces.report.splittext import render_plan, render_written

    if options.plan_only:
        click.echo(render_plan(plan), nl=False)
        return HOLDS
    from trueup.features.split import write_companions

    written = write_companions(plan, Path(options.output), watcher=watcher)
    if options.quiet:
        for one in written:
            click.echo(one.path)
    else:
        click.echo(render_written(plan, written), nl=False)
    return HOLDS
