"""What a sandbox's file system looks like: the system read-only, one place to write, no host."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

__all__ = ["BOX", "identity_files", "layout"]

BOX = "/box"
"""The folder inside that can be written to, and that is gone afterwards."""

_TEMPORARY, _SHARED = "/tmp", "/dev/shm"  # noqa: S108 - those inside
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SETTINGS = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d")
"""What of `/etc` compilers and the loader need; none of it is a secret."""


def identity_files(folder: Path, identity: int) -> Mapping[str, Path]:
    """Files that give the user inside a name, written to ``folder``; path inside → path."""
    texts = {
        "passwd": f"root:x:0:0::/:/bin/false\nbuilder:x:{identity}:{identity}::{BOX}/home:/bin/sh\n",
        "group": f"root:x:0:\nbuilder:x:{identity}:\n",
        "hosts": "127.0.0.1 localhost sandbox\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    }
    files = {}
    for name, text in texts.items():
        path = folder / name
        path.write_text(text)
        path.chmod(0o644)
        files[f"/etc/{name}"] = path
    return files


def layout(visible: Iterable[Path], *, size: int, files: Mapping[str, Path]) -> Iterator[str]:
    """Options of bubblewrap that make the file system; ``size`` is what can be written, in bytes."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in _SYSTEM:
        path = Path("/") / name
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    yield from ("--perms", "0755", "--dir", "/etc")
    for name in _SETTINGS:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for inside, path in files.items():
        yield from ("--ro-bind", str(path), inside)
    yield from ("--proc", "/proc", "--dev", "/dev")
    # Without a size, a file system in memory takes half of the host's.
    yield from ("--perms", "1777", "--size", str(size), "--tmpfs", _SHARED)
    yield from ("--perms", "1777", "--size", str(size // 4), "--tmpfs", _TEMPORARY)
    yield from ("--perms", "0777", "--size", str(size), "--tmpfs", BOX)
    for name in ("home", "tmp", "in"):
        yield from ("--perms", "0777", "--dir", f"{BOX}/{name}")
    made = {"/", "/usr", "/etc", _TEMPORARY, BOX}
    for path in visible:
        yield from _parents(path, made)
        yield from ("--ro-bind", str(path), str(path))
    # Who runs without root owns these; nothing may be written where there is no size.
    yield from ("--remount-ro", "/dev", "--remount-ro", "/")


def _parents(path: Path, made: set[str]) -> Iterator[str]:
    """The folders above a path, for everyone to pass; bubblewrap's own are for their owner alone."""
    for parent in reversed(path.parents):
        text = os.fspath(parent)
        if text not in made and not text.startswith("/usr/"):
            made.add(text)
            yield from ("--perms", "0755", "--dir", text)
