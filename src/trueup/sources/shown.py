"""Names from untrusted hands, fit to stand in a message."""

from __future__ import annotations

__all__ = ["shown"]

_LONGEST = 200


def shown(name: str) -> str:
    """The name with everything escaped that a terminal would act on, and cut if it is very long."""
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST // 2]}…{name[-_LONGEST // 2 :]}"
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in name
    )
