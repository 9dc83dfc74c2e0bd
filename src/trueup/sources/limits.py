"""How much a file may cost to read; what is beyond is refused, not read in part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trueup.model.errors import LimitError

__all__ = ["Limits", "bounded", "check_size", "size_text"]

_KIB, _MIB, _GIB = 1024, 1024**2, 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """In bytes, unless said otherwise; the largest real values are a small part of each.

    - ``metadata``: a METADATA or PKG-INFO file, unpacked (descriptions reach some MB);
    - ``wheel``: a WHEEL file, unpacked;
    - ``pyproject``: a `pyproject.toml`, unpacked (its parser takes quadratic time in bad cases);
    - ``members``: entries of an archive, as a number (25,490 were seen);
    - ``directory``: a zip's central directory (3.2 MB were seen);
    - ``headers``: what a tar archive says about its members beyond 512 bytes for each, in sum;
    - ``packed`` and ``unpacked``: what is read of an sdist, as stored and as unpacked;
    - ``ratio``: unpacked to packed, as a number, once ``ratio_from`` bytes are unpacked;
    - ``after_pkg_info``: how far an unpacked sdist is searched for `pyproject.toml` after its
      PKG-INFO was found;
    - ``binary``: a shared object, unpacked, which is read as a whole (1.6 GiB were seen);
    - ``memory``: what unpacking may take for its tables (`xz -9` takes 65 MiB).
    """

    metadata: int = 16 * _MIB
    wheel: int = _MIB
    pyproject: int = 512 * _KIB
    members: int = 200_000
    directory: int = 64 * _MIB
    headers: int = 64 * _MIB
    packed: int = 2 * _GIB
    unpacked: int = 2 * _GIB
    ratio: int = 200
    ratio_from: int = 64 * _MIB
    after_pkg_info: int = 256 * _MIB
    binary: int = 4 * _GIB
    memory: int = 128 * _MIB

    def too_many(self, what: str) -> LimitError:
        """The error for an archive with more than ``members`` of ``what``."""
        return LimitError(
            f"has too many {what}",
            found=f"more than {self.members:,}",
            expected=f"at most {self.members:,}",
        )


def check_size(what: str, size: int, limit: int) -> None:
    """Raise LimitError if ``size``, which ``what`` has or claims to have, is above ``limit``."""
    if size > limit:
        raise LimitError(
            f"{what} is too large", found=size_text(size), expected=f"at most {size_text(limit)}"
        )


def size_text(size: int) -> str:
    """A number of bytes for people: ``16 MiB``, ``10,000,000,000 bytes``."""
    for unit, name in ((_GIB, "GiB"), (_MIB, "MiB"), (_KIB, "KiB")):
        if size % unit == 0 and 0 < size // unit < 4096:
            return f"{size // unit} {name}"
    return f"{size:,} bytes"


def bounded(parts: Iterable[bytes], limit: int, *, place: str) -> Iterator[bytes]:
    """The parts of a file as they come; LimitError once they are more than ``limit`` bytes."""
    size = 0
    for part in parts:
        size += len(part)
        if size > limit:
            raise LimitError(
                "the file is too large",
                found=f"more than {limit} bytes",
                expected=f"at most {limit} bytes",
                place=(place,),
            )
        yield part
