"""Why an installer would build an sdist in some environment, and what that would need."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Explanation", "Language", "Needs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language to be compiled, and what tells that it is."""

    name: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a build would need, as far as the sdist says it without being run.

    ``external`` are the entries of `[external]` (PEP 725), with their key.
    """

    backend: str
    requires: tuple[str, ...]
    languages: tuple[Language, ...] = ()
    external: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What an installer would do with one release in one kind of environment.

    ``builds`` is True where it would build everywhere there, False where it would nowhere, None
    where it depends on details that the environment leaves open; ``wheels`` are those it would take
    instead. ``manual`` is the project's word that it should not be built by default, with its
    reason or without ('').
    """

    target: str
    builds: bool | None
    reason: str
    wheels: tuple[str, ...] = ()
    sdist: str | None = None
    needs: Needs | None = None
    manual: str | None = None
