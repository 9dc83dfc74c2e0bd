"""The audit log: who did what, filtered, a sheet at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from packaging.utils import canonicalize_name
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from trueup.features.serve.desk import Desk
from trueup.interfaces.web.render import page
from trueup.interfaces.web.visitor import Door, Visitor

__all__ = ["AuditPage"]

_SHOWN = 100
_LOOKS = 20
"""A token for little may have to look through much that is not its own: so often, then it goes on
from there with the next sheet."""


class AuditPage:
    """Everybody sees what was done to what they may change."""

    def __init__(self, desk: Desk, door: Door) -> None:
        self._desk = desk
        self._door = door

    async def audit(self, request: Request) -> Response:
        """Entries, the newest first."""
        visitor = await self._door.known(request)
        given = {name: request.query_params.get(name, "").strip() for name in _FILTERS}
        text = request.query_params.get("before", "")
        before = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None
        entries, last = await run_in_threadpool(self._entries, visitor, given, before)
        kept = [(name, value) for name, value in given.items() if value]
        return page(
            "audit.html", visitor, private=True, title="Audit log", entries=entries, given=given,
            older=f"/audit?{urlencode([*kept, ('before', last)])}" if last is not None else None,
            newest=f"/audit?{urlencode(kept)}" if before is not None else None,
        )  # fmt: skip

    def _entries(
        self, visitor: Visitor, given: Mapping[str, str], before: int | None
    ) -> tuple[list[Mapping[str, Any]], int | None]:
        """Entries that a visitor may see; and after which one older ones go on, if there are any."""
        project = given["project"]
        shown: list[Mapping[str, Any]] = []
        for _ in range(_LOOKS):
            found = self._desk.store.log(
                project=str(canonicalize_name(project)) if project else "",
                who=given["who"], action=given["action"], before=before, limit=_SHOWN,
            )  # fmt: skip
            for one in found:
                if len(shown) == _SHOWN:
                    return shown, before
                before = one["id"]
                if visitor.works_on(one["channel"], one["project"]):
                    shown.append(one)
            if len(found) < _SHOWN:
                return shown, None
        return shown, before


_FILTERS = ("project", "who", "action")
