"""The files differ in fields that decide nothing about what gets installed.

Classifiers, descriptions, addresses, licences: some differ for good reason (a wheel that bundles
libraries has more licences), others because a build machine was set up differently.

**Before**: the Windows wheels lack `Classifier: Programming Language :: Python :: 3.13`.

**After**: all files were built from one checkout.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.metadata import RESOLUTION_FIELDS, canonical_values, title

__all__ = ["RULE"]

CODE = "descriptive-fields-differ"
_OTHERS = frozenset(
    {
        "name", "version", "import-name", "import-namespace", *RESOLUTION_FIELDS,
        "metadata-version", "dynamic",
    }
)  # fmt: skip
"""Identity, resolution and import names have rules of their own; the last two speak of the file."""


def _check(judgement: Judgement) -> Iterator[Finding]:
    read = list(judgement.read)
    if len({metadata.digest for _, metadata in read}) < 2:
        return
    fields = {name for _, metadata in read for name in metadata.fields} - _OTHERS
    different: dict[str, dict[frozenset[str], list[str]]] = {}
    for field in sorted(fields | {"description"}):
        values: dict[frozenset[str], list[str]] = {}
        for file, metadata in read:
            values.setdefault(canonical_values(metadata, field), []).append(file.filename)
        if len(values) > 1:
            different[field] = values
    if different:
        names = ", ".join(f"`{title(field)}`" for field in different)
        own: dict[tuple[str, ...], list[str]] = {}
        for field, values in different.items():
            own.setdefault(tuple(sorted(_fewest(values))), []).append(f"own `{title(field)}`")
        yield judgement.finding(
            CODE,
            Severity.INFO,
            f"the files differ in fields that do not decide what gets installed: {names}",
            evidence=[Evidence(files=files, says=tuple(says)) for files, says in own.items()],
        )


def _fewest(values: dict[frozenset[str], list[str]]) -> list[str]:
    """The smallest group; of several the same one in whatever order an index lists files."""
    return min(values.values(), key=lambda names: (len(names), sorted(names)))


RULE = Rule(code=CODE, severity=Severity.INFO, check=_check, page=__doc__)
