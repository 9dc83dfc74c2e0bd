"""The progress bar: on a terminal, late, and gone afterwards."""

from __future__ import annotations

import io
import threading

from trueup.interfaces.progress import BarWatcher, NoteWatcher, watching
from trueup.model.watcher import Watcher


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_short_work_draws_nothing() -> None:
    stream = Terminal()
    with watching(stream, bar=True, notes=False) as watcher:
        watcher.expect(2)
        watcher.done("a")
        watcher.done("b")
    assert stream.getvalue() == ""


def test_long_work_draws_even_while_the_first_step_runs() -> None:
    stream = Terminal()
    watcher = BarWatcher(stream, patience=0)
    watcher.expect(3)
    watcher._timer.join()
    assert watcher.shown
    watcher.done("demo-1.0-py3-none-any.whl" * 9)  # longer than any line
    watcher.close()
    assert "1/3" in stream.getvalue()


def test_steps_are_counted_from_many_threads() -> None:
    watcher = BarWatcher(Terminal(), patience=60)

    def work() -> None:
        for _ in range(100):
            watcher.done("x")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    watcher.close()
    assert watcher._finished == 800


def test_notes_are_lines_where_they_are_wanted() -> None:
    log = io.StringIO()
    with watching(log, bar=False, notes=True) as watcher:
        assert isinstance(watcher, NoteWatcher)
        watcher.expect(1)
        watcher.note("tried `https://index.test/simple/six/` again")
        watcher.done("six")
    assert log.getvalue() == "note: tried `https://index.test/simple/six/` again\n"
    terminal = Terminal()
    with watching(terminal, bar=True, notes=True) as watcher:
        watcher.note("a note")
    assert terminal.getvalue() == "note: a note\n"


def test_silent_otherwise() -> None:
    with watching(io.StringIO(), bar=False, notes=False) as watcher:
        assert type(watcher) is Watcher
