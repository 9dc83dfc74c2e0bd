"""A file consists mostly of bytes that hold nothing.

Each time `patchelf` rewrites a library it may move a segment to the next multiple of the page size;
built for pages of 2 MiB, a library of 20 kB grows to 6 MB so. Archives compress it away; the disk
and the page tables of every user do not. Told of from 1 MiB, if it is more than half of the file.

**Before**: `libxcb-shape.so.0.0.0` takes 6.3 MB, of which 6.2 MB hold nothing.

**After**: linked with `-Wl,-z,max-page-size=4096`, or patched with `patchelf --page-size 4096`.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.native import NativeMap
from trueup.judge.nativefinding import bytes_words, native_finding, once_per_cause, readable_files
from trueup.judge.rule import NativeRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "padding"
_LEAST = 1024 * 1024


def _check(native: NativeMap) -> Iterator[Finding]:
    for distribution, files in readable_files(native):
        padded = []
        for file in files:
            gaps = sum(image.padding for image in file.readable)
            if gaps > _LEAST and 2 * gaps > file.size:
                padded.append((gaps, file))
        if padded:
            yield native_finding(
                distribution,
                CODE,
                Severity.INFO,
                "brings files that consist mostly of gaps between their sections",
                evidence=[
                    Evidence(
                        files=(file.path,),
                        says=(f"{bytes_words(gaps)} of {bytes_words(file.size)}",),
                    )
                    for gaps, file in sorted(padded, key=lambda one: (-one[0], one[1].path))
                ],
                hint="link with `-Wl,-z,max-page-size=4096`, or patch with"
                " `patchelf --page-size 4096`",
            )


RULE = NativeRule(code=CODE, severity=Severity.INFO, check=once_per_cause(_check), page=__doc__)
