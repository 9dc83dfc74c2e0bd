"""Software bills of materials in wheels (PEP 770), as far as they name libraries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from trueup.model.errors import ArchiveError
from trueup.model.library import Component

__all__ = ["components_of"]

_MOST = 10_000
"""Components that are read of one document; a wheel has dozens."""


def components_of(data: bytes) -> tuple[Component, ...]:
    """The components of a CycloneDX document in JSON; other formats give none.

    Components may be nested. Raises ArchiveError for what is no JSON.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ArchiveError("is no JSON document", hint="build the wheel again") from error
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        return ()
    return tuple(_components(document))


def _components(document: dict[str, Any]) -> Iterator[Component]:
    left = [document.get("components")]
    seen = 0
    while left and seen < _MOST:
        listed = left.pop()
        for item in listed if isinstance(listed, list) else ():
            seen += 1
            if isinstance(item, dict) and isinstance(item.get("name"), str):
                version, purl = item.get("version"), item.get("purl")
                yield Component(
                    name=item["name"],
                    version=version if isinstance(version, str) else None,
                    purl=purl if isinstance(purl, str) else None,
                )
                left.append(item.get("components"))
