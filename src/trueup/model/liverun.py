"""What a running process has loaded, beside what reading the files says that it loads."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LiveRun", "Pool", "Probe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """An extension module to import, and the libraries with threads of their own that it loads.

    ``libraries`` are paths of files in the environment, as reading alone finds them.
    """

    module: str
    entry: str
    libraries: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A library as `threadpoolctl` sees it in the process; ``path`` with links resolved.

    ``version`` is None where it does not tell, ``threads`` how many it would use.
    """

    path: str
    user_api: str
    internal_api: str
    version: str | None
    threads: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRun:
    """One run; ``expected`` are absolute paths, links resolved, of what reading alone predicted.

    ``refused`` are modules that could not be imported, each with the error.
    """

    python: str
    imported: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    pools: tuple[Pool, ...]
    expected: tuple[str, ...]

    @property
    def confirmed(self) -> tuple[str, ...]:
        """Predicted, and loaded."""
        return tuple(sorted(set(self.expected) & self._loaded))

    @property
    def not_loaded(self) -> tuple[str, ...]:
        """Predicted, and not loaded."""
        return tuple(sorted(set(self.expected) - self._loaded))

    @property
    def not_expected(self) -> tuple[str, ...]:
        """Loaded, and not predicted: found at run time, or loaded by Python code."""
        return tuple(sorted(self._loaded - set(self.expected)))

    @property
    def _loaded(self) -> set[str]:
        return {pool.path for pool in self.pools}
