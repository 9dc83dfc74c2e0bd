"""One process, run to its end or to its time limit: what it prints, and what it gives back."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, cast

__all__ = ["Ended", "Pipe", "result_pipe", "run_process"]

_LOG = 64 * 1024
_CHUNK = 64 * 1024
_COMPLAINTS = {
    "disk": ("No space left on device", "File too large"),
    "processes": ("Resource temporarily unavailable",),
    "memory": ("MemoryError", "Cannot allocate memory", "out of memory", "std::bad_alloc"),
    "network": (
        "Network is unreachable",
        "Temporary failure in name resolution",
        "Name or service not known",
        "Could not resolve host",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended.

    ``status`` is the exit status, negative for a signal; ``stopped`` names the limit that ended
    it: `time`, `memory`, `processes`, `disk`, or `network` (there is none), or None; ``log`` is the end of what it printed;
    ``results`` is what it gave back.
    """

    status: int
    stopped: str | None
    log: str
    results: bytes
    seconds: float


@dataclass(slots=True)
class Pipe:
    """The descriptors of a pipe; -1 for one that is closed."""

    reader: int
    writer: int


@contextmanager
def result_pipe() -> Iterator[Pipe]:
    """A pipe for results, closed at the end if nobody did before."""
    reader, writer = os.pipe()
    pipe = Pipe(reader, writer)
    try:
        yield pipe
    finally:
        for descriptor in (pipe.reader, pipe.writer):
            if descriptor >= 0:
                os.close(descriptor)


class _Tail(threading.Thread):
    """Reads what a process prints, and keeps the end of it: a flood costs time, not memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._parts: deque[bytes] = deque()
        self._size = 0

    def run(self) -> None:
        while chunk := cast("bytes", self._stream.read1(_CHUNK)):  # type: ignore[attr-defined]
            self._parts.append(chunk)
            self._size += len(chunk)
            while self._size - len(self._parts[0]) >= _LOG:
                self._size -= len(self._parts.popleft())

    @property
    def text(self) -> str:
        return b"".join(self._parts)[-_LOG:].decode("utf-8", "replace")


class _Results(threading.Thread):
    """Reads results, up to a size; what is beyond is thrown away."""

    def __init__(self, descriptor: int, limit: int) -> None:
        super().__init__(daemon=True)
        self.data = bytearray()
        self.too_much = False
        self._descriptor = descriptor
        self._left = limit

    def run(self) -> None:
        with os.fdopen(self._descriptor, "rb", buffering=0) as stream:
            while chunk := stream.read(_CHUNK):
                if len(chunk) > self._left:
                    self.too_much = True
                    self._left = 0
                    continue
                self._left -= len(chunk)
                self.data += chunk


def run_process(
    command: Sequence[str],
    *,
    pipe: Pipe,
    inherited: Sequence[int],
    environment: Mapping[str, str],
    seconds: float,
    size: int,
) -> Ended:
    """Run a command that inherits these descriptors; ``size`` limits its results, in bytes."""
    started = time.monotonic()
    # To run what it is given is its purpose; callers confine it.
    process = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        cwd="/",
        pass_fds=tuple(inherited),
        start_new_session=True,
    )
    assert process.stdout is not None
    os.close(pipe.writer)
    results = _Results(pipe.reader, size)
    pipe.reader = pipe.writer = -1  # the thread closes the one, and the other is closed
    tail = _Tail(process.stdout)
    threads = (tail, results)
    for thread in threads:
        thread.start()
    stopped = None
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        stopped = "time"
    finally:
        _kill(process)
    for thread in threads:
        thread.join(5)
    process.stdout.close()
    if results.too_much:
        stopped = stopped or "disk"
    return Ended(
        status=process.returncode,
        stopped=stopped or (_complaint(tail.text) if process.returncode else None),
        log=tail.text,
        results=bytes(results.data),
        seconds=time.monotonic() - started,
    )


def _complaint(log: str) -> str | None:
    """What a failed run had too little of, by the words in which systems say so."""
    for stopped, words in _COMPLAINTS.items():
        if any(word in log for word in words):
            return stopped
    return None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and all it left behind; its whole process namespace ends with it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
