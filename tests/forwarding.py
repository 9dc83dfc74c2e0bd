"""A line to a server that can be cut or go silent: what is behind it keeps what it has."""

from __future__ import annotations

import select
import socket
import threading
from types import TracebackType
from typing import Self

__all__ = ["Line"]


class Line:
    """Passes connections on to a port of this machine, while the context lasts."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._state = "whole"
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def cut(self) -> None:
        """Connections break, and new ones break at once."""
        self._state = "cut"
        with self._lock:
            for one in self._open:
                one.shutdown(socket.SHUT_RDWR)

    def silence(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self._state = "silent"

    def mend(self) -> None:
        """New connections are passed on again; those from before are gone."""
        self.cut()
        self._state = "whole"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._closing.set()
        self.cut()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, work: object, *arguments: object) -> None:
        assert callable(work)
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        while not self._closing.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            if self._state == "cut":
                near.close()
                continue
            self._start(self._pass, near, socket.create_connection(("127.0.0.1", self._target)))

    def _pass(self, near: socket.socket, far: socket.socket) -> None:
        with near, far:
            with self._lock:
                self._open |= {near, far}
            try:
                while not self._closing.is_set():
                    if self._state == "silent":
                        while self._state == "silent" and not self._closing.is_set():
                            self._closing.wait(0.05)
                        return
                    for one in select.select([near, far], [], [], 0.05)[0]:
                        data = one.recv(65536)
                        if not data:
                            return
                        (far if one is near else near).sendall(data)
            except OSError:
                return
            finally:
                with self._lock:
                    self._open -= {near, far}
