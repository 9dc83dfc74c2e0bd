"""Progress on a terminal: a bar that appears only when the work takes more than a second."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from trueup.model.watcher import Watcher

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["PATIENCE", "BarWatcher", "NoteWatcher", "watching"]

PATIENCE = 1.0
"""Seconds of work before a bar is worth its flicker."""


@contextmanager
def watching(
    stream: TextIO, *, bar: bool, notes: bool, patience: float = PATIENCE
) -> Iterator[Watcher]:
    """A watcher for the length of a block.

    ``bar`` draws on ``stream`` after ``patience`` seconds (ask for it on a terminal only);
    ``notes`` writes every note as a line. With neither it is silent.
    """
    if bar:
        watcher = BarWatcher(stream, notes=notes, patience=patience)
        try:
            yield watcher
        finally:
            watcher.close()
    elif notes:
        yield NoteWatcher(stream)
    else:
        yield Watcher()


class NoteWatcher(Watcher):
    """Writes notes as lines, and nothing else: for logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def note(self, text: str) -> None:
        with self._lock:
            self._stream.write(f"note: {text}\n")
            self._stream.flush()


class BarWatcher(Watcher):
    """A `rich` progress bar, imported and drawn only once ``patience`` seconds have passed."""

    def __init__(self, stream: TextIO, *, notes: bool = False, patience: float = PATIENCE) -> None:
        self._stream = stream
        self._notes = notes
        self._lock = threading.Lock()
        self._expected = 0
        self._finished = 0
        self._latest = ""
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._closed = False
        # A timer rather than a look at the clock: the first step itself may take long.
        self._timer = threading.Timer(patience, self._show)
        self._timer.daemon = True
        self._timer.start()

    @property
    def shown(self) -> bool:
        """Whether the bar was ever drawn."""
        return self._progress is not None

    def expect(self, count: int) -> None:
        with self._lock:
            self._expected += count
            self._update()

    def done(self, what: str) -> None:
        with self._lock:
            self._finished += 1
            self._latest = what
            self._update()

    def note(self, text: str) -> None:
        with self._lock:
            if self._notes:
                if self._progress is not None:
                    self._progress.console.print(f"note: {text}", markup=False, highlight=False)
                else:
                    self._stream.write(f"note: {text}\n")
                    self._stream.flush()
            else:
                self._latest = text
                self._update()

    def close(self) -> None:
        """Take the bar away; nothing is drawn afterwards."""
        with self._lock:
            self._closed = True
            self._timer.cancel()
            if self._progress is not None:
                self._progress.stop()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.table import Column

        with self._lock:
            if self._closed:
                return
            # Long file names give way, never the count.
            count = MofNCompleteColumn(table_column=Column(no_wrap=True, min_width=9))
            name = Column(no_wrap=True, overflow="ellipsis", ratio=1)
            self._progress = Progress(
                BarColumn(bar_width=24),
                count,
                TextColumn("{task.description}", markup=False, table_column=name),
                console=Console(file=self._stream),
                expand=True,
                transient=True,
            )
            self._task = self._progress.add_task(self._latest, total=self._expected or None)
            self._progress.start()
            self._update()

    def _update(self) -> None:
        if self._progress is not None and self._task is not None and not self._closed:
            self._progress.update(
                self._task,
                total=self._expected or None,
                completed=self._finished,
                description=self._latest,
            )
