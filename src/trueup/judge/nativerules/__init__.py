"""All rules about shared libraries, in the order in which they are documented and reported."""

from __future__ import annotations

from trueup.judge.nativerules import (
    debug_information,
    external_undeclared,
    fixed_search_path,
    generic_soname,
    libc_floor,
    library_missing,
    library_unreached,
    padding,
    pin_broken,
    runpath,
    static_copy,
    two_exporters,
    two_openmp_runtimes,
    two_stateful_copies,
    unreadable_binary,
    unused_library,
)
from trueup.judge.rule import NativeRule

__all__ = ["NATIVE_RULES"]

NATIVE_RULES: tuple[NativeRule, ...] = (
    pin_broken.RULE,
    library_missing.RULE,
    libc_floor.RULE,
    library_unreached.RULE,
    two_exporters.RULE,
    two_openmp_runtimes.RULE,
    two_stateful_copies.RULE,
    generic_soname.RULE,
    runpath.RULE,
    fixed_search_path.RULE,
    external_undeclared.RULE,
    static_copy.RULE,
    unused_library.RULE,
    padding.RULE,
    debug_information.RULE,
    unreadable_binary.RULE,
)
