"""Remedies for users of a release as it was published, ready to paste."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.judge.judgement import Judgement
from trueup.model.finding import Merged, ReleaseClass

__all__ = ["toml_list", "toml_string", "workarounds"]


def workarounds(judgement: Judgement) -> tuple[tuple[str, str], ...]:
    """(what it is for, the text to paste); nothing where nothing is wrong."""
    if judgement.worst.release_class.rank < ReleaseClass.MERGEABLE.rank:
        return ()
    release = judgement.release
    merged = judgement.merged
    if not isinstance(merged, Merged):
        return (
            (
                "a constraint that leaves this release out (for any installer)",
                f"{release.project}!={release.version}",
            ),
        )
    lines = [
        "[[tool.uv.dependency-metadata]]",
        f"name = {toml_string(release.project)}",
        f"version = {toml_string(str(release.version))}",
        f"requires-dist = {toml_list(merged.requires_dist)}",
    ]
    if merged.requires_python:
        lines.append(f"requires-python = {toml_string(merged.requires_python)}")
    if merged.provides_extra:
        lines.append(f"provides-extra = {toml_list(merged.provides_extra)}")
    purpose = "uv, in `pyproject.toml`: use this metadata for every file"
    if merged.residue:
        purpose += f" (wrong for {merged.residue})"
    return ((purpose, "\n".join(lines)),)


def toml_list(items: Sequence[str]) -> str:
    """A TOML array, one item a line."""
    if not items:
        return "[]"
    return "\n".join(["[", *(f"  {toml_string(item)}," for item in items), "]"])


def toml_string(text: str) -> str:
    """A TOML string, literal where possible: requirements hold double quotes."""
    # A log viewer that obeys `##[command]` must not find one here.
    if text.isprintable() and "##[" not in text:
        if '"' not in text and "\\" not in text:
            return f'"{text}"'
        if "'" not in text:
            return f"'{text}'"
    quoted = "".join(map(_toml_character, text)).replace("##[", "#\\u0023[")
    return f'"{quoted}"'


def _toml_character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    point = ord(character)
    # TOML has no lone surrogates, not even escaped: the escape itself is shown.
    slash = "\\\\" if 0xD800 <= point < 0xE000 else "\\"
    return f"{slash}u{point:04x}" if point < 0x10000 else f"{slash}U{point:08x}"
