"""What compiled-in text says of libraries: their version, and how they were configured.

Two builds may export the same symbols and still be no substitute for each other; such text is often
the only static witness. It also shows copies that are linked statically.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from trueup.model.library import Witness

__all__ = ["witnesses_in"]

_LONGEST = 400
"""Characters that are kept of one text; OpenBLAS's configuration has about 100."""

_WINDOW = 1024 * 1024
_BACK = 2
"""Bytes before a mark that a pattern may begin at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sign:
    """``mark`` is what is looked for, ``pattern`` what must match from ``back`` bytes before it."""

    library: str
    what: str
    mark: bytes
    pattern: re.Pattern[bytes]
    back: int = 0


def _sign(library: str, what: str, mark: bytes, pattern: bytes, back: int = 0) -> _Sign:
    return _Sign(
        library=library, what=what, mark=mark, pattern=re.compile(pattern, re.ASCII), back=back
    )


_VERSION, _CONFIGURATION, _PATH = "version", "configuration", "installation path"
_SIGNS = (
    _sign("openblas", _CONFIGURATION, b"OpenBLAS 0.", rb"OpenBLAS \d[ -~]*"),
    _sign("openssl", _VERSION, b"OpenSSL ", rb"OpenSSL \d+\.\d+\.\d[ -~]*? [A-Z][a-z]{2} \d{4}"),
    _sign("openssl", _PATH, b"OPENSSLDIR: ", rb"OPENSSLDIR: [ -~]*"),
    _sign("openssl", "modules path", b"MODULESDIR: ", rb"MODULESDIR: [ -~]*"),
    _sign("hdf5", _VERSION, b"HDF5 Version: ", rb"HDF5 Version: +\d[ -~]*"),
    _sign("hdf5", "thread safety", b"Threadsafety: ", rb"Threadsafety: +[ -~]*"),
    _sign("hdf5", "parallel", b"Parallel HDF5: ", rb"Parallel HDF5: +[ -~]*"),
    _sign("zlib", _VERSION, b"flate 1.", rb"(?:de|in)flate 1\.[ -~]*", _BACK),
    _sign("libpng", _VERSION, b"libpng version ", rb"libpng version \d[ -~]*"),
    _sign("libjpeg-turbo", _VERSION, b"libjpeg-turbo version ", rb"libjpeg-turbo version \d[ -~]*"),
    _sign("libcurl", _VERSION, b"libcurl/", rb"libcurl/\d[ -~]*"),
    _sign("sqlite", "compile option", b"ENABLE_FTS", rb"ENABLE_FTS\d[A-Z0-9_]*"),
    _sign("sqlite", "compile option", b"THREADSAFE=", rb"THREADSAFE=\d"),
    _sign("proj", _VERSION, b"Rel. ", rb"Rel\. \d+\.\d+\.\d+, [A-Z][ -~]*"),
    _sign("configure", _CONFIGURATION, b"--prefix=", rb"--prefix=[!-~]+ --[ -~]+"),
    _sign("openmp (LLVM)", _VERSION, b"LLVM OMP version: ", rb"LLVM OMP version: [ -~]*"),
    _sign("expat", _VERSION, b"expat_2.", rb"expat_2\.[ -~]*"),
)


def witnesses_in(parts: Iterable[bytes | memoryview]) -> tuple[Witness, ...]:
    """What the constant data of an image tells, each thing once, in a fixed order."""
    found: dict[Witness, None] = {}
    for part in parts:
        told: list[list[Witness]] = [[] for _ in _SIGNS]
        for data, last in _windows(part):
            for sign, texts in zip(_SIGNS, told, strict=True):
                texts += _told(sign, data, last)
        found |= dict.fromkeys(chain.from_iterable(told))
    return tuple(found)


def _windows(part: bytes | memoryview) -> Iterator[tuple[bytes, int]]:
    """Copies of a bounded size, each with the place before which a mark in it counts.

    They overlap, so that what a mark begins is whole in the window where it counts.
    """
    data = memoryview(part).cast("B")
    for start in range(0, max(len(data), 1), _WINDOW):
        before, end = max(0, start - _BACK), start + _WINDOW + _LONGEST
        yield bytes(data[before:end]), start + _WINDOW - before


def _told(sign: _Sign, data: bytes, last: int) -> Iterator[Witness]:
    start = data.find(sign.mark)
    while 0 <= start < last:
        match = sign.pattern.match(data, max(0, start - sign.back), start + _LONGEST)
        if match:
            yield Witness(sign.library, sign.what, match[0].decode("ascii").strip())
        start = data.find(sign.mark, start + len(sign.mark))
