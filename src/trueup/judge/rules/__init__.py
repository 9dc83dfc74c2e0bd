"""All rules, in the order in which they are documented and reported."""

from __future__ import annotations

from trueup.judge.rule import Rule
from trueup.judge.rules import (
    append_only_difference,
    declaration_not_met,
    declared_addition,
    dependencies_differ,
    descriptive_fields_differ,
    extras_differ,
    identity_mismatch,
    import_names_differ,
    index_contradicts_file,
    late_upload,
    mixed_scope,
    project_status,
    requires_python_differs,
    shadowed_file,
    sidecar_differs,
    undeclared_difference,
    unreadable_file,
    unused_dynamic,
    wheel_variants,
    written_differently,
)

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (
    unreadable_file.RULE,
    identity_mismatch.RULE,
    dependencies_differ.RULE,
    requires_python_differs.RULE,
    extras_differ.RULE,
    import_names_differ.RULE,
    sidecar_differs.RULE,
    declaration_not_met.RULE,
    declared_addition.RULE,
    undeclared_difference.RULE,
    append_only_difference.RULE,
    shadowed_file.RULE,
    index_contradicts_file.RULE,
    late_upload.RULE,
    mixed_scope.RULE,
    project_status.RULE,
    written_differently.RULE,
    unused_dynamic.RULE,
    descriptive_fields_differ.RULE,
    wheel_variants.RULE,
)
