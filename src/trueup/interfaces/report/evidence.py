"""Evidence for people: rows that can be told apart, and what the signs in them mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from trueup.interfaces.report.words import natural, shorten
from trueup.model.artifact import WheelName, parse_filename
from trueup.model.finding import Evidence, Finding

__all__ = ["LISTED_FILES", "legend", "short_names"]

LISTED_FILES = 6
"""So many files of one row are named; more are shortened."""

_LISTED_TRAITS = 4

Files = tuple[str, ...]

_SDIST: Mapping[str, str] = MappingProxyType(
    {"+": "not in the sdist", "-": "in the sdist, missing here"}
)
_LEGENDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "append-only-difference": _SDIST,
        "declaration-not-met": {
            "+": "neither in the sdist nor declared",
            "-": "in the sdist or declared, missing here",
        },
        "identity-mismatch": {"+": "only in `WHEEL`", "-": "only in the file name"},
        "shadowed-file": {
            "+": "only this file says so",
            "-": "all files that are chosen say so, this one does not",
        },
        "undeclared-difference": _SDIST,
    }
)


def legend(finding: Finding) -> str | None:
    """What `+` and `-` mean in the evidence of a finding; None if they do not occur."""
    meanings = _LEGENDS.get(finding.code, {})
    signs = {text[0] for item in finding.evidence for text in item.says if text[1:2] == " "}
    parts = [f"`{sign}` {meaning}" for sign, meaning in meanings.items() if sign in signs]
    return "; ".join(parts) or None


def short_names(evidence: Iterable[Evidence]) -> dict[Files, str]:
    """Words for each group of more than `LISTED_FILES` files: ``31 wheels: cp27 … cp39``.

    Different groups get different words: where the Pythons are the same, what tells the groups
    apart is added (the platforms, the ABIs, the build tags), or else the first file's name.
    """
    groups = {
        item.files: shorten(item.files) for item in evidence if len(item.files) > LISTED_FILES
    }
    alike: dict[str, list[Files]] = {}
    for files, words in groups.items():
        alike.setdefault(words, []).append(files)
    for words, members in alike.items():
        if len(members) > 1:
            groups |= {
                files: f"{words}{more}"
                for files, more in zip(members, _told_apart(members), strict=True)
            }
    return groups


def _told_apart(groups: Sequence[Files]) -> list[str]:
    """For each group what it has and not all others have too."""
    for trait in (_platforms, _abis, _pythons, _tags, _builds):
        values = [{value for name in files for value in trait(name)} for files in groups]
        common = set.intersection(*values)
        words = [_listed(own - common or own) for own in values]
        if len(set(words)) == len(groups):
            return words
    return [f" ({_own_part(min(files, key=natural))}, …)" for files in groups]


def _own_part(filename: str) -> str:
    """A wheel's name without project and version, which are the same in every row."""
    return filename.removesuffix(".whl").split("-", 2)[-1]


def _listed(values: Iterable[str]) -> str:
    ordered = sorted(values, key=natural)
    shown = [*ordered[:_LISTED_TRAITS], *(["…"] if len(ordered) > _LISTED_TRAITS else [])]
    return f" ({', '.join(shown)})" if shown else ""


def _of_wheel(read: Callable[[WheelName], Iterable[str]]) -> Callable[[str], Iterable[str]]:
    def trait(filename: str) -> Iterable[str]:
        name = parse_filename(filename)
        return read(name) if isinstance(name, WheelName) else ()

    return trait


def _family(platform: str) -> str:
    """The platform without its level: ``manylinux x86_64``, ``macosx arm64``, ``win_amd64``."""
    platform = re.sub(r"^(many|musl)linux(?:\d+|_\d+_\d+)_", r"\1linux ", platform)
    return re.sub(r"^macosx_\d+_\d+_", "macosx ", platform)


_platforms = _of_wheel(lambda name: (_family(tag.platform) for tag in name.tags))
_abis = _of_wheel(lambda name: (tag.abi for tag in name.tags))
_pythons = _of_wheel(lambda name: (tag.interpreter for tag in name.tags))
_tags = _of_wheel(lambda name: (tag.platform for tag in name.tags))
_builds = _of_wheel(lambda name: (f"build {''.join(map(str, name.build))}",) if name.build else ())
