"""`trueup split`: move bundled libraries out of wheels, so that they are stored and sent once."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
from packaging.utils import canonicalize_name

from trueup.interfaces.cli.errors import HOLDS
from trueup.interfaces.cli.options import INDEX
from trueup.interfaces.cli.splitshared import SharedOptions, refused, run_shared
from trueup.model.errors import UsageError

if TYPE_CHECKING:
    from trueup.interfaces.wanted import Places
    from trueup.model.split import CompanionPlan, Refusal
    from trueup.model.watcher import Watcher

__all__ = ["command"]

_LABEL = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", re.I | re.ASCII)  # PEP 440

_EPILOG = """\b
Examples:
  trueup split dist/ -o dist-split/       the wheels of one release, before an upload
  trueup split dist/ --previous old/      reuse the companion if its libraries did not change
  trueup split --shared libgmp --shared libmpfr gmpy2.whl python_flint.whl
  trueup split numpy==2.5.5 --onto scipy-openblas64==0.3.34.237.2

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
    shared: tuple[str, ...]
    onto: tuple[str, ...]
    abi: str | None
    owners: tuple[str, ...]
    label: str
    unexecuted: bool
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
        click.Option(
            ["shared", "--shared"],
            metavar="LIBRARY",
            multiple=True,
            help="Instead: put this library, such as `libgmp`, into a wheel of its own that all "
            "given wheels use.",
        ),
        click.Option(
            ["onto", "--onto"],
            metavar="NAME==VERSION",
            multiple=True,
            help="Instead: use the library of this existing wheel (or a file), where it is proven "
            "that the bundled one came from there.",
        ),
        click.Option(
            ["abi", "--abi"],
            metavar="FILE",
            help="What is declared of the libraries, asserted and acknowledged (default: "
            "`abi.toml`, if there is one).",
        ),
        click.Option(
            ["owners", "--from"],
            metavar="LIBRARY=PROJECT",
            multiple=True,
            help="Keep the copy of this project (default: of the first wheel that has one).",
        ),
        click.Option(
            ["label", "--local"],
            metavar="LABEL",
            default="nl.1",
            show_default=True,
            help="The local version that re-packed wheels get.",
        ),
        click.Option(
            ["unexecuted", "--unexecuted-platforms"],
            is_flag=True,
            help="With `--shared`: also rewrite Mach-O and PE, which was checked by reading it "
            "again, and never executed.",
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

    With `--shared` or `--onto` the wheels may be of several projects; they get a local version.
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
        try:
            from trueup.interfaces import splitinput
        except ModuleNotFoundError as error:
            raise UsageError(
                "`split` needs the extra `native`",
                hint="install it with `pip install 'trueup[native]'`",
            ) from error
        paths = splitinput.wheel_paths(options.target, places, Path(scratch))
        if options.shared or options.onto:
            return run_shared(_shared_options(options), paths, places, Path(scratch), watcher)
        planned = _plan(options, paths, places, Path(scratch), watcher)
        if isinstance(planned, tuple):
            return refused(planned)
        return _write(planned, options, watcher)


def _shared_options(options: _Options) -> SharedOptions:
    if options.shared and options.onto:
        raise UsageError("`--shared` and `--onto` exclude each other")
    owners = dict(map(_owner, options.owners))
    if strangers := sorted(owners.keys() - set(options.shared)):
        raise UsageError(
            "`--from` names a library that is not to be shared",
            found=f"`{strangers[0]}`",
            expected=", ".join(f"`{name}`" for name in options.shared) or "`--shared LIBRARY`",
        )
    if not _LABEL.fullmatch(options.label):
        raise UsageError(
            "`--local`", found=f"`{options.label}`", expected="letters, digits and dots: `nl.1`"
        )
    return SharedOptions(
        libraries=tuple(dict.fromkeys(options.shared)),
        onto=options.onto,
        abi=None if options.abi is None else Path(options.abi),
        owners=owners,
        label=options.label,
        output=Path(options.output),
        unexecuted=options.unexecuted,
        plan_only=options.plan_only,
        quiet=options.quiet,
    )


def _owner(text: str) -> tuple[str, str]:
    library, equals, project = text.partition("=")
    if not (library and equals and project):
        raise UsageError("`--from`", found=f"`{text}`", expected="`LIBRARY=PROJECT`")
    return library, canonicalize_name(project)


def _plan(
    options: _Options, paths: Sequence[Path], places: Places, scratch: Path, watcher: Watcher
) -> CompanionPlan | tuple[Refusal, ...]:
    from trueup.interfaces.splitinput import (
        owned_paths,
        previous_companion,
        read_wheels,
        wheel_paths,
    )
    from trueup.judge.companion import plan_companion

    wheels = read_wheels(paths, watcher)
    previous = None
    if options.previous:
        earlier = scratch / "previous"
        earlier.mkdir()
        named = wheel_paths(options.previous, places, earlier)
        previous = previous_companion(named, wheels[0].distribution.project)
    owned = {} if options.first else owned_paths(wheels, places, watcher)
    return plan_companion(wheels, owned=owned, previous=previous)


def _write(plan: CompanionPlan, options: _Options, watcher: Watcher) -> int:
    from trueup.interfaces.cli.answer import width_of
    from trueup.interfaces.report.splittext import render_plan, render_written

    if options.plan_only:
        click.echo(render_plan(plan, width=width_of(os.environ)), nl=False)
        return HOLDS
    from trueup.features.split import write_companions

    written = write_companions(plan, Path(options.output), watcher=watcher)
    if options.quiet:
        for one in written:
            click.echo(one.path)
    else:
        click.echo(render_written(plan, written, width=width_of(os.environ)), nl=False)
    return HOLDS
