"""The application in a server of its own, with what must happen every now and then."""

from __future__ import annotations

import threading

import uvicorn

from trueup.features.serve.desk import Desk
from trueup.interfaces.web.app import make_app
from trueup.model.errors import TrueupError

__all__ = ["run"]

_PULSE = 0.5
"""Seconds between looks at what other workers changed."""


def run(desk: Desk, *, host: str, port: int, largest: int) -> None:
    """Serve until a signal says to stop; answers under way are finished first."""
    stop = threading.Event()
    pulse = threading.Thread(target=_beat, args=(desk, stop), name="trueup-pulse", daemon=True)
    config = uvicorn.Config(
        make_app(desk, largest=largest),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=30,
    )
    pulse.start()
    try:
        uvicorn.Server(config).run()
    finally:
        stop.set()
        pulse.join(timeout=5)
        desk.close()


def _beat(desk: Desk, stop: threading.Event) -> None:
    while not stop.wait(_PULSE):
        try:
            desk.follow()
            desk.publish_quiet()
        except TrueupError:
            # The database is away for a moment; the next beat sees.
            continue
