"""Progress is told to an observer whose methods do nothing; only the interface layer draws."""

from __future__ import annotations

__all__ = ["Watcher"]


class Watcher:
    """Listens to long work; every method may be called from any thread."""

    def expect(self, count: int) -> None:
        """``count`` more steps will come."""

    def done(self, what: str) -> None:
        """One step is finished; ``what`` names it (a file, a project)."""

    def note(self, text: str) -> None:
        """Something worth saying that is not a finding, such as a retry."""
