"""`trueup`: the group of all verbs, and the one place where errors become words and exit codes."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Sequence

import click

from trueup import __version__
from trueup.interfaces.cli.errors import COULD_NOT, error_text
from trueup.model.errors import TrueupError

__all__ = ["cli", "main"]

INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""

_VERBS = {
    "amend": "Rewrite the metadata of wheels, dist-info folders or sdists, byte-exact otherwise",
    "cache": "Show or clear what was kept from earlier runs",
    "check": "Judge releases: do their files agree, and does it matter where not",
    "env": "Judge an installed environment: is it whole, and does it match what was published",
    "libs": "See the native code in wheels: who loads which copy, what is there twice",
    "lock": "Lock versions and files that are right in every target",
    "prove": "Build an sdist several times: does its metadata stay what it promises",
    "serve": "Run an index that publishes releases whole, and serves every installer the truth",
    "split": "Move bundled libraries out of wheels, into wheels of their own",
    "survey": "Audit a whole index: how often, and why, do the files of a release disagree",
    "verify": "Audit locks against the real files: does every target get what its files ask for",
}


class _Verbs(click.Group):
    """Verbs are modules of this package, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module = importlib.import_module(f"trueup.interfaces.cli.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # click would import every verb to ask for its one line.
        with formatter.section("Verbs"):
            formatter.write_dl(sorted(_VERBS.items()))


@click.group(
    cls=_Verbs,
    subcommand_metavar="VERB …",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit code 0: holds. 1: findings. 2: misuse, or it could not be done.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Make every file of a Python release tell installers the same story."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code, never raises for a user's mistake."""
    try:
        code = cli.main(args=arguments, prog_name="trueup", standalone_mode=False)
    except (KeyboardInterrupt, click.Abort):
        return _interrupted()
    except (TrueupError, click.ClickException, OSError, RecursionError) as error:
        click.echo(error_text(error), err=True)
        return COULD_NOT
    except Exception:
        # An uncaught exception would end with 1, which says "findings".
        import traceback

        traceback.print_exc()
        click.echo(
            "error: this is a bug in trueup\n\nhint: report it with the lines above", err=True
        )
        return COULD_NOT
    return code if isinstance(code, int) else 0


def _interrupted() -> int:
    if threading.active_count() > 1:
        # The interpreter would wait at exit for threads that wait for the network.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(INTERRUPTED)
    return INTERRUPTED
