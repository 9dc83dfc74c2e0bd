"""A project's page of the Simple API, written as JSON and as HTML.

Sources: PEP 503 (HTML), 691 (JSON), 700 (versions, sizes, upload times), 714 (`core-metadata`),
592 (yanked files), 740 (provenance), 792 (status). HTML stays at what PEP 833 froze.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from trueup.model.artifact import Artifact, OtherName
from trueup.sources.source import Listing

__all__ = ["API_VERSION", "index_html", "index_json", "page_html", "page_json"]

API_VERSION = "1.4"


def page_json(listing: Listing, *, note: Mapping[str, Any] | None = None) -> bytes:
    """The page as JSON; ``note`` are keys of our own, which begin with an underscore."""
    versions = {
        str(file.name.version): None
        for file in listing.files
        if not isinstance(file.name, OtherName)
    }
    document: dict[str, Any] = {
        "meta": {"api-version": API_VERSION, **(note or {})},
        "name": listing.project,
        "versions": list(versions),
        "files": [_file(file) for file in listing.files],
    }
    if listing.status is not None:
        document["project-status"] = {"status": listing.status}
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _file(file: Artifact) -> dict[str, Any]:
    found: dict[str, Any] = {
        "filename": file.filename,
        "url": file.url,
        "hashes": dict(file.hashes),
        "yanked": file.yanked or (file.yanked is not None),
    }
    if file.size is not None:
        found["size"] = file.size
    if file.index_requires_python is not None:
        found["requires-python"] = file.index_requires_python
    if file.upload_time is not None:
        moment = file.upload_time.astimezone(UTC)
        found["upload-time"] = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if file.core_metadata is not None:
        known = dict(file.core_metadata) or True
        # Old clients look for the name that PEP 714 replaced.
        found["core-metadata"] = found["dist-info-metadata"] = known
    provenance = _provenance(file)
    if provenance is not None:
        found["provenance"] = provenance
    return found


def page_html(listing: Listing) -> bytes:
    """The page as HTML, for clients that know no JSON."""
    title = html.escape(f"Links for {listing.project}")
    lines = [
        "<!DOCTYPE html>",
        '<html><head><meta charset="utf-8">',
        f'<meta name="pypi:repository-version" content="{API_VERSION}">',
        f"<title>{title}</title></head><body><h1>{title}</h1>",
        *(_anchor(file) for file in listing.files),
        "</body></html>",
    ]
    return "\n".join(lines).encode() + b"\n"


def _anchor(file: Artifact) -> str:
    digest = next((f"#{name}={value}" for name, value in _preferred(file.hashes)), "")
    attributes = {"href": f"{file.url}{digest}"}
    if file.index_requires_python is not None:
        attributes["data-requires-python"] = file.index_requires_python
    if file.yanked is not None:
        attributes["data-yanked"] = file.yanked
    if file.core_metadata is not None:
        known = next((f"{name}={value}" for name, value in _preferred(file.core_metadata)), "true")
        attributes["data-core-metadata"] = attributes["data-dist-info-metadata"] = known
    provenance = _provenance(file)
    if provenance is not None:
        attributes["data-provenance"] = provenance
    written = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<a {written}>{html.escape(file.filename)}</a><br>"


def _provenance(file: Artifact) -> str | None:
    """Where the attestations of the very content are that the file has."""
    return file.provenance.get(file.hashes.get("sha256", ""))


def _preferred(hashes: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return sorted(hashes.items(), key=lambda item: item[0] != "sha256")


def index_json(projects: Iterable[str]) -> bytes:
    """The list of all projects as JSON."""
    document = {
        "meta": {"api-version": API_VERSION},
        "projects": [{"name": name} for name in projects],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def index_html(projects: Iterable[str]) -> bytes:
    """The list of all projects as HTML."""
    links = [f'<a href="{html.escape(name)}/">{html.escape(name)}</a><br>' for name in projects]
    head = '<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>Simple index</title></head>'
    return "\n".join([head, "<body>", *links, "</body></html>"]).encode() + b"\n"
