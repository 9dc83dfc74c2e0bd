"""The application in its processes, with what must happen every now and then.

One worker is a process of its own kind; several are started, watched and replaced by uvicorn's
supervisor, take requests from one socket, and follow each other by the number in the database.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import secrets
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, Literal

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from trueup.features.serve.desk import Desk
from trueup.features.serve.policies import ReadRules
from trueup.interfaces.web.heap import share_arenas
from trueup.interfaces.web.logs import Log, LogHandler
from trueup.interfaces.web.rates import Limits
from trueup.model.errors import SourceError, TrueupError, UsageError
from trueup.sources.store.failures import StoreError

__all__ = ["Running", "address_of", "listen", "run"]

_PULSE = 0.5
"""Seconds between looks at what other workers changed."""

_LEASE = 30.0
"""Seconds after which another worker does what one does for all, if that one is gone."""

_LEASE_NAME = "chores"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How an index runs: how many ``workers``; whether the log is ``json`` or ``text`` and how much
    it says: ``requests``, ``changes`` (no pages from memory) or ``none``; ``largest`` in bytes; how
    many seconds answers under way may still take; whether there are publishing ``sessions``; for
    whom channels are, and how much one may ask.
    """

    largest: int
    workers: int = 1
    log_form: str = "text"
    log: str = "changes"
    metrics: bool = True
    patience: int = 60
    sessions: bool = False
    readers: ReadRules = field(default_factory=ReadRules)
    limits: Limits = field(default_factory=Limits)

    def new_log(self) -> Log | None:
        """The log, on stderr."""
        if self.log == "none":
            return None
        return Log(sys.stderr, form=self.log_form, everything=self.log == "requests")


def run(open_desk: Callable[[], Desk], running: Running, listener: socket.socket) -> None:
    """Serve until a signal says to stop; answers under way are finished first.

    ``open_desk`` is called in each worker. Raises TrueupError for what a worker could not start
    with.
    """
    config = uvicorn.Config(
        partial(_application, open_desk, running),
        factory=True,
        http=_protocol(),
        workers=running.workers,
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=running.patience,
    )
    if running.workers == 1:
        with _calm():
            uvicorn.Server(config).run([listener])
        return
    _take_logs(running.new_log(), logging.INFO)
    from trueup.interfaces.web.metrics import FOLDER

    with TemporaryDirectory(prefix="trueup-metrics-") as folder:
        os.environ[FOLDER] = folder
        supervisor = _Supervisor(config, [listener])
        supervisor.run()
    if any(one.exitcode == STARTUP_FAILURE for one in supervisor.processes):
        raise SourceError("a worker could not start", hint="the log says why")


def _protocol() -> type[asyncio.Protocol] | Literal["auto"]:
    """Who speaks HTTP; without httptools it is h11, which has bounds of its own."""
    try:
        from trueup.interfaces.web.bounded import Bounded
    except ImportError:
        return "auto"
    return Bounded


def listen(host: str, port: int) -> socket.socket:
    """Take an address (port 0: any that is free); raises UsageError if that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise UsageError(
            f"cannot listen on `{host}:{port}`: {_words(error)}",
            hint="`--port` names another port",
        ) from error


def address_of(listener: socket.socket) -> str:
    """`http://127.0.0.1:8600/`, as a browser on this machine takes it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _words(error: OSError) -> str:
    # The address stands before it already; `socket` repeats it in brackets.
    return (error.strerror or str(error)).partition(" (while ")[0]


class _Supervisor(Multiprocess):
    """Starts the workers again that die; a terminal that goes away ends it like other signals."""

    def keep_subprocess_alive(self) -> None:
        # uvicorn's own waits for each worker's answer, also for one that is only just starting, and
        # hears no signal meanwhile.
        for number, process in enumerate(self.processes):
            if self.should_exit.is_set() or process.process.is_alive():
                continue
            process.join()
            if process.exitcode == STARTUP_FAILURE:
                # It would fail in the same way each time.
                self.should_exit.set()
                return
            logging.getLogger("uvicorn.error").warning(
                "worker %s died (exit code %s), another takes its place",
                process.pid,
                process.exitcode,
            )
            self.processes[number] = Process(self.config, self.sockets)
            self.processes[number].start()

    def handle_hup(self) -> None:
        if _is_interactive():
            self.should_exit.set()


