"""Names of projects and channels as somebody typed them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from packaging.utils import InvalidName, NormalizedName, canonicalize_name

from trueup.model.errors import UsageError
from trueup.sources.shown import shown

__all__ = ["CHANNEL", "channel_names", "project_names"]

CHANNEL = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
"""The name of a channel, as addresses have it."""


def project_names(names: Sequence[str]) -> tuple[NormalizedName, ...]:
    """Projects, normalized, each once; raises UsageError for what can be none."""
    try:
        found = [canonicalize_name(name, validate=True) for name in names]
    except InvalidName as error:
        raise UsageError(
            f"this is no name of a project: {error}",
            expected="letters, digits, `.`, `_` and `-`, the first and last a letter or digit",
        ) from error
    return tuple(dict.fromkeys(found))


def channel_names(names: Sequence[str]) -> tuple[str, ...]:
    """Channels, each once; raises UsageError for what can be none."""
    for name in names:
        if not CHANNEL.fullmatch(name):
            raise UsageError(
                "the channel is malformed",
                found=f"`{shown(name)}`",
                expected="small letters, digits and hyphens",
            )
    return tuple(dict.fromkeys(names))
