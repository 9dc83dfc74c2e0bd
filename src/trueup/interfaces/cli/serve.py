"""`trueup serve`: an index that publishes releases whole, and serves every installer the truth."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from trueup.interfaces.cli import (
    serveadmin,
    servebackup,
    serveimport,
    servepublisher,
    servetoken,
    serveupload,
)
from trueup.interfaces.cli.errors import COULD_NOT, HOLDS, error_text
from trueup.interfaces.cli.serveoptions import given_options, serve_options
from trueup.interfaces.servecheck import check_options, explain_policy
from trueup.interfaces.serveconfig import read_options
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


@click.group(name="serve", invoke_without_command=True, epilog=_EPILOG)
@serve_options
@click.pass_context
def command(
    context: click.Context,
    /,
    config: Path | None,
    check_config: bool,
    project: str | None,
    channel: str,
    **options: Any,
) -> None:
    """An index of your own: releases appear whole, after all their files were compared."""
    context.obj = read_options(given_options(context), config, environ=os.environ)
    if project is not None and not check_config:
        raise click.UsageError("`--project` goes with `--check-config`")
    if check_config:
        context.exit(_check(context.obj, project, channel))
    if context.invoked_subcommand is None:
        context.exit(_serve(context.obj))


def _check(options: ServeOptions, project: str | None, channel: str) -> int:
    if project is not None:
        click.echo("\n".join(explain_policy(options, channel, project)))
        return HOLDS
    found = check_options(options, environ=os.environ, directory=Path.cwd())
    click.echo("\n".join(found.said))
    for fault in found.faults:
        click.echo(f"\n{error_text(fault)}", err=True)
    return COULD_NOT if found.faults else HOLDS


def _serve(options: ServeOptions) -> int:
    # What is wrong with the options is said here, and the tables are there when workers start.
    open_desk(options).close()
    from trueup.interfaces.web.run import Running, address_of, listen, run

    log_format = options.log_format
    if log_format == "auto":
        log_format = "text" if sys.stderr.isatty() else "json"
    listener = listen(options.host, options.port)
    click.echo(
        f"index in `{data_folder(options)}`, listening on {address_of(listener)}",
        err=True,
    )
    run(
        partial(open_desk, options),
        Running(
            largest=options.largest,
            workers=options.workers,
            log_form=log_format,
            log=options.log,
            metrics=options.metrics,
            patience=options.patience,
            sessions=options.sessions,
            readers=options.readers,
            limits=options.limits,
        ),
        listener,
    )
    return HOLDS


for _subcommand in (
    servetoken.token,
    serveadmin.publish,
    serveadmin.fsck,
    servebackup.backup,
    servebackup.restore,
    serveimport.bring,
    servepublisher.publisher,
    serveupload.upload,
):
    command.add_command(_subcommand)
