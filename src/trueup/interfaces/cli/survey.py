"""`trueup survey`: audit a whole index, from a laptop to a cluster."""

from __future__ import annotations

import importlib

import click

__all__ = ["command"]

_SUBCOMMANDS = {
    "crawl": "Read a live index, politely, as far as releases have to be compared",
    "walk": "Take files in that lie in folders, in a mirror, or in the store of `serve`",
    "load": "Take an export of the public distribution-metadata table in",
    "audit": "Judge what was gathered",
    "report": "Answer the published questions, as text, JSON, or a page with charts",
    "query": "Ask anything in SQL",
}
"""Each is `survey<name>.py` of this package, imported when it is asked for."""

_EPILOG = """\b
Examples:
  trueup survey load dataset export/            take Parquet files of the public table in
  trueup survey audit dataset                   judge what was gathered in the folder `dataset`
  trueup survey report dataset --format html -o survey.html
  trueup survey query dataset "SELECT * FROM projects ORDER BY mergeable DESC LIMIT 9"
  trueup survey audit dataset --shard 2/8       an eighth of it, on the second of eight machines
"""


class _Subcommands(click.Group):
    """Subcommands are modules, as verbs are."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _SUBCOMMANDS:
            return None
        module = importlib.import_module(f"trueup.interfaces.cli.survey{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_SUBCOMMANDS.items()))


@click.group(name="survey", cls=_Subcommands, epilog=_EPILOG)
def command() -> None:
    """Audit a whole index: gather its files' metadata, judge every release, answer questions.

    Everything is kept in a DATASET: a folder, or `s3://bucket/prefix`.
    """
