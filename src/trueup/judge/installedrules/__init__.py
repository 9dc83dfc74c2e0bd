"""The rules about installed environments, in the order in which they are documented and reported."""

from __future__ import annotations

from trueup.judge.installedrules import (
    cached_build_differs,
    changed_metadata,
    file_not_as_recorded,
    file_outside,
    file_owned_twice,
    leftover,
    local_build,
    locked_missing,
    not_from_an_index,
    not_locked,
    other_than_locked,
    python_not_allowed,
    record_missing,
    requirement_not_installed,
    shadowed_distribution,
    unlocked_requirement,
    unreadable_distribution,
    version_not_allowed,
    wheel_for_another_python,
)
from trueup.judge.rule import InstalledRule

__all__ = ["INSTALLED_RULES"]

INSTALLED_RULES: tuple[InstalledRule, ...] = (
    unreadable_distribution.RULE,
    requirement_not_installed.RULE,
    version_not_allowed.RULE,
    python_not_allowed.RULE,
    wheel_for_another_python.RULE,
    locked_missing.RULE,
    other_than_locked.RULE,
    unlocked_requirement.RULE,
    changed_metadata.RULE,
    cached_build_differs.RULE,
    file_not_as_recorded.RULE,
    file_outside.RULE,
    file_owned_twice.RULE,
    record_missing.RULE,
    shadowed_distribution.RULE,
    not_locked.RULE,
    leftover.RULE,
    local_build.RULE,
    not_from_an_index.RULE,
)
