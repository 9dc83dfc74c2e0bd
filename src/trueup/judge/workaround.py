"""Remedies for users of a release as it was published, ready to paste."""

from __future__ import annotations

from trueup.judge.judgement import Judgement
from trueup.model.finding import Merged, ReleaseClass

__all__ = ["toml_list", "workarounds"]


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
        f'name = "{release.project}"',
        f'version = "{release.version}"',
        f"requires-dist = {toml_list(merged.requires_dist)}",
    ]
    if merged.requires_python:
        lines.append(f'requires-python = "{merged.requires_python}"')
    if merged.provides_extra:
        lines.append(f"provides-extra = {toml_list(merged.provides_extra)}")
    purpose = "uv, in `pyproject.toml`: use this metadata for every file"
    if merged.residue:
        purpose += f" (wrong for {merged.residue})"
    return ((purpose, "\n".join(lines)),)


def toml_list(items: tuple[str, ...]) -> str:
    """A TOML array, one item a line; items without single quotes are literal strings."""
    if not items:
        return "[]"
    quoted = [f"  '{item}'," if "'" not in item else f"  {_basic(item)}," for item in items]
    return "\n".join(["[", *quoted, "]"])


def _basic(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
