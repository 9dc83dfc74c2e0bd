"""What a view makes of each release of a project, for people: why files are hidden, yanked or left,
which patches have drifted, and what nobody looked into yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import Version
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from trueup.features.serve.desk import MAIN, Desk
from trueup.features.serve.outcome import Account, Outcome, Verdict
from trueup.features.serve.view import PATHS, View
from trueup.interfaces.web.access import channel_of
from trueup.interfaces.web.paging import sheet_of
from trueup.interfaces.web.render import page
from trueup.interfaces.web.visitor import Door
from trueup.model.errors import NotFoundError

__all__ = ["ViewPages"]

_ROWS = 100
_WORDS = {
    Verdict.SAME: ("as it was", "plain"),
    Verdict.CHANGED: ("derived wheels", "published"),
    Verdict.LEFT: ("left as it was", "irreconcilable"),
    Verdict.HIDDEN: ("a part is hidden", "irreconcilable"),
    Verdict.YANKED: ("a part is yanked", "irreconcilable"),
    Verdict.UNREAD: ("cannot be read", "warning"),
    Verdict.DRIFTED: ("drifted: not patched, yanked", "quarantined"),
    Verdict.FAILED: ("not looked into: tried again later", "warning"),
}
_NOT_YET = ("not looked into yet", "warning")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """``badge`` is the style of the words; ``said`` are sentences."""

    step: str
    version: Version
    words: str
    badge: str
    derived: int
    hidden: Sequence[str]
    said: Sequence[str]


class ViewPages:
    """A page for each view of a project; those of channels ask for a token that works there."""

    def __init__(self, desk: Desk, door: Door) -> None:
        self._desk = desk
        self._door = door

    async def view(self, request: Request) -> Response:
        """`/p/demo/views/corrected`, `/channels/mpi/demo/views/ledger/corrected`."""
        steps = f"/{request.path_params['steps']}"
        channel, project = channel_of(request), canonicalize_name(request.path_params["project"])
        if steps not in PATHS[1:]:
            raise NotFoundError("no such view", place=(steps,))
        if channel == MAIN:
            visitor = await self._door.visitor(request)
        else:
            visitor = await self._door.known(request)
            if not visitor.sees(channel, project):
                raise NotFoundError("no such project", place=(project,))
        view = View.at(channel, steps)
        accounts = await run_in_threadpool(self._desk.accounts, view, project)
        rows = [_row(one) for one in accounts]
        sheet = sheet_of(request, size=_ROWS).of(len(rows))
        return page(
            "views.html", visitor, private=channel != MAIN, title=f"{project}, {_name(view)}",
            project=project, view=view, name=_name(view), rows=sheet.cut(rows), sheet=sheet,
            several=len(view.steps) > 1, channel=None if channel == MAIN else channel,
            waits=sum(one.outcome is None for one in accounts),
        )  # fmt: skip


def _name(view: View) -> str:
    return ", then ".join(view.steps)


def _row(account: Account) -> _Row:
    outcome = account.outcome or Outcome(verdict=Verdict.SAME)
    words, badge = _WORDS[outcome.verdict] if account.outcome is not None else _NOT_YET
    return _Row(
        step=account.step,
        version=account.version,
        words=words,
        badge=badge,
        derived=len(outcome.derived),
        hidden=outcome.hidden,
        said=outcome.said,
    )
