"""All rules about locks, in the order in which they are documented and reported."""

from __future__ import annotations

from trueup.judge.lockrules import (
    file_withdrawn,
    files_differ,
    hash_not_confirmed,
    invalid_lock,
    marker_too_narrow,
    metadata_changed,
    missing_requirement,
    no_file_for_target,
    python_excluded,
    sdist_not_proven,
    surplus_entry,
    two_live_entries,
    unknown_extra,
    version_outside_range,
)
from trueup.judge.rule import LockRule

__all__ = ["LOCK_RULES"]

LOCK_RULES: tuple[LockRule, ...] = (
    invalid_lock.RULE,
    missing_requirement.RULE,
    marker_too_narrow.RULE,
    version_outside_range.RULE,
    two_live_entries.RULE,
    no_file_for_target.RULE,
    python_excluded.RULE,
    hash_not_confirmed.RULE,
    metadata_changed.RULE,
    sdist_not_proven.RULE,
    files_differ.RULE,
    file_withdrawn.RULE,
    unknown_extra.RULE,
    surplus_entry.RULE,
)
