"""The environments that a lock is made for: from `--for`, the settings, or the running one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from packaging.specifiers import SpecifierSet

from trueup.interfaces.lockconfig import LockSettings
from trueup.model.errors import UsageError
from trueup.model.python import NEWEST_PYTHON
from trueup.model.requirement import version_range
from trueup.model.target import OLDEST_PYTHON, Target, parse_targets

__all__ = ["request_targets"]


def request_targets(
    asked: Sequence[str],
    settings: LockSettings,
    requires_python: SpecifierSet | None,
    running: Callable[[], Target],
    recorded: Callable[[], Sequence[str]] = tuple,
) -> tuple[Target, ...]:
    """The targets of a lock, sorted, without those that `requires-python` excludes.

    What was ``asked`` for (`--for`) wins over the settings, these over what is ``recorded`` in
    the lock that is there; where none of them names one it is the ``running`` environment. Raises UsageError if the project runs in none of them.
    """
    named = {target for text in asked for target in parse_targets(text)}
    if not named:
        named = set(settings.targets) or _matrix(settings, requires_python, running)
        named = named or {target for text in recorded() for target in parse_targets(text)}
    if named:
        targets = tuple(sorted(target for target in named if _admits(requires_python, target)))
        if not targets:
            raise UsageError(
                "the project runs in none of the targets",
                found=", ".join(f"`{target}`" for target in sorted(named)[:3]),
                expected=f"`requires-python = {requires_python}`",
                hint="name other targets, or widen `requires-python`",
            )
        return targets
    target = running()
    if not _admits(requires_python, target):
        raise UsageError(
            "the project does not run in the running environment",
            found=f"`{target}`",
            expected=f"`requires-python = {requires_python}`",
            hint=f"name the environments that the lock is for: `--for {_suitable(requires_python)}`",
        )
    return (target,)


def _matrix(
    settings: LockSettings, requires_python: SpecifierSet | None, running: Callable[[], Target]
) -> set[Target]:
    """The targets that `python` and `platforms` stand for; none if neither is set."""
    if settings.python is None and not settings.platforms:
        return set()
    platforms = settings.platforms or (str(running()).partition("-")[2],)
    wanted = settings.python or requires_python
    # Without a lower bound of the user's own, the maintained versions are meant.
    bounded = settings.python is not None and not _has_minor(settings.python, 0)
    first = 0 if bounded else OLDEST_PYTHON[1]
    pythons = [minor for minor in range(first, NEWEST_PYTHON[1] + 1) if _has_minor(wanted, minor)]
    if not pythons:
        raise UsageError(
            "`[tool.trueup.lock] python` holds no version of Python that is known",
            found=f"`{wanted}`",
            expected=f"versions up to {NEWEST_PYTHON[0]}.{NEWEST_PYTHON[1]}",
            place=(str(settings.path),) if settings.path is not None else (),
        )
    return {
        target
        for minor in pythons
        for platform in platforms
        for target in parse_targets(f"cp3{minor}-{platform}")
    }


def _has_minor(specifier: SpecifierSet | None, minor: int) -> bool:
    if specifier is None:
        return True
    # From the first final release on: nobody locks for what came before it.
    releases = version_range(SpecifierSet(f">=3.{minor},<3.{minor + 1}"))
    return not (version_range(specifier) & releases).is_empty


def _admits(requires_python: SpecifierSet | None, target: Target) -> bool:
    return _has_minor(requires_python, target.python[1])


def _suitable(requires_python: SpecifierSet | None) -> str:
    minors = [n for n in range(NEWEST_PYTHON[1], 0, -1) if _has_minor(requires_python, n)]
    return f"cp3{minors[0] if minors else NEWEST_PYTHON[1]}-linux-x86_64"
