"""What happens, in one line each: JSON for machines, words on a terminal; never a secret.

Lines go out whole, in one write, so that those of several workers do not mix.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

from trueup.features.serve.watch import DeskWatcher
from trueup.interfaces.report.words import visible
from trueup.interfaces.web.watched import Exchange
from trueup.model.errors import TrueupError

__all__ = ["Log", "LogHandler", "clean"]

_LONGEST = 300
_LONGEST_TRACE = 6_000

_SECRETS = (
    (re.compile(r"://[^/\s]*@"), "://****@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w+/=.~-]{6,}"), r"\1 ****"),
    (re.compile(r"\btrueup-[\w-]{16,}"), "****"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "****"),
)
"""Addresses with a password, what `Authorization` says, tokens of ours, and signed ones (JWT)."""

_RANDOM = re.compile(r"[\w=+-]{24,}", re.ASCII)
"""A part of an unknown address that may be a secret: long, and without a dot."""


def clean(text: str, longest: int = _LONGEST) -> str:
    """A text that may have come from anywhere, without what looks like a secret, and not long."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


class Log(DeskWatcher):
    """Writes events; nothing that goes wrong while writing stops anything."""

    def __init__(
        self,
        stream: TextIO,
        *,
        form: str,
        everything: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``form`` is ``json`` or ``text``; ``everything``: also pages that come from memory."""
        self._stream = stream
        self._form = form
        self.everything = everything
        self._now = now
        self._lock = threading.Lock()

    def event(self, name: str, **fields: object) -> None:
        """One event; fields without a value are left out."""
        said = {key: _plain(key, value) for key, value in fields.items() if value not in (None, "")}
        at = self._now()
        if self._form == "json":
            moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            # Only ASCII: no control, and nothing that changes the direction of a text.
            line = json.dumps({"at": moment, "event": name, "worker": os.getpid(), **said})
        else:
            line = f"{at.astimezone():%H:%M:%S} {_words(name, said)}"
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    # --- what there is to tell ----------------------------------------------------------------------

    def exchange(self, found: Exchange) -> None:
        """One request."""
        if found.memory and not self.everything:
            return
        path = None
        if not found.route or found.memory:
            path = "/".join(_RANDOM.sub("…", part) for part in found.path.split("/"))
        self.event(
            "request",
            id=found.id,
            method=found.method,
            route=found.route,
            path=path,
            view=found.view,
            **found.parts,
            status=found.status,
            seconds=round(found.seconds, 4),
            sent=found.sent,
            received=found.received,
            who=found.who,
            client=found.client,
            agent=found.agent,
            memory=found.memory or None,
            error=found.error,
            trouble=found.trouble,
        )

    def write(self, entry: Mapping[str, Any]) -> None:
        """One entry of the audit log."""
        fields = {name: entry[name] for name in ("who", "action", "channel", "project", "version")}
        self.event("write", **fields, filename=entry["filename"], detail=entry["detail"])

    def asked(self, kind: str, what: str, seconds: float, error: TrueupError | None) -> None:
        if error is not None:
            self.event(
                "upstream", kind=kind, what=what, seconds=round(seconds, 4), error=str(error)
            )

    def looked(
        self, step: str, release: str, verdict: str, said: Sequence[str], seconds: float
    ) -> None:
        if verdict != "same":
            self.event(
                "release", view=step, release=release, verdict=verdict,
                seconds=round(seconds, 4), said="; ".join(said),
            )  # fmt: skip


def _plain(key: str, value: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    return clean(str(value), _LONGEST_TRACE if key == "trouble" else _LONGEST)


def _words(name: str, said: Mapping[str, object]) -> str:
    """An event for people."""
    shown = {key: visible(str(value)) for key, value in said.items()}
    trouble = said.get("trouble")
    match name:
        case "request":
            where = shown.get("path") or _filled(shown)
            text = f"{shown['method']} {where} {shown['status']} {said['seconds']} s"
            text += f" {said['sent']:,} B"
            text += "".join(f" {shown[key]}" for key in ("who", "agent", "error") if key in shown)
        case "write":
            keys = ("who", "action", "project", "version", "filename", "channel", "detail")
            text = " ".join(shown[key] for key in keys if key in shown)
        case _:
            text = " ".join([name, *(shown[key] for key in shown if key != "trouble")])
    if isinstance(trouble, str):
        text += "".join(f"\n  {visible(line)}" for line in trouble.splitlines())
    return text


def _filled(shown: Mapping[str, str]) -> str:
    """An address as it was asked for, as far as it may be told."""
    return re.sub(
        r"\{(\w+)(?::\w+)?\}", lambda found: shown.get(found[1], "…"), shown.get("route", "")
    )


class LogHandler(logging.Handler):
    """What the server library says, as events like all others."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        trouble = None
        if record.exc_info:
            trouble = logging.Formatter().formatException(record.exc_info)
        self._log.event(
            "server", level=record.levelname.lower(), message=record.getMessage(), trouble=trouble
        )
