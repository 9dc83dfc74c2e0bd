"""A file's name, version or tags disagree with what it holds.

Installers find a file by its name and trust its metadata afterwards; where the two disagree they
abort, or install something that nobody asked for (PEP 427, PEP 440, PEP 503 normalisation).
Compared are `Name` and `Version`, the dist-info folder of a wheel and the tags in its `WHEEL` file.

**Before**: `triton-0.4.1-cp38-cp38-manylinux2014_x86_64.whl` holds

```text
Name: triton
Version: 0.4.0
```

**After**: file name and metadata both say `0.4.1`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod

from packaging.tags import InvalidTag, Tag, parse_tag
from packaging.utils import canonicalize_name

from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.model.artifact import SdistName, WheelName
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.metadata import Metadata
from trueup.model.release import ReleaseFile
from trueup.model.version import parse_version

__all__ = ["RULE"]

CODE = "identity-mismatch"
_MAX_TAGS = 5_000
_ALIASES = {
    "manylinux1": "manylinux_2_5",
    "manylinux2010": "manylinux_2_12",
    "manylinux2014": "manylinux_2_17",
}
"""PEP 600, "Legacy manylinux tags": two names for one thing."""


def _check(judgement: Judgement) -> Iterator[Finding]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for file, metadata in judgement.read:
        for mismatch in _mismatches(file, metadata):
            found.setdefault(mismatch, []).append(file.filename)
    for (what, seen, expected), names in found.items():
        subject = f"`{names[0]}`" if len(names) == 1 else f"{len(names)} files"
        yield judgement.finding(
            CODE,
            Severity.ERROR,
            f"{subject}: {what}: found {seen}, expected {expected}",
            evidence=[Evidence(files=tuple(names), says=(f"{what}: {seen}",))],
            field=what.lower() if what in ("Name", "Version") else None,
            hint="build the file again; renaming a file does not change what it holds",
        )
    yield from _tags(judgement)


def _plain(tags: Iterable[Tag]) -> set[Tag]:
    """Tags with the legacy manylinux names replaced."""
    result = set()
    for tag in tags:
        legacy, _, arch = tag.platform.partition("_")
        platform = f"{_ALIASES[legacy]}_{arch}" if legacy in _ALIASES else tag.platform
        result.add(Tag(tag.interpreter, tag.abi, platform))
    return result


def _short(text: str) -> str:
    """Refuses a tag set that stands for a product of thousands."""
    if prod(part.count(".") + 1 for part in text.split("-")) > _MAX_TAGS:
        raise InvalidTag(f"`{text[:60]}...` stands for too many tags")
    return text


def _mismatches(file: ReleaseFile, metadata: Metadata) -> Iterator[tuple[str, str, str]]:
    name = file.artifact.name
    assert isinstance(name, WheelName | SdistName)
    if metadata.name is None or canonicalize_name(metadata.name) != name.project:
        yield "Name", _shown(metadata.name), f"`{name.project}`"
    if metadata.version is None or metadata.version != name.version:
        yield "Version", _shown(metadata.first("version")), f"`{name.version}`"
    if file.reading.dist_info is not None and file.reading.wheel_headers is None:
        yield "WHEEL", "no such file that can be read", "one in the dist-info folder"
    if file.reading.dist_info is not None and not _is_dist_info(file.reading.dist_info, name):
        expected = f"`{str(name.project).replace('-', '_')}-{name.version}.dist-info`"
        yield "dist-info folder", f"`{file.reading.dist_info}`", expected


def _tags(judgement: Judgement) -> Iterator[Finding]:
    """The tags in `WHEEL` against those of the file name, as one finding for all files."""
    found: dict[tuple[str, ...], list[str]] = {}
    # Sorted: what is said must not depend on the order in which an index lists files.
    for file, _ in sorted(judgement.read, key=lambda item: item[0].filename):
        name = file.artifact.name
        if not isinstance(name, WheelName) or file.reading.wheel_headers is None:
            continue
        try:
            written = file.reading.wheel_headers.get("tag", ())
            tags = _plain({tag for text in written for tag in parse_tag(_short(text))})
        except InvalidTag as error:
            found.setdefault((str(error)[:200],), []).append(file.filename)
            continue
        own = _plain(name.tags)
        if tags and tags != own:
            says = [f"+ {tag}" for tag in sorted(map(str, tags - own))]
            says += [f"- {tag}" for tag in sorted(map(str, own - tags))]
            found.setdefault(tuple(says), []).append(file.filename)
    if found:
        count = sum(map(len, found.values()))
        yield judgement.finding(
            CODE,
            Severity.ERROR,
            f"the tags in `WHEEL` are not those of the file name in {count} "
            f"{'file' if count == 1 else 'files'}",
            evidence=[Evidence(files=tuple(names), says=says) for says, names in found.items()],
            # `wheel tags` refuses a wheel whose name and `WHEEL` differ.
            hint="name the file as its `WHEEL` says, then change both with `wheel tags`",
        )


def _is_dist_info(folder: str, name: WheelName | SdistName) -> bool:
    project, _, version = folder.removesuffix(".dist-info").rpartition("-")
    return canonicalize_name(project) == name.project and parse_version(version) == name.version


def _shown(text: str | None) -> str:
    return "nothing" if text is None else f"`{text}`"


RULE = Rule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
