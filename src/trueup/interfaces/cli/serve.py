"""`trueup serve`: an index that publishes releases whole, and serves every installer the truth."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from trueup.interfaces.cli import serveadmin, servebackup
from trueup.interfaces.cli.errors import HOLDS
from trueup.interfaces.serveinput import ServeOptions, data_folder, open_desk

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


def _running_options(function: Any) -> Any:
    for option in (
        click.option(
            "metrics",
            "--metrics/--no-metrics",
            default=True,
            help="Numbers for Prometheus under `/metrics`, for this machine and tokens that may "
            "`metrics` (default: shown).",
        ),
        click.option(
            "log_format",
            "--log-format",
            type=click.Choice(("auto", "text", "json")),
            default="auto",
            show_default=True,
            help="How lines of the log look; auto: text on a terminal, else JSON.",
        ),
        click.option(
            "log",
            "--log",
            type=click.Choice(("changes", "requests", "none")),
            default="changes",
            show_default=True,
            help="What is logged: requests without those for pages in memory, or all.",
        ),
        click.option(
            "patience",
            "--patience",
            type=click.IntRange(min=0),
            metavar="SECONDS",
            default=60,
            show_default=True,
            help="How long uploads and answers under way may still take when it is stopped.",
        ),
        click.option(
            "workers",
            "--workers",
            type=click.IntRange(1, 256),
            default=1,
            show_default=True,
            help="So many processes answer.",
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
@_running_options
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """An index of your own: releases appear whole, after all their files were compared."""
    names = ("workers", "patience", "log", "log_format", "metrics")
    running = {name: options.pop(name) for name in names}
    context.obj = ServeOptions(**options)
    if context.invoked_subcommand is None:
        context.exit(_serve(context.obj, **running))


def _serve(options: ServeOptions, *, log_format: str, **running: Any) -> int:
    # What is wrong with the options is said here, and the tables are there when workers start.
    open_desk(options).close()
    from trueup.interfaces.web.run import Running, run

    if log_format == "auto":
        log_format = "text" if sys.stderr.isatty() else "json"
    click.echo(
        f"index in `{data_folder(options)}`, listening on http://{options.host}:{options.port}/",
        err=True,
    )
    run(
        partial(open_desk, options),
        Running(
            host=options.host,
            port=options.port,
            largest=options.largest * _GIB,
            log_form=log_format,
            **running,
        ),
    )
    return HOLDS


for _subcommand in (
    serveadmin.token,
    serveadmin.publish,
    serveadmin.fsck,
    servebackup.backup,
    servebackup.restore,
):
    command.add_command(_subcommand)
