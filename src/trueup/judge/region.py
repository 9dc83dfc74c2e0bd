"""Environment sets in words, for readers."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.model.platform import Host, level_words
from trueup.model.space import Space, union

__all__ = ["describe"]

_MAX_ROWS = 6


def describe(space: Space, points: int, within: int) -> str:
    """``Linux x86_64: Python 3.8 to 3.10; Windows AMD64: Python 3.8``, exact for hosts and Pythons.

    ``within`` is what goes without saying, such as everything that any wheel covers: a region equal
    to it is ``everywhere``, and levels, Pythons or implementations are named only where they are
    not all that occur in it.
    """
    if not points:
        return "nowhere"
    # Next to nobody has the rare ones: they are named only where there is nothing else to name.
    points, within = points & ~space.rare or points, within & ~space.rare | points
    if points == within:
        return "everywhere"
    every_python = _pythons(space, within)
    rows: dict[tuple[str, ...], list[Host]] = {}
    for host, here in space.by_host(lambda host: host).items():
        if inside := points & here:
            pythons = _pythons(space, inside)
            words = () if pythons == every_python else pythons
            around = within & here & _same_pythons(space, inside)
            rows.setdefault((*words, *_interpreters(space, inside, around)), []).append(host)
    present = [host for host, here in space.by_host(lambda host: host).items() if within & here]
    texts = [
        ": ".join(part for part in (_hosts(hosts, present), ", ".join(words)) if part)
        for words, hosts in rows.items()
    ]
    if len(texts) > _MAX_ROWS:
        texts = [*texts[:_MAX_ROWS], f"and {len(texts) - _MAX_ROWS} more"]
    return "; ".join(texts)


def _pythons(space: Space, points: int) -> tuple[str, ...]:
    """The Python versions as ranges, such as ``Python 3.8 to 3.10``."""
    inside = [bool(points & space.python_set([p])) for p in range(len(space.pythons.values))]
    ranges: list[str] = []
    start: int | None = None
    for p, present in enumerate([*inside, False]):
        if present and start is None:
            start = p
        elif not present and start is not None:
            low, high = _short(space.pythons.values[start]), _short(space.pythons.last[p - 1])
            if p == len(inside):
                ranges.append(f"Python {low} and newer")
            else:
                ranges.append(f"Python {low}" if low == high else f"Python {low} to {high}")
            start = None
    return tuple(ranges)


def _same_pythons(space: Space, points: int) -> int:
    """All points with a Python that occurs in the set."""
    blocks = (space.python_set([p]) for p in range(len(space.pythons.values)))
    return union(block for block in blocks if points & block)


def _short(version: str) -> str:
    """The minor version, unless the interval starts within one."""
    minor, _, patch = version.rpartition(".")
    return minor if patch == "0" else version


def _interpreters(space: Space, points: int, within: int) -> tuple[str, ...]:
    """Which implementations, where not all of them that occur there."""
    present: dict[str, None] = {}
    whole = True
    for item, here in space.by_interpreter(lambda item: item).items():
        if points & here:
            present[" ".join(word for word in (item.implementation, item.words) if word)] = None
        elif within & here:
            whole = False
    return () if whole else (" and ".join(present),)


def _levels(inside: Sequence[Host], around: Sequence[Host]) -> list[str]:
    """The levels in words, neighbouring ones as one range: ``glibc ≥ 2.17 and < 2.28``."""
    kinds = dict.fromkeys((host.kind, host.arch) for host in inside)
    words: list[str] = []
    for kind, arch in kinds:
        mine = [host for host in inside if (host.kind, host.arch) == (kind, arch)]
        every = sorted(
            (host for host in around if (host.kind, host.arch) == (kind, arch)),
            key=lambda host: host.floor,
        )
        if not kind or len(every) < len(mine):
            words += (host.words for host in mine if host.words)
            continue
        words += _runs([host in mine for host in every], every)
    return list(dict.fromkeys(words))


def _runs(flags: Sequence[bool], levels: Sequence[Host]) -> list[str]:
    """One text for each run of levels, ascending ones; highest first, as readers look for it."""
    texts = []
    start: int | None = None
    for index, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = index
        elif not flag and start is not None:
            texts.append(_run(levels, start, index))
            start = None
    return texts[::-1]


def _run(levels: Sequence[Host], start: int, end: int) -> str:
    if end - start == 1:
        return levels[start].words
    low = levels[start].floor if start else None
    return level_words(levels[0].kind, low, levels[end].floor if end < len(levels) else None)


def _hosts(hosts: Sequence[Host], present: Sequence[Host]) -> str:
    """``Linux x86_64 and aarch64, macOS arm64``, with the level where not all levels are meant."""
    machines: dict[str, dict[str, list[Host]]] = {}
    for host in hosts:
        machines.setdefault(host.platform.words, {}).setdefault(host.machine, []).append(host)
    parts = []
    for platform, found in machines.items():
        names = []
        for machine, inside in found.items():
            around = [
                other
                for other in present
                if other.platform.words == platform and other.machine == machine
            ]
            words = _levels(inside, around)
            whole = len(inside) >= len(around) or not words
            name = "other machines" if machine == "other" else machine
            names.append(name if whole else f"{name} ({', '.join(words)})")
        parts.append("elsewhere" if platform == "other" else f"{platform} {', '.join(names)}")
    return ", ".join(parts)