@contextmanager
def _calm() -> Iterator[None]:
    """Signals end the server in peace, and are done with then."""

    def nothing(number: int, frame: FrameType | None) -> None:
        """uvicorn has seen the signal, and raises it again when it is finished."""

    before = {one: signal.signal(one, nothing) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _is_interactive() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _hung_up(number: int, frame: FrameType | None) -> None:
    # Without a terminal there is nothing to hang up; who sends this means another program, which
    # reads its settings again.
    if _is_interactive():
        signal.raise_signal(signal.SIGTERM)


def _take_logs(log: Log | None, level: int) -> None:
    """What the server library says goes where all goes."""
    logger = logging.getLogger("uvicorn")
    logger.handlers = [logging.NullHandler() if log is None else LogHandler(log)]
    logger.propagate = False
    logging.getLogger("uvicorn.error").setLevel(level)


def _application(open_desk: Callable[[], Desk], running: Running) -> ASGIApp:
    """The application of one worker; called once, in its process."""
    share_arenas()
    log = running.new_log()
    _take_logs(log, logging.WARNING)
    parent = multiprocessing.parent_process()
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _hung_up if parent is None else signal.SIG_IGN)
    while True:
        try:
            return _Worker(open_desk(), running, log).app
        except StoreError as error:
            # One worker alone says so at once; a new one among several waits for the database.
            if parent is None or not parent.is_alive():
                raise
            if log is not None:
                log.event("store", error=str(error))
            time.sleep(1)
        except TrueupError as error:
            if parent is None:
                raise
            if log is not None:
                log.event("start", error=str(error))
            sys.exit(STARTUP_FAILURE)


class _Worker:
    """One process: its desk, and two threads beside the answers."""

    def __init__(self, desk: Desk, running: Running, log: Log | None) -> None:
        from trueup.interfaces.web.app import make_app
        from trueup.interfaces.web.operation import Operation

        self._desk = desk
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._held_until = self._asked = -_LEASE
        self._stop = threading.Event()
        self._parent = multiprocessing.parent_process()
        self._operation = Operation(desk, log=log, metrics=running.metrics)
        self.app = make_app(
            desk,
            largest=running.largest,
            operation=self._operation,
            readers=running.readers,
            limits=running.limits,
            lifespan=self._living,
            sessions=running.sessions,
        )

    @asynccontextmanager
    async def _living(self, app: Any) -> AsyncIterator[None]:
        threads = [
            threading.Thread(target=self._every_pulse, args=(work,), name=name, daemon=True)
            for name, work in (("trueup-pulse", self._follow), ("trueup-chores", self._chores))
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(timeout=5)
            with suppress(TrueupError):
                self._desk.store.give_back(_LEASE_NAME, self._name)
            scratch = self._desk.blobs.scratch
            self._desk.close()
            shutil.rmtree(scratch, ignore_errors=True)

    def _every_pulse(self, work: Callable[[], None]) -> None:
        while not self._stop.wait(_PULSE):
            # The database may be away for a moment; the next beat sees.
            with suppress(TrueupError):
                work()

    def _follow(self) -> None:
        if self._parent is not None and not self._parent.is_alive():
            # Nobody would replace this worker, or could stop it: the next start needs the address.
            os.kill(os.getpid(), signal.SIGTERM)
            self._stop.set()
        self._operation.collect()
        self._desk.follow()

    def _chores(self) -> None:
        if self._has_lease():
            self._desk.publish_quiet()

    def _has_lease(self) -> bool:
        """Whether this worker does what one does for all; asked of the database only at times."""
        now = time.monotonic()
        if now < self._held_until - _LEASE / 2:
            return True
        if now < self._asked + _LEASE / 6 and now >= self._held_until:
            return False
        self._asked = now
        if self._desk.store.hold(_LEASE_NAME, self._name, _LEASE):
            self._held_until = now + _LEASE
            return True
        self._held_until = -_LEASE
        return False
