"""A wheel ships debug information.

Nobody's debugger needs it unless it is asked for, and every user downloads and stores it. Told of
from 1 MiB in one wheel.

**Before**: `gmpy2.cpython-312-x86_64-linux-gnu.so` takes 3.5 MB, 2.7 MB of them debug information.

**After**: built with `-g0` or `LDFLAGS=-Wl,--strip-debug`, or stripped before `auditwheel repair`
(stripping afterwards can damage a patched file).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trueup.judge.native import NativeMap
from trueup.judge.nativefinding import (
    bytes_words,
    is_wheel,
    native_finding,
    once_per_cause,
    readable_files,
)
from trueup.judge.rule import NativeRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "debug-information"
_LEAST = 1024 * 1024
_SHOWN = 100 * 1024
"""Bytes in one file below which it is not named."""


def _check(native: NativeMap) -> Iterator[Finding]:
    for distribution, files in readable_files(native):
        sizes = {file.path: sum(image.debug for image in file.readable) for file in files}
        if not is_wheel(distribution) or sum(sizes.values()) <= _LEAST:
            continue
        shown = sorted((-size, path) for path, size in sizes.items() if size > _SHOWN)
        yield native_finding(
            distribution,
            CODE,
            Severity.INFO,
            "ships debug information",
            evidence=[
                *_total(distribution.filename, sum(sizes.values()), shown),
                *(Evidence(files=(path,), says=(bytes_words(-size),)) for size, path in shown),
            ],
            hint="build with `-g0`, or strip before the wheel is repaired, not after",
        )


def _total(wheel: str, size: int, shown: Sequence[tuple[int, str]]) -> list[Evidence]:
    """How much it is in all, unless the one file that is named holds it all."""
    if len(shown) == 1 and -shown[0][0] == size:
        return []
    return [Evidence(files=(wheel,), says=(f"{bytes_words(size)} in all",))]


RULE = NativeRule(code=CODE, severity=Severity.INFO, check=once_per_cause(_check), page=__doc__)
