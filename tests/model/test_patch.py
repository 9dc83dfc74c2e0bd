"""Patches as values: which releases they are for, and how they are called."""

from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from trueup.model.declaration import parse_declaration
from trueup.model.errors import TrueupError
from trueup.model.patch import Application, Content, Drift, DriftKind, Patch
from trueup.model.requirement import parse_specifiers

DEMO = canonicalize_name("demo")


@pytest.mark.parametrize(
    ("versions", "version", "covered"),
    [
        ("", "1.0", True),
        (">=1,<2", "1.5", True),
        (">=1,<2", "2.0", False),
        (">=1,<2", "1.9rc1", True),
        (">=1", "2.0.dev1", True),
    ],
)
def test_a_patch_covers_its_versions(versions: str, version: str, covered: bool) -> None:
    patch = Patch(
        number=1,
        project=DEMO,
        reason="why",
        operations=(),
        versions=parse_specifiers(versions),
    )
    assert patch.covers(DEMO, Version(version)) is covered
    assert not patch.covers(canonicalize_name("other"), Version(version))


@pytest.mark.parametrize("accepted", [True, False])
def test_only_accepted_drift_holds(accepted: bool) -> None:
    content = Content(project=DEMO, version=Version("1"), metadata_version=(2, 4))
    drift = Drift(
        patch=1, kind=DriftKind.NO_MATCH, message="nothing", hint="look", accepted=accepted
    )
    application = Application(before=content, after=content, effects=(), drift=(drift,))
    assert application.holds is accepted


def test_a_project_declares_its_preemptive_bounds() -> None:
    declared = parse_declaration('[tool.trueup.bounds]\npreemptive = ["NumPy", "pybind11"]')
    assert declared is not None
    assert declared.preemptive == ("numpy", "pybind11")


def test_a_preemptive_bound_is_declared_by_name() -> None:
    with pytest.raises(TrueupError, match=r"bounds\] preemptive`: found `numpy<3`, expected the"):
        parse_declaration('[tool.trueup.bounds]\npreemptive = ["numpy<3"]')
