"""All rules about shared libraries, in the order in which they are documented and reported."""

from __future__ import annotations

from trueup.judge.nativerules import library_missing, library_unreached, unreadable_binary
from trueup.judge.rule import NativeRule

__all__ = ["NATIVE_RULES"]

NATIVE_RULES: tuple[NativeRule, ...] = (
    library_missing.RULE,
    library_unreached.RULE,
    unreadable_binary.RULE,
)
