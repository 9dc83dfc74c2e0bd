"""`trueup prove`: build an sdist several times, sandboxed, and judge what comes out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from trueup.interfaces.cli.errors import COULD_NOT, FINDINGS, HOLDS
from trueup.model.errors import UsageError

if TYPE_CHECKING:
    from trueup.interfaces.wanted import Places
    from trueup.model.release import Release, ReleaseFile
    from trueup.model.watcher import Watcher
    from trueup.sources.environment import Environments

__all__ = ["command"]

_EPILOG = """\b
Examples:
  trueup prove dist/demo-1.0.tar.gz      an sdist
  trueup prove .                         a project: its folder against its sdist
  trueup prove six==1.17.0               an sdist on the index, beside its wheels
  trueup prove --explain mysqlclient --for cp312-linux-x86_64

\b
Exit code 0: every field is reproducible, or varies as declared. 1: a field varies, or a promise
is broken; with `--explain`: something would be built. 2: it could not be built.
"""
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The command line, field by field as its options are named."""

    target: str
    explained: bool
    environments: tuple[str, ...]
    whole: bool
    vary: tuple[str, ...]
    conditions: tuple[str, ...]
    wheelhouse: str | None
    index: tuple[str, ...]
    no_sandbox: bool
    seconds: float
    memory: int
    processes: int
    disk: int
    record: str | None
    form: str
    jobs: int
    verbose: bool
    quiet: bool


