"""What a document has that its JSON schema does not speak of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["undescribed"]


def undescribed(document: Any, schema: dict[str, Any]) -> list[str]:
    """The paths of all keys that no part of the schema describes; what it requires must be there.

    Our schemas are open to new keys, so validation alone would not notice a forgotten one.
    """
    return list(_below(document, schema, "$", schema["$defs"]))


def _below(
    value: Any, schema: dict[str, Any], path: str, shapes: dict[str, dict[str, Any]]
) -> Iterator[str]:
    while "$ref" in schema or "anyOf" in schema:
        if "anyOf" in schema:
            schema = schema["anyOf"][0]
        else:
            schema = shapes[schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        for item in value:
            yield from _below(item, schema["items"], f"{path}[]", shapes)
    elif isinstance(value, dict) and "additionalProperties" not in schema:
        assert set(schema["required"]) <= value.keys(), path
        for key, item in value.items():
            if key not in schema["properties"]:
                yield f"{path}.{key}"
            else:
                yield from _below(item, schema["properties"][key], f"{path}.{key}", shapes)
