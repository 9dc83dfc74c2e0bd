"""A control group for one run: memory and processes of all of it together, not one by one.

Version 2 (one tree) or version 1 (a tree for each controller), wherever we may make a group.
"""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["ROOT", "ControlGroup", "make_control_group"]

ROOT = Path("/sys/fs/cgroup")

_PATIENCE = 2.0
"""Seconds to wait until the kernel has taken away the last process of a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlGroup:
    """A group with limits; a context manager whose end removes it.

    ``folders`` are one (version 2) or two (version 1: memory, pids).
    """

    version: int
    folders: tuple[Path, ...]

    @property
    def entries(self) -> tuple[str, ...]:
        """The files into which a process writes ``0`` to become a member."""
        return tuple(str(folder / "cgroup.procs") for folder in self.folders)

    def out_of_memory(self) -> bool:
        """Whether the kernel ended a process of the group because it had no memory left."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        return self._count(name, "oom_kill") > 0

    def out_of_processes(self) -> bool:
        """Whether the group wanted more processes than it may have."""
        return self._count("pids.events", "max") > 0

    def _count(self, name: str, key: str) -> int:
        for folder in self.folders:
            try:
                lines = (folder / name).read_text().splitlines()
            except OSError:
                continue
            for line in lines:
                word, _, number = line.partition(" ")
                if word == key and number.strip().isdigit():
                    return int(number)
        return 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for folder in self.folders:
            _remove(folder)


def make_control_group(*, memory: int, processes: int, root: Path = ROOT) -> ControlGroup | None:
    """A new group with at most ``memory`` bytes and that many processes.

    None where we may not make one, or where the kernel does not count what is to be limited.
    """
    name = f"trueup-{os.getpid()}-{secrets.token_hex(4)}"
    if (root / "cgroup.controllers").is_file():
        limits = {"memory.max": memory, "memory.swap.max": 0, "pids.max": processes}
        return _make(2, ((root / name, limits),), required={"memory.max", "pids.max"})
    return _make(
        1,
        (
            (root / "memory" / name, {"memory.limit_in_bytes": memory}),
            (root / "pids" / name, {"pids.max": processes}),
        ),
        required={"memory.limit_in_bytes", "pids.max"},
    )


def _make(
    version: int, parts: tuple[tuple[Path, dict[str, int]], ...], *, required: set[str]
) -> ControlGroup | None:
    made: list[Path] = []
    try:
        for folder, limits in parts:
            folder.mkdir()
            made.append(folder)
            for name, value in limits.items():
                # A folder that is no control group would take any file; it must be there already.
                if (folder / name).is_file():
                    (folder / name).write_text(str(value))
                elif name in required:
                    raise FileNotFoundError(name)
    except OSError:
        for folder in made:
            _remove(folder)
        return None
    return ControlGroup(version=version, folders=tuple(made))


def _remove(folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                return  # an empty group costs nothing; an error here would hide the real one
            time.sleep(0.01)
        else:
            return
