"""Which policy holds for which project in which channel."""

from __future__ import annotations

import pytest
from packaging.utils import NormalizedName, canonicalize_name

from trueup.features.serve.policies import (
    Irreconcilable,
    Policy,
    PolicyBook,
    PolicyTable,
    ProjectPolicy,
    Sdists,
    ViewPolicy,
)

REJECT = ProjectPolicy(contradictions=Policy.REJECT)
SET_ASIDE = ProjectPolicy(contradictions=Policy.QUARANTINE)
WARN = ProjectPolicy(contradictions=Policy.WARN)

BOOK = PolicyBook(
    default=REJECT,
    tables=(
        PolicyTable(projects=("lattice",), channels=("mpi",), policy=WARN),
        PolicyTable(projects=("lattice", "demo-*"), policy=SET_ASIDE),
        PolicyTable(channels=("nightly*",), policy=WARN),
        PolicyTable(projects=("demo-late",), policy=WARN),
    ),
)


@pytest.mark.parametrize(
    ("channel", "project", "policy"),
    [
        ("main", "other", REJECT),
        ("main", "lattice", SET_ASIDE),
        ("mpi", "lattice", WARN),
        ("mpi", "other", REJECT),
        ("main", "demo-one", SET_ASIDE),
        ("nightly", "demo-one", SET_ASIDE),
        ("nightly-2", "other", WARN),
        ("main", "demo-late", SET_ASIDE),
        ("main", "demo", REJECT),
        ("main", "a-demo-one", REJECT),
    ],
)
def test_the_first_table_that_fits_decides(
    channel: str, project: str, policy: ProjectPolicy
) -> None:
    assert BOOK.for_project(channel, canonicalize_name(project)) is policy


def test_which_table_decided_is_known() -> None:
    assert BOOK.table("main", NormalizedName("lattice")) is BOOK.tables[1]
    assert BOOK.table("main", NormalizedName("other")) is None


def test_without_anything_said_nothing_is_hidden_but_sdists_that_contradict() -> None:
    assert PolicyBook().for_project("main", NormalizedName("demo")).views == ViewPolicy(
        irreconcilable=Irreconcilable.LEAVE, sdists=Sdists.HIDE
    )
