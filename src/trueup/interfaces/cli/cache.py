"""`trueup cache`: where things are kept, how much that is, and away with it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trueup.sources.cache import Cache

__all__ = ["command"]


class _Verbs(click.Group):
    """Its help says "Verbs", as that of `trueup` does."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(
                [(name, verb.get_short_help_str()) for name, verb in sorted(self.commands.items())]
            )


@click.group(name="cache", cls=_Verbs, subcommand_metavar="VERB")
def command() -> None:
    """Show or clear what was kept from earlier runs.

    Only what cannot change is kept for good (metadata by its hash); index pages are asked for again
    each time, and sent only if they changed. `TRUEUP_CACHE_DIR` moves the folder.
    """


@command.command("dir")
def folder() -> None:
    """Print the folder."""
    from trueup.sources.cache import cache_folder

    click.echo(cache_folder(os.environ))


@command.command()
@click.option("--human", is_flag=True, help="Print `1.5 MB` instead of the number of bytes.")
def size(human: bool) -> None:
    """Print how many bytes are kept."""
    cache = _existing()
    count = 0
    if cache is not None:
        count = cache.size()
        cache.close()
    click.echo(_human(count) if human else count)


@command.command()
def clear() -> None:
    """Forget everything that was kept; the next run reads it again."""
    cache = _existing()
    count = 0
    if cache is not None:
        count = cache.clear()
        cache.close()
    click.echo(f"removed {count:,} {'entry' if count == 1 else 'entries'}", err=True)


def _existing() -> Cache | None:
    """The cache, if there is one: asking about it does not create it."""
    from trueup.interfaces.progress import NoteWatcher
    from trueup.sources.cache import cache_folder, open_cache

    if not cache_folder(os.environ).is_dir():
        return None
    return open_cache(os.environ, watcher=NoteWatcher(sys.stderr))


def _human(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
