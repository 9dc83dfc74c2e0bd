"""`lock`: versions and files that are right in every target environment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trueup.features.lock.confirm import Confirmations, Looked, looked_at
from trueup.model.condition import Option
from trueup.model.lockrequest import LockRequest
from trueup.model.target import Target
from trueup.model.watcher import Watcher
from trueup.sources.supply import Supply

if TYPE_CHECKING:
    from trueup.features.lock.drive import Unserved
    from trueup.features.lock.merge import Kept
    from trueup.judge.lock import Audit
    from trueup.model.lock import Lock

__all__ = ["Confirmations", "Locked", "Profile", "lock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One lock: of all targets, or of those with one tag profile (``name``; empty for the usual)."""

    name: str
    lock: Lock
    kept: tuple[Kept, ...]
    audit: Audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """What locking gave.

    Several ``profiles`` where no single lock can serve all targets, because some that no marker
    tells apart need different files; none where no target can be served. ``looked`` is what has to
    be unchanged for the same answer, if that is simple to say.
    """

    profiles: tuple[Profile, ...]
    unserved: tuple[Unserved, ...]
    looked: Looked | None = None


def lock(
    request: LockRequest,
    supply: Supply,
    *,
    path: str = "pylock.toml",
    watcher: Watcher | None = None,
) -> Locked:
    """Lock for every target of the request, from what the supply has.

    The outcome depends only on the request and on what the supply lists and says. Raises UsageError
    for a request that makes no sense, SourceError if an index does not answer (nothing is known
    then), and TrueupError if a lock does not stand its own audit.
    """
    # A lock that is confirmed needs none of these, and importing them takes a while.
    from trueup.features.lock.assemble import assemble
    from trueup.features.lock.drive import resolve
    from trueup.features.lock.stock import Stock

    watcher = watcher or Watcher()
    request = _flat(request)
    stock = Stock(request, supply)
    resolved = resolve(stock, watcher=watcher)
    if not resolved.profiles:
        if not resolved.placed:
            return Locked(profiles=(), unserved=resolved.unserved)
        found, kept, audit = assemble(request, resolved, path=path)
        profile = Profile(name="", lock=found, kept=kept, audit=audit)
        looked = looked_at(resolved, found)
        return Locked(profiles=(profile,), unserved=resolved.unserved, looked=looked)
    profiles: list[Profile] = []
    unserved = list(resolved.unserved)
    gone = {item.target for item in unserved}
    for name, targets in _by_profile(request.targets).items():
        left = tuple(target for target in targets if target not in gone)
        if not left:
            continue
        preferred = request.preferred_by_profile.get(name, request.preferred)
        part = replace(request, targets=left, preferred=preferred)
        one = lock(part, supply, path=path, watcher=watcher)
        # One that has to be divided once more has names of its own in it.
        profiles += (replace(profile, name=profile.name or name) for profile in one.profiles)
        unserved += one.unserved
    return Locked(profiles=tuple(profiles), unserved=tuple(unserved))


def _flat(request: LockRequest) -> LockRequest:
    """Options of workspace members under names of their own: PEP 751 has one set of extras.

    They keep their names where these are unique, else the member's name stands before it.
    """
    options = {*request.options, *(one for group in request.conflicts for one in group)}
    names = Counter((option.kind, option.name) for option in options)

    def flat(option: Option) -> Option:
        if option.project is None:
            return option
        unique = names[option.kind, option.name] == 1
        name = option.name if unique else f"{option.project}-{option.name}"
        return Option(kind=option.kind, name=name)

    return replace(
        request,
        roots=tuple(
            replace(root, option=flat(root.option)) if root.option is not None else root
            for root in request.roots
        ),
        default=frozenset(map(flat, request.default)),
        assigned_by_option={
            flat(option): urls for option, urls in request.assigned_by_option.items()
        },
        conflicts=tuple(frozenset(map(flat, group)) for group in request.conflicts),
    )


def _by_profile(targets: Sequence[Target]) -> Mapping[str, Sequence[Target]]:
    found: dict[str, list[Target]] = {}
    for target in targets:
        found.setdefault(target.profile, []).append(target)
    if len(found) < 2:
        # What one level of libc accepts every higher one does, so this needs odd wheels.
        # PEP 751 ("File Name") allows no further dot in the name.
        found = {str(target).replace(".", "_"): [target] for target in targets}
    return dict(sorted(found.items()))
