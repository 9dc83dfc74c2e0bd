"""The lock as a whole: what it claims to cover, its entries, and the proof that it is sound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.markers import Marker as PackagingMarker
from packaging.specifiers import SpecifierSet

from trueup.features.lock.cells import Cell
from trueup.features.lock.drive import Resolved
from trueup.features.lock.merge import Kept, merge
from trueup.judge.lock import Audit, audit
from trueup.judge.lockrules import LOCK_RULES
from trueup.judge.picks import key_of
from trueup.model.errors import TrueupError
from trueup.model.finding import Finding, Severity
from trueup.model.lock import Lock, LockKind
from trueup.model.lockrequest import LockRequest
from trueup.model.marker import Marker, parse_marker
from trueup.model.space import Space, union
from trueup.model.target import Target

__all__ = ["assemble", "environments_of"]


def assemble(
    request: LockRequest, resolved: Resolved, *, path: str
) -> tuple[Lock, tuple[Kept, ...], Audit]:
    """The lock of the cells that can be served, what was left out of it, and its audit.

    The audit is the one of `trueup verify`, over the same files. Raises TrueupError if it finds the
    lock unsound: that is a mistake of trueup, and nothing may be written.
    """
    entries, kept = merge(resolved)
    cells = tuple(dict.fromkeys(placed.cell for placed in resolved.placed))
    targets = tuple(sorted({target for cell in cells for target in cell.targets}))
    lock = Lock(
        kind=LockKind.PYLOCK,
        path=path,
        entries=entries,
        requires_python=request.requires_python or _pythons(targets),
        environments=environments_of(resolved.field.space, cells),
        options=request.options,
        default=request.default & request.options,
        conflicts=request.conflicts,
        overrides=request.overrides,
        excluded=request.excluded,
        targets=tuple(map(str, targets)),
        roots=tuple(str(root.requirement) for root in request.roots if root.option is None),
        option_roots=tuple(
            (root.option, str(root.requirement))
            for root in request.roots
            if root.option is not None
        ),
    )
    # What was read of others on the way is no part of the lock, and would only cut the space.
    known = resolved.field.stock.supply.readings
    keys = {key_of(file) for entry in entries for file in entry.files}
    found = audit(lock, targets, {key: known[key] for key in sorted(keys & known.keys())})
    wrong = [
        finding
        for rule in LOCK_RULES
        for finding in rule.check(found)
        if finding.severity is Severity.ERROR
    ]
    if wrong:
        raise TrueupError(
            "the lock that was made is not sound, so it is not written",
            found=_told(wrong),
            hint="this is a bug in trueup; report it with the requirements and the targets",
        )
    return lock, kept, found


def _told(findings: Sequence[Finding]) -> str:
    first = findings[0]
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"`{first.code}`: {first.project} {first.version} {first.message}, {first.where}{more}"


def _pythons(targets: Iterable[Target]) -> SpecifierSet:
    """From the oldest Python of the targets on; the environments say the rest."""
    major, minor = min(target.python for target in targets)
    return SpecifierSet(f">={major}.{minor}")


def environments_of(space: Space, cells: Sequence[Cell]) -> tuple[Marker, ...]:
    """The environments that cells stand for, as markers that hold nowhere else.

    One for each platform, machine and implementation, with the Pythons in it.
    """
    served = union(cell.around for cell in cells)
    found = []
    hosts = space.by_host(lambda host: host.marker_part)
    names = space.by_interpreter(lambda item: item.name)
    for (platform, machine), here in hosts.items():
        for name, mine in names.items():
            points = served & here & mine
            if not points:
                continue
            found += [
                f'{pythons} and implementation_name == "{name}" and '
                f'sys_platform == "{platform.sys_platform}" and '
                f'platform_machine == "{machine}"'
                for pythons in _ranges(space, points)
            ]
    return tuple(parse_marker(PackagingMarker(text)) for text in found)


def _ranges(space: Space, points: int) -> list[str]:
    """The Pythons of a set as ranges of versions."""
    values = space.pythons.values
    inside = [bool(points & space.python_set([p])) for p in range(len(values))]
    texts = []
    start: int | None = None
    for p, present in enumerate([*inside, False]):
        apart = bool(start is not None and present and _minors_between(values[p - 1], values[p]))
        if start is not None and (not present or apart):
            following = values[p] if p < len(values) and not apart else None
            texts.append(_range(values[start], values[p - 1], following))
            start = None
        if present and start is None:
            start = p
    return texts


def _minor(version: str) -> tuple[int, int]:
    major, minor, _ = version.split(".")
    return int(major), int(minor)


def _minors_between(before: str, after: str) -> bool:
    one, two = _minor(before), _minor(after)
    return one != two and (one[0], one[1] + 1) != two


def _range(low: str, high: str, following: str | None) -> str:
    """From the representative ``low`` to the end of what ``high`` stands for.

    ``following`` is the next one: within the same minor version it is the bound.
    """
    if following is not None and _minor(following) == _minor(high):
        upper = f'python_full_version < "{following}"'
    else:
        major, minor = _minor(high)
        if low.endswith(".0") and _minor(low) == _minor(high):
            return f'python_version == "{major}.{minor}"'
        upper = f'python_version < "{major}.{minor + 1}"'
    if low.endswith(".0"):
        return f'python_version >= "{low.removesuffix(".0")}" and {upper}'
    return f'python_full_version >= "{low}" and {upper}'
