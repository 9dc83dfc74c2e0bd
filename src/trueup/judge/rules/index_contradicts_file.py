"""The index shows another `requires-python` than the file has.

Installers filter by the page's value before they look at a file, so a file can be hidden from the
Pythons it was made for, or offered to Pythons it refuses. Indexes take one value per release from
the first upload.

**Before**: the page says `<3.13` for all files; the cp313 wheels say `<3.14`, and nobody gets them.

**After**: every file of the release has one `Requires-Python`, which the page then shows.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.judgement import Judgement
from trueup.judge.reconcile import judged_files
from trueup.judge.rule import Rule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.metadata import Unreadable
from trueup.model.requirement import parse_specifiers, version_range

__all__ = ["RULE"]

CODE = "index-contradicts-file"


def _check(judgement: Judgement) -> Iterator[Finding]:
    found: dict[tuple[str, str], list[str]] = {}
    for file in judged_files(judgement.release):
        shown = file.artifact.index_requires_python
        resolution = file.reading.resolution
        if shown is None or isinstance(resolution, Unreadable):
            continue
        own = resolution.requires_python
        try:
            same = version_range(parse_specifiers(shown)) == version_range(
                parse_specifiers("") if own is None else own
            )
        except ValueError:
            same = False
        if not same:
            text = "any Python" if own is None else str(own)
            found.setdefault((shown or "any Python", text), []).append(file.filename)
    for (shown, own_text), names in found.items():
        yield judgement.finding(
            CODE,
            Severity.WARNING,
            f"the index shows `requires-python` `{shown}`, the file says `{own_text}`",
            evidence=[Evidence(files=tuple(names), says=(own_text,))],
            field="requires-python",
            hint="installers believe the index first; give all files of a release one value",
        )


RULE = Rule(code=CODE, severity=Severity.WARNING, check=_check, page=__doc__)
