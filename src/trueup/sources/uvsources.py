"""Where uv takes projects from: `[tool.uv.sources]`, `[tool.uv.workspace]`, `[[tool.uv.index]]`.

Read from uv's documentation, "Managing dependencies" and "Using workspaces". What a lock of ours
cannot express is refused and told, never left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from trueup.model.condition import Option, OptionKind
from trueup.model.errors import UsageError
from trueup.sources.tomltable import TomlTable

__all__ = ["UvSource", "uv_index_addresses", "uv_sources", "uv_workspace"]

_KINDS = ("workspace", "path", "git", "url", "index")
_WITH: Mapping[str, tuple[str, ...]] = {
    "workspace": ("editable",),
    "path": ("editable", "subdirectory", "package"),
    "git": ("rev", "tag", "branch", "subdirectory", "lfs"),
    "url": ("subdirectory",),
    "index": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UvSource:
    """One place of one project, for what ``option`` asks for (None: for everything).

    One of ``member``, ``path``, ``url`` (ready for a requirement) and ``index`` (its name) is set.
    """

    member: bool = False
    path: str | None = None
    editable: bool | None = None
    url: str | None = None
    index: str | None = None
    option: Option | None = None


def uv_sources(document: TomlTable, project: NormalizedName) -> tuple[UvSource, ...] | None:
    """The sources of a project, None if it has none.

    Raises UsageError for what is malformed or not understood there; what stands for other projects
    is not looked at.
    """
    table = document.table("tool").table("uv").table("sources")
    for key, value in table.values.items():
        if canonicalize_name(key) == project:
            entries = table.tables(key) if isinstance(value, list) else (table.table(key),)
            return tuple(_source(entry) for entry in entries)
    return None


def _source(entry: TomlTable) -> UvSource:
    kinds = [kind for kind in _KINDS if kind in entry.values]
    if len(kinds) != 1:
        raise UsageError(
            f"`[{entry.name}]`",
            found=" and ".join(f"`{kind}`" for kind in kinds) or "none of them",
            expected=f"one of {', '.join(f'`{kind}`' for kind in _KINDS)}",
        )
    (kind,) = kinds
    if "marker" in entry.values:
        raise UsageError(
            f"`[{entry.name}]` depends on a marker, which `trueup lock` does not follow",
            hint="write the requirement twice, with its marker and `NAME @ ADDRESS`, or assign an "
            "index to the project in `[tool.trueup.lock] sources`",
        )
    entry.refuse_strangers((kind, "extra", "group", *_WITH[kind]))
    if kind == "workspace" and entry.boolean("workspace") is not True:
        raise entry.refuse("workspace", "`true`")
    text = None if kind == "workspace" else entry.string(kind)
    url = None
    if kind in ("git", "url") and text is not None:
        url = _address(entry, kind, text)
    return UvSource(
        member=kind == "workspace",
        path=text if kind == "path" else None,
        editable=entry.boolean("editable"),
        url=url,
        index=text if kind == "index" else None,
        option=_option(entry),
    )


def _address(entry: TomlTable, kind: str, text: str) -> str:
    """The address as a requirement writes it (pip's documentation, "VCS Support")."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", text):
        raise entry.refuse(kind, "an address such as `https://…`")
    if kind == "git":
        text = text if text.startswith("git+") else f"git+{text}"
        revisions = [entry.string(key) for key in ("rev", "tag", "branch")]
        named = [revision for revision in revisions if revision is not None]
        if len(named) > 1:
            raise entry.refuse("git", "only one of `rev`, `tag` and `branch`")
        text += f"@{named[0]}" if named else ""
    subdirectory = entry.string("subdirectory")
    text = text if subdirectory is None else f"{text}#subdirectory={subdirectory}"
    if re.search(r"\s", text):
        raise entry.refuse(kind, "an address without white space", found=text)
    return text


def _option(entry: TomlTable) -> Option | None:
    extra, group = entry.string("extra"), entry.string("group")
    if extra is not None:
        return Option(kind=OptionKind.EXTRA, name=canonicalize_name(extra))
    if group is not None:
        return Option(kind=OptionKind.GROUP, name=canonicalize_name(group))
    return None


def uv_workspace(document: TomlTable) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The patterns of the members, and of folders that are none; None without a workspace."""
    uv = document.table("tool").table("uv")
    if "workspace" not in uv.values:
        return None
    table = uv.table("workspace")
    return table.strings("members") or (), table.strings("exclude") or ()


def uv_index_addresses(document: TomlTable, folder: Path) -> Mapping[str, str]:
    """The addresses of the indexes that have a name; folders start at ``folder``."""
    found: dict[str, str] = {}
    for entry in document.table("tool").table("uv").tables("index"):
        name, url = entry.string("name"), entry.string("url")
        if name is not None and url is not None:
            found[name] = url if "://" in url else str(folder / url)
    return found
