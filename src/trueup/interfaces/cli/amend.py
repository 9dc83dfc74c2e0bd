"""`trueup amend`: new metadata for files that exist."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from trueup.interfaces.cli.errors import HOLDS
from trueup.interfaces.cli.ledger import LEDGER_OPTIONS, LedgerOptions, run_ledger
from trueup.model.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from trueup.features.amend import Operation, Plan, Subject
    from trueup.interfaces.target import AskedRelease
    from trueup.interfaces.wanted import Places
    from trueup.model.watcher import Watcher
    from trueup.sources.source import Source

__all__ = ["command"]

_EPILOG = """\b
Examples:
  trueup amend dist/ --reconcile                       one list for all wheels of a release
  trueup amend wheelhouse/*.whl --declared --in-place  what only wheels need
  trueup amend demo==1.0 --add-requires 'numpy<3'      published wheels, under a build tag
  trueup amend --ledger patches.toml --apply demo-1.0-py3-none-any.whl

Everything but the metadata is copied byte for byte. Results are verified before they get their
names; without an operation nothing is written, and nothing is written where nothing changes.

\b
Standard output: the paths of the files that were written, or the preview.
Exit code 0: done, or nothing to do. 1: a ledger has drifted. 2: misuse, or it could not be done.
"""

_OPTIONS = (
    click.Argument(["target"], nargs=-1, required=True),
    click.Option(
        ["reconcile", "--reconcile"],
        is_flag=True,
        help="Give all wheels of a release the one list that serves all, as `check --suggest` "
        "shows it; name all of them.",
    ),
    click.Option(
        ["accept_residue", "--accept-residue"],
        is_flag=True,
        help="Reconcile even if the list is wrong in some rare environments.",
    ),
    click.Option(
        ["declared", "--declared"],
        is_flag=True,
        help="Add what `[tool.trueup.wheels]` declares that wheels need and the sdist does not.",
    ),
    click.Option(
        ["origin", "--from"],
        metavar="PATH",
        help="Where `--declared` finds it: a `pyproject.toml`, a tree, or an sdist. By default the "
        "sdist beside the wheels, then `pyproject.toml` here. With `--ledger`: upstream's source.",
    ),
    click.Option(
        ["build_env", "--build-env"],
        metavar="PATH",
        help="The virtual environment (or `site-packages`) in which the wheels were built, for "
        "`as-built`.",
    ),
    click.Option(
        ["set_requires_python", "--set-requires-python"],
        metavar="SPEC",
        help="Set `Requires-Python`; empty removes it.",
    ),
    click.Option(
        ["add_requires", "--add-requires"],
        metavar="REQ",
        multiple=True,
        help="Add a requirement, if it is not there.",
    ),
    click.Option(
        ["remove_requires", "--remove-requires"],
        metavar="REQ",
        multiple=True,
        help="Remove a requirement, or all on a project.",
    ),
    click.Option(
        ["output", "-o", "--output"],
        metavar="DIR",
        help="Write results here (default: `amended` beside each target).",
    ),
    click.Option(
        ["in_place", "--in-place"],
        is_flag=True,
        help="Replace the targets; each stays until its successor is complete and verified.",
    ),
    click.Option(
        ["identity", "--identity"],
        type=click.Choice(("keep", "build", "local")),
        help="The name of the result: the same (default for files that no index lists), with a "
        "build tag above the release's highest (default for those that one lists), or of a local "
        "version.",
    ),
    click.Option(
        ["local", "--local"],
        metavar="LABEL",
        help="The label of the local version, such as `nl.1`; implies `--identity local`.",
    ),
    click.Option(
        ["index", "--index"],
        metavar="URL",
        multiple=True,
        help="Ask this index which of the files are published. Without it nobody is asked, unless "
        "a target is `NAME==VERSION`.",
    ),
    *LEDGER_OPTIONS,
    click.Option(["diff", "--diff"], is_flag=True, help="Show what would change; write nothing."),
    click.Option(["quiet", "-q", "--quiet"], is_flag=True, help="No remarks on standard error."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendOptions:
    """The command line of `trueup amend`, field by field as its options are named."""

    target: tuple[str, ...]
    reconcile: bool = False
    accept_residue: bool = False
    declared: bool = False
    origin: str | None = None
    build_env: str | None = None
    set_requires_python: str | None = None
    add_requires: tuple[str, ...] = ()
    remove_requires: tuple[str, ...] = ()
    output: str | None = None
    in_place: bool = False
    identity: str | None = None
    local: str | None = None
    index: tuple[str, ...] = ()
    ledger: str | None = None
    apply: bool = False
    drift: bool = False
    accept_drift: bool = False
    form: str = "text"
    diff: bool = False
    quiet: bool = False


@click.command(name="amend", params=list(_OPTIONS), epilog=_EPILOG)
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Rewrite the metadata of wheels, dist-info folders or sdists, byte-exact otherwise.

    TARGET is a wheel, a folder of wheels, an unpacked or installed `*.dist-info` folder, an sdist
    by its own path, or `NAME==VERSION` for the wheels of a release on the index.
    """
    context.exit(_run(AmendOptions(**options)))


def _run(options: AmendOptions) -> int:
    _check(options)
    if options.ledger is not None:
        return _run_ledger(options, Path(options.ledger))
    from trueup.features.amend import write
    from trueup.interfaces.progress import watching

    with (
        watching(sys.stderr, bar=sys.stderr.isatty() and not options.quiet, notes=False) as watcher,
        ExitStack() as stack,
    ):
        planned = _plan(options, watcher, stack)
        _say(options, [f"note: {note}" for note in planned.notes])
        _say(options, [f"nothing to do: `{path}`" for path in planned.unchanged])
        if options.diff:
            click.echo("".join(change.diff for change in planned.changes), nl=False)
            return HOLDS
        for done in write(planned, watcher=watcher):
            _say(options, [f"note: `{done.target.name}`: {note}" for note in done.notes])
            click.echo(done.target)
    return HOLDS


def _run_ledger(options: AmendOptions, path: Path) -> int:
    from trueup.features.amend import Identity, Naming, Place

    identity = "local" if options.local is not None else options.identity
    return run_ledger(
        [Path(text) for text in options.target],
        LedgerOptions(
            ledger=path,
            origin=None if options.origin is None else Path(options.origin),
            apply=options.apply,
            diff=options.diff,
            drift=options.drift,
            accept_drift=options.accept_drift,
            form=options.form,
            quiet=options.quiet,
        ),
        naming=Naming(
            identity=None if identity is None else Identity(identity), local=options.local
        ),
        place=Place(
            output=None if options.output is None else Path(options.output),
            in_place=options.in_place,
        ),
    )


def _plan(options: AmendOptions, watcher: Watcher, stack: ExitStack) -> Plan:
    from trueup.features.amend import Identity, Naming, Place, open_subjects, plan
    from trueup.interfaces.target import AskedAddress, AskedPath, AskedRelease, parse_target
    from trueup.interfaces.wanted import Places

    directory = Path.cwd()
    asked = [parse_target(text, directory=directory) for text in options.target]
    for item in asked:
        if isinstance(item, AskedAddress):
            raise UsageError(
                "an address cannot be amended", hint="download the file, or name `NAME==VERSION`"
            )
    releases = [item for item in asked if isinstance(item, AskedRelease)]
    output = None if options.output is None else Path(options.output)
    source: Source | None = None
    paths = [item.path for item in asked if isinstance(item, AskedPath)]
    if releases or options.index:
        places = stack.enter_context(
            Places(index=options.index, environ=os.environ, directory=directory, watcher=watcher)
        )
        source = places.configured()
    if releases:
        if options.in_place:
            raise UsageError("a release on an index cannot be amended in place")
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="trueup-")))
        _say(
            options,
            [
                f"note: no folder `{one.text}` here; amending the newest `{one.text}` on the index"
                for one in releases
                if one.version is None
            ],
        )
        paths += _downloaded(releases, places, folder)
        output = output or Path("amended")
    subjects = open_subjects(paths)
    identity = "local" if options.local is not None else options.identity
    return plan(
        subjects,
        _operations(options, subjects, directory),
        naming=Naming(
            identity=None if identity is None else Identity(identity),
            local=options.local,
            index=source,
            now=datetime.now(tz=UTC),
        ),
        place=Place(output=output, in_place=options.in_place),
    )


def _downloaded(releases: list[AskedRelease], places: Places, folder: Path) -> list[Path]:
    """The wheels of the releases, in a folder that lasts as long as the run."""
    from trueup.sources.release import newest

    paths: list[Path] = []
    source = places.configured()
    for item in releases:
        version = item.version or newest(source, item.project)
        wheels = [
            file
            for file in source.listing(item.project).files
            if file.is_wheel and getattr(file.name, "version", None) == version
        ]
        if not wheels:
            raise NotFoundError("has no wheel to amend", place=(item.text,))
        paths += [source.download(file, folder) for file in wheels]
    return paths


def _operations(
    options: AmendOptions, subjects: tuple[Subject, ...], directory: Path
) -> list[Operation]:
    """What was asked for, in an order in which reconciling comes last and so holds at the end."""
    from trueup.features.amend import (
        AddRequires,
        Declared,
        Reconcile,
        RemoveRequires,
        SetRequiresPython,
        find_declaration,
        versions_in,
    )

    operations: list[Operation] = []
    if options.remove_requires:
        operations.append(RemoveRequires(requirements=options.remove_requires))
    if options.add_requires:
        operations.append(AddRequires(requirements=options.add_requires))
    if options.set_requires_python is not None:
        operations.append(SetRequiresPython(specifiers=options.set_requires_python))
    if options.declared:
        given = None if options.origin is None else Path(options.origin)
        declaration, origin = find_declaration(given, subjects, directory=directory)
        _say(options, [f"note: declared in `{origin}`"])
        installed = None if options.build_env is None else versions_in(Path(options.build_env))
        operations.append(Declared(declaration=declaration, installed=installed))
    if options.reconcile:
        operations.append(Reconcile(accept_residue=options.accept_residue))
    return operations


def _check(options: AmendOptions) -> None:
    """Options that make no sense together."""
    alone = [
        (options.accept_residue and not options.reconcile, "--accept-residue", "--reconcile"),
        (
            options.origin is not None and not (options.declared or options.ledger),
            "--from",
            "--declared` or `--ledger",
        ),
        (options.apply and not options.ledger, "--apply", "--ledger"),
        (options.drift and not options.ledger, "--drift", "--ledger"),
        (options.accept_drift and not options.ledger, "--accept-drift", "--ledger"),
        (options.form != "text" and not options.ledger, "--format", "--ledger"),
        (options.build_env is not None and not options.declared, "--build-env", "--declared"),
    ]
    for wrong, option, needs in alone:
        if wrong:
            raise UsageError(f"`{option}` goes with `{needs}`")
    if options.ledger is not None:
        others = {
            "--reconcile": options.reconcile,
            "--declared": options.declared,
            "--set-requires-python": options.set_requires_python is not None,
            "--add-requires": bool(options.add_requires),
            "--remove-requires": bool(options.remove_requires),
            "--index": bool(options.index),
        }
        for option, given in others.items():
            if given:
                raise UsageError(
                    f"`--ledger` and `{option}` exclude each other",
                    hint="a ledger says all that a redistributor changes; run amend twice for more",
                )
    if options.in_place and options.output is not None:
        raise UsageError("`--in-place` and `--output` exclude each other")
    if options.local is not None and options.identity not in (None, "local"):
        raise UsageError(f"`--local` and `--identity {options.identity}` exclude each other")


def _say(options: AmendOptions, lines: list[str]) -> None:
    if not options.quiet:
        for line in lines:
            click.echo(line, err=True)
