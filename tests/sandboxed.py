"""What the tests that run foreign code have in common: a sandbox, or the reason why there is none."""

from __future__ import annotations

from functools import cache

import pytest

from trueup.model.errors import SourceError
from trueup.sources.sandbox import Sandbox, open_sandbox

__all__ = ["sandbox_or_skip"]


@cache
def _opened() -> Sandbox | str:
    try:
        return open_sandbox()
    except SourceError as error:
        return str(error)


def sandbox_or_skip() -> Sandbox:
    """The sandbox of this machine; skips the test, with the reason, where it cannot be made."""
    opened = _opened()
    if isinstance(opened, str):
        pytest.skip(opened)
    return opened
