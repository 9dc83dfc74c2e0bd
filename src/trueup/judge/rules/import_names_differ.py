"""The files of a release name different modules to import.

PEP 794 (core metadata 2.5): `Import-Name` and `Import-Namespace` *must* be consistent across all
sdists and wheels of a release. It is the one rule across files that the standard makes itself.
Files that name none are left out: they say nothing, not "nothing to import".

**Before**: one wheel says `Import-Name: demo`, another `Import-Name: demo_core`.

**After**: all files say the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.metadata import canonical_values, title

__all__ = ["RULE"]

CODE = "import-names-differ"


def _check(judgement: Judgement) -> Iterator[Finding]:
    for field in ("import-name", "import-namespace"):
        found: dict[frozenset[str], list[str]] = {}
        for file, metadata in judgement.read:
            if metadata.metadata_version >= (2, 5) and field in metadata.fields:
                # "demo ; private" and "demo;private" are one value.
                values = canonical_values(metadata, field)
                names = frozenset(value.replace(" ", "") for value in values)
                found.setdefault(names, []).append(file.filename)
        if len(found) < 2:
            continue
        common = frozenset.intersection(*found)
        yield judgement.finding(
            CODE,
            Severity.ERROR,
            f"the files do not have the same `{title(field)}`",
            evidence=[
                Evidence(files=tuple(files), says=tuple(sorted(names - common)) or ("(none more)",))
                for names, files in found.items()
            ],
            field=field,
            hint="PEP 794 demands equal values in all files of a release",
        )


RULE = Rule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
