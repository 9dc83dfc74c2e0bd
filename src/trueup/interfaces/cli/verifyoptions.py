"""The options of `trueup verify`."""

from __future__ import annotations

from dataclasses import dataclass

import click

from trueup.interfaces.cli.options import (
    INDEX,
    NO_CACHE,
    REFRESH,
    REPORT,
    RULES,
    TALK,
    JudgingOptions,
)

__all__ = ["VerifyOptions", "verify_options"]

_OPTIONS = (
    click.Argument(["lock"], nargs=-1),
    click.Option(
        ["environments", "--for"],
        metavar="ENV",
        multiple=True,
        help="Judge for these targets instead of those that the lock claims: "
        "`cp312-linux-x86_64-glibc2.28`, `cp311..cp314-macos-arm64`, `linux`.",
    ),
    click.Option(
        ["since", "--since"],
        metavar="OLD",
        help="Tell only what the lock OLD does not have as well: what a change brings.",
    ),
    click.Option(
        ["explain", "--explain"],
        metavar="PACKAGE",
        help="Show, for each target, the way from a root of the lock to PACKAGE; judge nothing.",
    ),
    click.Option(
        ["fix", "--fix"],
        is_flag=False,
        flag_value="",
        metavar="[FILE]",
        help="Write a corrected `pylock.toml` beside the lock, or into FILE; versions stay where "
        "they can.",
    ),
    click.Option(
        ["export_uv_metadata", "--export-uv-metadata"],
        metavar="FILE",
        help="Write `[[tool.uv.dependency-metadata]]` for every release of the lock whose files "
        "disagree into FILE: a `pyproject.toml` or `uv.toml` is edited, another file is created.",
    ),
    INDEX,
    click.Option(
        ["index_map", "--index-map"],
        metavar="FROM=TO",
        multiple=True,
        help="Replace the beginning FROM of addresses in the lock and on index pages by TO, for "
        "mirrors.",
    ),
    click.Option(
        ["find_links", "--find-links"],
        metavar="DIR",
        multiple=True,
        help="Read files from this folder where it has them.",
    ),
    click.Option(
        ["offline", "--offline"],
        is_flag=True,
        help="Use what earlier runs kept and the folders of `--find-links`, and no network.",
    ),
    *RULES,
    *REPORT,
    REFRESH,
    NO_CACHE,
    *TALK,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions(JudgingOptions):
    """The command line of `trueup verify`, field by field as its options are named."""

    lock: tuple[str, ...] = ()
    since: str | None = None
    explain: str | None = None
    fix: str | None = None
    export_uv_metadata: str | None = None
    index_map: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    offline: bool = False
    refresh: bool = False


def verify_options() -> list[click.Parameter]:
    """The parameters of the command, in the order in which help shows them."""
    return list(_OPTIONS)