@click.command(name="prove", epilog=_EPILOG)
@click.argument("target")
@click.option(
    "explained",
    "--explain",
    is_flag=True,
    help="Build nothing: say whether an installer would build it, why, and what it would need.",
)
@click.option(
    "environments",
    "--for",
    metavar="ENV",
    multiple=True,
    help="With `--explain`: the environments, such as `cp312-linux-x86_64` (default: `linux`).",
)
@click.option("whole", "--wheels", is_flag=True, help="Build whole wheels, not only metadata.")
@click.option(
    "vary",
    "--vary",
    metavar="NAME=VALUE,…",
    multiple=True,
    help="Build with this environment variable as well, once for each value.",
)
@click.option(
    "conditions",
    "--condition",
    metavar="NAME,…",
    multiple=True,
    help="Change only these: `again`, `hash-seed`, `path`, `clock`, `time-zone`, `locale`, "
    "`requirements`, `python`, `platform`, `variable`, `tree`.",
)
@click.option(
    "wheelhouse",
    "--wheelhouse",
    metavar="FOLDER",
    help="Take build requirements from the wheels in FOLDER, and fetch nothing for them.",
)
@click.option(
    "index",
    "--index",
    metavar="URL",
    multiple=True,
    help="Look releases and build requirements up here; otherwise where pip is set to look.",
)
@click.option(
    "no_sandbox",
    "--no-sandbox",
    is_flag=True,
    help="Run the code of the sdist with your own rights. Only for code that you trust.",
)
@click.option(
    "seconds",
    "--time",
    type=click.FloatRange(min=0.1),
    default=600,
    show_default=True,
    help="Seconds that one build may take.",
)
@click.option(
    "memory",
    "--memory",
    type=click.IntRange(min=64),
    default=4096,
    show_default=True,
    help="MiB of memory that it may use.",
)
@click.option(
    "processes",
    "--processes",
    type=click.IntRange(min=8),
    default=256,
    show_default=True,
    help="Processes that it may have at a time.",
)
@click.option(
    "disk",
    "--disk",
    type=click.IntRange(min=16),
    default=2048,
    show_default=True,
    help="MiB that it may write.",
)
@click.option(
    "record",
    "--record",
    metavar="FILE",
    help="Write inputs by hash, conditions and results to FILE, as JSON.",
)
@click.option(
    "form",
    "--format",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="How the answer is written.",
)
@click.option(
    "jobs",
    "-j",
    "--jobs",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Builds at a time.",
)
@click.option("verbose", "-v", "--verbose", is_flag=True, help="Say what is going on.")
@click.option("quiet", "-q", "--quiet", is_flag=True, help="The answer only: no talk.")
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Build an sdist several times, sandboxed: does its metadata stay what it promises?

    TARGET is an sdist, the folder of a project, or `NAME==VERSION` on an index. Each build changes
    one thing: the hash seed, the folder, the clock, the time zone, the locale, the versions of the
    build requirements, the Python, and (pretended) the platform.
    """
    context.exit(_run(_Options(**options)))


def _run(options: _Options) -> int:
    from trueup.interfaces.progress import watching
    from trueup.interfaces.wanted import Places

    bar = sys.stderr.isatty() and not options.quiet
    with (
        watching(sys.stderr, bar=bar, notes=options.verbose and not options.quiet) as watcher,
        Places(
            index=options.index, environ=os.environ, directory=Path.cwd(), watcher=watcher
        ) as places,
        TemporaryDirectory(prefix="trueup-target-") as scratch,
    ):
        if options.explained:
            return _explain(options, places, Path(scratch))
        return _prove(options, places, Path(scratch), watcher)


def _prove(options: _Options, places: Places, scratch: Path, watcher: Watcher) -> int:
    from trueup import __version__
    from trueup.features.prove import parse_vary, prove
    from trueup.sources.interpreter import find_interpreters
    from trueup.sources.proofrecord import write_proof
    from trueup.sources.sandbox import Allowance, open_sandbox

    vary = parse_vary(options.vary)
    sandbox = open_sandbox(confined=not options.no_sandbox)
    path, published = _target(options, places, scratch)
    if not sandbox.confined and not options.quiet:
        click.echo("warning: the code of the sdist runs with your rights", err=True)
    with _environments(options, places) as environments:
        proof = prove(
            path,
            sandbox=sandbox,
            environments=environments,
            allowance=Allowance(
                seconds=options.seconds,
                memory=options.memory * _MIB,
                processes=options.processes,
                disk=options.disk * _MIB,
            ),
            only=_names(options.conditions),
            vary=vary,
            pythons=find_interpreters(os.environ),
            published=published,
            whole=options.whole,
            jobs=options.jobs,
            watcher=watcher,
        )
    if options.record is not None:
        write_proof(Path(options.record), proof, tool_version=__version__)
        if not options.quiet:
            click.echo(f"wrote `{options.record}`", err=True)
    if options.form == "json":
        from trueup.interfaces.report.json import dumps
        from trueup.sources.proofrecord import proof_document

        click.echo(dumps(proof_document(proof, tool_version=__version__)), nl=False)
    else:
        from trueup.interfaces.report.prove import render_proof

        click.echo(render_proof(proof), nl=False)
    return HOLDS if proof.holds else FINDINGS


def _explain(options: _Options, places: Places, scratch: Path) -> int:
    from trueup.features.prove.explain import explain
    from trueup.model.target import parse_targets

    environments = options.environments or ("linux",)
    targets = [target for text in environments for target in parse_targets(text)]
    release = _release(options.target, places)
    explanations = explain(
        release, targets, fetch=lambda artifact: places.configured().download(artifact, scratch)
    )
    if options.form == "json":
        from dataclasses import asdict

        from trueup.interfaces.report.json import dumps

        document = {
            "schema": "trueup.explanation/1",
            "project": str(release.project),
            "version": str(release.version),
            "environments": [asdict(one) for one in explanations],
        }
        click.echo(dumps(document), nl=False)
    else:
        from trueup.interfaces.report.prove import render_explanations

        click.echo(render_explanations(release.title, explanations), nl=False)
    if any(one.builds is False and not one.wheels for one in explanations):
        return COULD_NOT
    return HOLDS if all(one.builds is False for one in explanations) else FINDINGS


def _names(texts: tuple[str, ...]) -> frozenset[str] | None:
    names = frozenset(part.strip() for text in texts for part in text.split(",") if part.strip())
    return names or None


def _target(
    options: _Options, places: Places, scratch: Path
) -> tuple[Path, tuple[ReleaseFile, ...]]:
    """What to build, as a path, and the published wheels to compare with."""
    from trueup.interfaces.target import AskedPath, parse_target

    asked = parse_target(options.target, directory=places.directory)
    if isinstance(asked, AskedPath):
        path = asked.path.resolve()
        if not path.is_dir() and not path.name.endswith((".tar.gz", ".zip", ".tgz")):
            raise UsageError(
                "is no sdist",
                expected="a file that ends in `.tar.gz` or `.zip`, or a project's folder",
                place=(str(asked.path),),
            )
        return path, ()
    release = _release(options.target, places)
    sdists = sorted(release.sdists, key=lambda file: not file.filename.endswith(".tar.gz"))
    if not sdists:
        raise UsageError(
            "has no sdist, so there is nothing to build",
            found=f"{len(release.wheels)} wheels",
            place=(release.title,),
        )
    return places.configured().download(sdists[0].artifact, scratch), release.wheels


def _release(text: str, places: Places) -> Release:
    from trueup.interfaces.target import AskedRelease, parse_target
    from trueup.sources.release import gather

    asked = parse_target(text, directory=places.directory)
    if not isinstance(asked, AskedRelease):
        raise UsageError(
            f"`{text}`",
            found="a path" if "://" not in text else "an address",
            expected="`NAME==VERSION`",
        )
    return gather(places.configured(), asked.project, asked.version)


@contextmanager
def _environments(options: _Options, places: Places) -> Iterator[Environments]:
    """The build environments, from a folder of wheels or from the index."""
    from trueup.sources.environment import Environments
    from trueup.sources.folder import FolderSource

    if options.wheelhouse is None:
        environments = Environments(
            source=places.configured(), environ=os.environ, index=options.index
        )
    else:
        wheelhouse = Path(options.wheelhouse).resolve()
        environments = Environments(
            source=FolderSource([wheelhouse]), environ=os.environ, wheelhouse=wheelhouse
        )
    with environments:
        yield environments
