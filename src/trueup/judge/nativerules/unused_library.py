"""A bundled library that nothing in its package asks for.

A repair tool copies what is needed; when what needed it is gone, the copy stays and is shipped.
Python code can still open a library by its path (`ctypes`), so look before you delete.

**Before**: `demo.libs/libpcre-9513aab5.so.1.2.0`, and no file needs it.

**After**: the wheel is repaired again from a clean build.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.native import NativeMap
from trueup.judge.nativefinding import bytes_words, native_finding, once_per_cause
from trueup.judge.rule import NativeRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.library import NativeFile
from trueup.model.libraryname import parse_library_name

__all__ = ["RULE"]

CODE = "unused-library"
_FOLDERS = (".libs", ".dylibs")


def _is_bundled(file: NativeFile) -> bool:
    """Whether a repair tool put it there: only such a library is meant to be found by name."""
    folder = file.path.rpartition("/")[0]
    return not file.is_extension and (
        parse_library_name(file.filename).digest is not None or folder.endswith(_FOLDERS)
    )


def _check(native: NativeMap) -> Iterator[Finding]:
    for placement in native.placements:
        for distribution in placement.layout.distributions:
            unused = [
                file
                for file in distribution.files
                if file.readable and _is_bundled(file) and file.path not in placement.users
            ]
            if unused:
                yield native_finding(
                    distribution,
                    CODE,
                    Severity.INFO,
                    "no file asks for a library that is bundled",
                    where=placement.layout.label,
                    evidence=[
                        Evidence(files=(file.path,), says=(bytes_words(file.size),))
                        for file in unused
                    ],
                    hint="leave it out, unless Python code opens it by its path",
                )


RULE = NativeRule(code=CODE, severity=Severity.INFO, check=once_per_cause(_check), page=__doc__)
