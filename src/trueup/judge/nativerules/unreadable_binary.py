"""A file begins like a shared object and cannot be read.

It may be cut off, or of a kind that no loader of today takes. Nothing is known about it.

**Before**: a `.so` of 1,024 bytes that claims to have 40,000.

**After**: the wheel is built again.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.native import NativeMap
from trueup.judge.nativefinding import native_finding
from trueup.judge.rule import NativeRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.metadata import Unreadable

__all__ = ["RULE"]

CODE = "unreadable-binary"


def _check(native: NativeMap) -> Iterator[Finding]:
    for distribution, file in native.files():
        if isinstance(file.images, Unreadable):
            yield native_finding(
                distribution,
                CODE,
                Severity.WARNING,
                f"`{file.path}` {file.images.reason}",
                evidence=[Evidence(files=(distribution.filename,))],
                hint="build or download it again",
            )


RULE = NativeRule(code=CODE, severity=Severity.WARNING, check=_check, page=__doc__)
