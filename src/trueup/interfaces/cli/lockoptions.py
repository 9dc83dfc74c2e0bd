"""The options of `trueup lock`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.interfaces.cli.options import NO_CACHE, REFRESH
from trueup.model.lockrequest import EVERYTHING, Irreconcilable, Prereleases, Strategy

if TYPE_CHECKING:
    from trueup.interfaces.lockinput import LockOptions

__all__ = ["LockCommand", "lock_options"]

_WHAT = (
    click.Argument(["requirement"], nargs=-1),
    click.Option(
        ["files", "-r", "--requirements"],
        metavar="FILE",
        multiple=True,
        help="Lock the requirements in FILE, such as `requirements.in`.",
    ),
    click.Option(
        ["constraints", "-c", "--constraints"],
        metavar="FILE",
        multiple=True,
        help="Versions may be only what FILE allows.",
    ),
    click.Option(
        ["targets", "--for"],
        metavar="ENV",
        multiple=True,
        help="Lock for these environments: `cp312-linux-x86_64-glibc2.28`, "
        "`cp311..cp314-macos-arm64`, `linux`; the running one if none is named.",
    ),
    click.Option(
        ["output", "-o", "--output"], metavar="FILE", help="Write the lock here (`pylock.toml`)."
    ),
    click.Option(
        ["requirements_txt", "--requirements-txt"],
        metavar="FOLDER",
        help="Write a `requirements.txt` with hashes for each target into FOLDER as well.",
    ),
)
_HOW = (
    click.Option(
        ["strategy", "--strategy"],
        type=click.Choice([item.value for item in Strategy]),
        help="`aligned`: the newest versions, from the newest Python on, and in the other targets "
        "the same wherever they can have them (default); `newest`: the newest that each target can "
        "have; `lowest`.",
    ),
    click.Option(
        ["irreconcilable", "--on-irreconcilable"],
        type=click.Choice([item.value for item in Irreconcilable]),
        help="Where no marker tells files of different dependencies apart: `keep` one kind of them "
        "(default), `refuse` the version, or lock the `union` of what they ask for.",
    ),
    click.Option(
        ["prereleases", "--prereleases"],
        type=click.Choice([item.value for item in Prereleases]),
        help="Whether pre-releases are candidates (default: `if-necessary`).",
    ),
    click.Option(
        ["exclude_newer", "--exclude-newer"],
        metavar="DATE",
        help="Take only files uploaded until DATE.",
    ),
    click.Option(
        ["only_binary", "--only-binary"],
        metavar="NAME",
        multiple=True,
        help="Never take an sdist of this project (`:all:` of any), even if it is static.",
    ),
    click.Option(
        ["allow_build", "--allow-build"],
        metavar="NAME",
        multiple=True,
        help="Build the sdist of this project in the sandbox where its metadata does not tell what "
        "it asks for (`:all:` of any).",
    ),
    click.Option(
        ["proofs", "--proof"],
        metavar="FILE",
        multiple=True,
        help="Believe this record of `trueup prove --record` about an sdist.",
    ),
    click.Option(
        ["upgrade", "-U", "--upgrade"],
        is_flag=True,
        help="Forget the versions of the lock that is there.",
    ),
    click.Option(
        ["upgrade_projects", "-P", "--upgrade-package"],
        metavar="NAME",
        multiple=True,
        help="Forget the version of this project only.",
    ),
    click.Option(
        ["require_all", "--require-all-targets"],
        is_flag=True,
        help="Write nothing unless every target can be served.",
    ),
)
_WHERE = (
    click.Option(
        ["index", "--index"],
        metavar="URL",
        multiple=True,
        help="Look projects up here, in this order; otherwise where uv and pip are set to look.",
    ),
    click.Option(
        ["find_links", "-f", "--find-links"],
        metavar="FOLDER",
        multiple=True,
        help="Take files of this folder as well, before those of an index.",
    ),
    REFRESH,
    NO_CACHE,
)
_ELSE = (
    click.Option(
        ["check", "--check"],
        is_flag=True,
        help="Write nothing; exit with 1 if the lock would change.",
    ),
    click.Option(
        ["why", "--why"],
        metavar="PACKAGE",
        help="Tell from the lock that is there why PACKAGE is in it.",
    ),
    click.Option(
        ["graph", "--graph"],
        metavar="FILE",
        help="Draw the lock that is there into FILE, an `.svg` or an `.html` page.",
    ),
    click.Option(["as_json", "--json"], is_flag=True, help="Tell everything as JSON lines."),
    click.Option(["quiet", "-q", "--quiet"], is_flag=True, help="Say only what went wrong."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockCommand:
    """The command line as it was given."""

    requirement: tuple[str, ...]
    files: tuple[str, ...]
    constraints: tuple[str, ...]
    targets: tuple[str, ...]
    output: str | None
    requirements_txt: str | None
    strategy: str | None
    irreconcilable: str | None
    prereleases: str | None
    exclude_newer: str | None
    only_binary: tuple[str, ...]
    allow_build: tuple[str, ...]
    proofs: tuple[str, ...]
    upgrade: bool
    upgrade_projects: tuple[str, ...]
    require_all: bool
    index: tuple[str, ...]
    find_links: tuple[str, ...]
    refresh: bool
    no_cache: bool
    check: bool
    why: str | None
    graph: str | None
    as_json: bool
    quiet: bool

    def wish(self) -> LockOptions:
        """What of it decides the request."""
        from trueup.interfaces.lockinput import LockOptions

        return LockOptions(
            targets=self.targets,
            output=Path(self.output) if self.output is not None else None,
            strategy=Strategy(self.strategy) if self.strategy else None,
            irreconcilable=Irreconcilable(self.irreconcilable) if self.irreconcilable else None,
            prereleases=Prereleases(self.prereleases) if self.prereleases else None,
            exclude_newer=self.exclude_newer,
            only_binary=_names(self.only_binary),
            allow_build=_names(self.allow_build),
            indexes=self.index,
            find_links=self.find_links,
            constraints=tuple(map(Path, self.constraints)),
            require_all_targets=self.require_all,
            upgrade=self.upgrade,
            upgrade_projects=self.upgrade_projects,
        )


def lock_options() -> list[click.Parameter]:
    """The parameters of the command, in the order in which help shows them."""
    return [*_WHAT, *_HOW, *_WHERE, *_ELSE]


def _names(values: tuple[str, ...]) -> frozenset[str]:
    """Project names, normalised; `:all:` stands for every project, as with pip."""
    from packaging.utils import canonicalize_name

    parts = [part.strip() for value in values for part in value.split(",") if part.strip()]
    return frozenset(EVERYTHING if part == ":all:" else canonicalize_name(part) for part in parts)
