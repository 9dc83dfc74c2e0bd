"""What a URL prefix names: a channel, and the steps that its files are seen through, in order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import permutations

from trueup.features.serve.policies import MAIN

__all__ = ["CORRECTED", "LEDGER", "MAIN", "PATHS", "View", "ViewPath", "path_of"]

CORRECTED, LEDGER = "corrected", "ledger"
_STEPS = (CORRECTED, LEDGER)

PATHS = tuple(
    "".join(f"/{name}" for name in names)
    for count in range(len(_STEPS) + 1)
    for names in permutations(_STEPS, count)
)
"""The part of an address that names the steps, for every view: none twice, in any order."""

_PAGE = re.compile(
    rf"(?:/c/(?P<channel>[a-z0-9-]+))?(?P<steps>{'|'.join(reversed(PATHS))})"
    r"/simple/(?P<project>[^/]+)/",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A channel (of which the main one and the index behind are part) seen through ``steps``.

    The first step looks at the files as they are, each other one at what the one before it makes of
    them: `/ledger/corrected/` corrects patched wheels, `/corrected/ledger/` patches corrected ones.
    """

    channel: str = MAIN
    steps: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Under which its pages are kept."""
        return f"{self.channel}/{'/'.join(self.steps) or 'faithful'}"

    @property
    def path(self) -> str:
        """What stands before `/simple/` in its addresses."""
        channel = "" if self.channel == MAIN else f"/c/{self.channel}"
        return channel + "".join(f"/{step}" for step in self.steps)

    @staticmethod
    def at(channel: str | None, steps: str) -> View:
        """The view of a channel (None: the main one) and of steps as an address writes them."""
        names = tuple(name for name in steps.split("/") if name)
        return View(channel=channel or MAIN, steps=names)


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewPath:
    """The page that an address names; ``channel`` and ``steps`` are what it says of the view."""

    view: View
    project: str
    channel: str | None
    steps: str


def path_of(path: str) -> ViewPath | None:
    """What the path of a page (`/c/mpi/corrected/simple/demo/`) names; None for any other."""
    match = _PAGE.fullmatch(path)
    if match is None:
        return None
    channel, steps = match["channel"], match["steps"]
    return ViewPath(
        view=View.at(channel, steps), project=match["project"], channel=channel, steps=steps
    )
