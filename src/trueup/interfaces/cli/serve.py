"""`trueup serve`: an index that publishes releases whole, and serves every installer the truth."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trueup.interfaces.cli.errors import COULD_NOT, HOLDS
from trueup.model.errors import UsageError
from trueup.model.finding import Severity

if TYPE_CHECKING:
    from trueup.features.serve.desk import Desk
    from trueup.sources.store.store import Store

__all__ = ["command"]

_EPILOG = """\b
Examples:
  trueup serve                                  on this machine, with the configured index behind it
  trueup serve token build --project demo       a token for uploads of `demo`
  trueup serve publish demo 1.0                 make a staged release visible

\b
What installers are given:  http://HOST:PORT/simple/            as uploaded, and as upstream has it
                            http://HOST:PORT/corrected/simple/  one metadata for all wheels
Where to upload:            http://HOST:PORT/legacy/            (user `__token__`)
"""
_GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The command line, field by field as its options are named."""

    data: str | None
    database: str | None
    blobs: str | None
    index: tuple[str, ...]
    hosted_only: bool
    policy: str
    quiet_period: float | None
    host: str
    port: int
    largest: int


def _data_options(function: Any) -> Any:
    for option in (
        click.option(
            "blobs", "--blobs", metavar="WHERE", help="A folder, or `s3://bucket/prefix`."
        ),
        click.option(
            "database", "--database", metavar="URL", help="`sqlite:///file` or `postgresql://…`."
        ),
        click.option(
            "data",
            "--data",
            metavar="FOLDER",
            help="Where releases are kept (default: `trueup/index` in the user's data folder).",
        ),
    ):
        function = option(function)
    return function


@click.group(name="serve", invoke_without_command=True, epilog=_EPILOG)
@_data_options
@click.option(
    "index",
    "--index",
    metavar="URL",
    multiple=True,
    help="The index behind this one; otherwise where pip and uv are set to look.",
)
@click.option("hosted_only", "--hosted-only", is_flag=True, help="No index behind this one.")
@click.option(
    "policy",
    "--policy",
    type=click.Choice(("reject", "quarantine", "warn")),
    default="reject",
    show_default=True,
    help="What happens to a file that contradicts its release.",
)
@click.option(
    "quiet_period",
    "--quiet-period",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Publish a staged release after so long without an upload (default: only when "
    "`publish` is called).",
)
@click.option("host", "--host", default="127.0.0.1", show_default=True, help="Listen here.")
@click.option(
    "port",
    "--port",
    type=click.IntRange(0, 65535),
    default=8600,
    show_default=True,
    help="Listen on this port.",
)
@click.option(
    "largest",
    "--largest",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="GiB that one file may have.",
)
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """An index of your own: releases appear whole, after all their files were compared."""
    context.obj = _Options(**options)
    if context.invoked_subcommand is None:
        context.exit(_serve(context.obj))


def _folder(options: _Options) -> Path:
    if options.data is not None:
        return Path(options.data)
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "trueup" / "index"


def _store(options: _Options) -> Store:
    try:
        from trueup.sources.store.schema import open_engine, upgrade
        from trueup.sources.store.store import Store
    except ModuleNotFoundError as error:
        raise UsageError(
            "`serve` needs the extra `serve`", hint="install it with `pip install 'trueup[serve]'`"
        ) from error
    folder = _folder(options)
    folder.mkdir(parents=True, exist_ok=True)
    engine = open_engine(options.database or f"sqlite:///{folder / 'index.db'}")
    upgrade(engine)
    return Store(engine)


def _desk(options: _Options) -> Desk:
    store = _store(options)
    from trueup.features.serve.desk import Desk
    from trueup.features.serve.receive import Policy, Rules
    from trueup.interfaces.config import find_config
    from trueup.judge.rule import RuleSettings
    from trueup.sources.config import index_config
    from trueup.sources.index import IndexSource, open_index
    from trueup.sources.store.blobs import open_blobs

    folder = _folder(options)
    blobs = open_blobs(options.blobs or str(folder / "blobs"), folder)
    config = find_config(Path.cwd())

    def upstream() -> IndexSource:
        return open_index(
            index_config(options.index, environ=os.environ, directory=Path.cwd()),
            environ=os.environ,
        )

    return Desk(
        store,
        blobs,
        rules=Rules(
            policy=Policy(options.policy),
            settings=RuleSettings(
                select=None if config.select is None else frozenset(config.select),
                ignore=frozenset(config.ignore),
                severity=config.severity,
            ),
            fail_on=Severity.ERROR,
        ),
        open_upstream=None if options.hosted_only else upstream,
        quiet=options.quiet_period,
    )


def _serve(options: _Options) -> int:
    desk = _desk(options)
    from trueup.interfaces.web.run import run

    click.echo(
        f"index in `{_folder(options)}`, listening on http://{options.host}:{options.port}/",
        err=True,
    )
    run(desk, host=options.host, port=options.port, largest=options.largest * _GIB)
    return HOLDS


@command.command("token")
@click.argument("name")
@click.option("projects", "--project", multiple=True, help="Only this project (default: all).")
@click.option("channels", "--channel", multiple=True, help="Only this channel (default: all).")
@click.option(
    "actions",
    "--may",
    multiple=True,
    type=click.Choice(("upload", "publish", "yank", "close", "delete")),
    default=("upload", "publish"),
    show_default=True,
    help="What it allows.",
)
@click.option("days", "--days", type=click.FloatRange(min=0.01), help="Days until it expires.")
@click.pass_obj
def token(
    options: _Options,
    name: str,
    projects: tuple[str, ...],
    channels: tuple[str, ...],
    actions: tuple[str, ...],
    days: float | None,
) -> None:
    """Make a token, and print it: this once."""
    from packaging.utils import canonicalize_name

    store = _store(options)
    from trueup.sources.store.store import Scope

    scope = Scope(
        projects=tuple(map(canonicalize_name, projects)) or ("*",),
        channels=channels or ("*",),
        actions=actions,
    )
    click.echo(store.make(name, scope, seconds=None if days is None else days * 86400))


@command.command("publish")
@click.argument("project")
@click.argument("version")
@click.option("channel", "--channel", default="main", show_default=True, help="Of this channel.")
@click.pass_context
def publish(context: click.Context, project: str, version: str, channel: str) -> None:
    """Make a staged release visible, if its files agree."""
    desk = _desk(context.obj)
    done = desk.publish(channel, project, version, who="command line")
    click.echo(f"published {done['project']} {done['version']}")


@command.command("fsck")
@click.pass_context
def fsck(context: click.Context) -> None:
    """Compare the database with the blobs: is every file there, and is nothing left over."""
    desk = _desk(context.obj)
    from trueup.features.serve.fsck import check_store

    lost, unused = check_store(desk.store, desk.blobs)
    for name in lost:
        click.echo(f"lost: {name}")
    click.echo(f"{len(lost)} files lost, {len(unused)} blobs that nothing needs")
    context.exit(COULD_NOT if lost else HOLDS)
