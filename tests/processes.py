"""What processes use of this machine, from Linux's `/proc`: memory, open files, processor time."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["family", "load", "memory", "open_files", "processor_seconds", "threads"]


def load() -> float:
    """How many processes of this machine want to run, over the last minute."""
    return float(Path("/proc/loadavg").read_text("ascii").split()[0])


def _stat(number: int) -> list[str]:
    """The fields after the name: the state is the first, the parent the second."""
    try:
        text = Path(f"/proc/{number}/stat").read_text("utf-8", "replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def family(root: int) -> frozenset[int]:
    """A process and its descendants."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(path.name))
        if fields:
            parents[int(path.name)] = int(fields[1])
    found = {root}
    # A child may have a smaller number than its parent, once numbers begin anew.
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return frozenset(found)


def processor_seconds(processes: Iterable[int]) -> float:
    """What they have used of a processor so far."""
    ticks = 0
    for number in processes:
        fields = _stat(number)
        ticks += int(fields[11]) + int(fields[12]) if fields else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _status(processes: Iterable[int], key: str) -> int:
    total = 0
    for number in processes:
        try:
            text = Path(f"/proc/{number}/status").read_text("utf-8", "replace")
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(key))
    return total


def memory(processes: Iterable[int], *, peak: bool = False) -> float:
    """MiB that they hold now, or at most so far; what they share counts for each."""
    return _status(processes, "VmHWM:" if peak else "VmRSS:") / 1024


def threads(processes: Iterable[int]) -> int:
    """How many threads they have."""
    return _status(processes, "Threads:")


def open_files(processes: Iterable[int]) -> int:
    """Their open files and connections."""
    total = 0
    for number in processes:
        try:
            total += len(list(Path(f"/proc/{number}/fd").iterdir()))
        except OSError:
            continue
    return total
