"""A file carries a library that was linked into it.

Text that was compiled in tells so. Such a copy cannot be split off or shared without building the
file again, and a security fix of the library needs a new release of this package. Only libraries
that say who they are can be seen; there may be more.

**Before**: `_rust.abi3.so` says `OpenSSL 4.0.3`, and asks for no `libcrypto`.

**After**: nothing needs to change; whoever wants to share the library links it dynamically.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.native import NativeMap
from trueup.judge.nativefinding import names_words, native_finding, once_per_cause, readable_files
from trueup.judge.rule import NativeRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.library import Image, NativeFile
from trueup.model.libraryname import known_as, parse_library_name

__all__ = ["RULE", "static_copies"]

CODE = "static-copy"
# The line of a configure script tells how the file itself was built.
_NO_LIBRARY = frozenset({"configure"})
_TELLING = ("version", "configuration")


def static_copies(file: NativeFile) -> tuple[tuple[str, str], ...]:
    """(Library, what it says of itself) for each that was linked into a file."""
    found: dict[str, str] = {}
    for image in file.readable:
        near = _near(file, image)
        for witness in image.witnesses:
            if witness.library not in near | _NO_LIBRARY and witness.what in _TELLING:
                found.setdefault(witness.library, witness.text)
    return tuple(sorted(found.items()))


def _near(file: NativeFile, image: Image) -> frozenset[str]:
    """The libraries that it is or asks for: their headers leave their text in users too."""
    names = (file.filename, *([image.name] if image.name else ()), *image.needed)
    return frozenset(
        known for name in names for known in known_as(parse_library_name(name).library)
    )


def _check(native: NativeMap) -> Iterator[Finding]:
    for distribution, files in readable_files(native):
        found: dict[tuple[str, str], list[str]] = {}
        for file in files:
            for copy in static_copies(file):
                found.setdefault(copy, []).append(file.path)
        if found:
            yield native_finding(
                distribution,
                CODE,
                Severity.INFO,
                f"{names_words(sorted({library for library, _ in found}))}"
                " cannot be split off: linked into other files",
                evidence=[
                    Evidence(files=tuple(paths), says=(text,))
                    for (_, text), paths in sorted(found.items())
                ],
            )


RULE = NativeRule(code=CODE, severity=Severity.INFO, check=once_per_cause(_check), page=__doc__)
