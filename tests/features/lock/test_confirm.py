"""What may be remembered of a lock, case by case (tests/laws/test_confirm_laws.py has the law)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from tests.shelf import Shelf
from trueup.features.lock import Confirmations, lock
from trueup.model.condition import ALWAYS, Option, OptionKind
from trueup.model.lock import Place, PlaceKind
from trueup.model.lockrequest import LocalProject, LockRequest, Prereleases, Root, Strategy
from trueup.model.metadata import Resolution
from trueup.model.requirement import parse_requirement
from trueup.model.target import parse_targets
from trueup.sources.cache import Kind, MemoryCache
from trueup.sources.supply import Supply

LINUX = "cp312-linux-x86_64-glibc2.28"
GROUP = Option(kind=OptionKind.GROUP, name="dev")
SHELF = Shelf.of(
    {
        "a-1.0-py3-none-any.whl": ["c"],
        "b-1.0-py3-none-any.whl": ["c<2"],
        "c-1.0-py3-none-any.whl": [],
        "c-2.0-py3-none-any.whl": [],
        "z-1.0-py3-none-any.whl": ["c"],
        "w-1.0-cp312-cp312-win_amd64.whl": [],
    }
).add("s-1.0.tar.gz", dynamic=["Requires-Dist"])


def request(*roots: str, preferred: Mapping[str, str], targets: str = LINUX) -> LockRequest:
    return LockRequest(
        roots=tuple(Root(requirement=parse_requirement(one), origin="the test") for one in roots),
        targets=parse_targets(targets),
        allow_build=frozenset({"s"}),
        preferred={
            NormalizedName(name): {Version(one): (ALWAYS,) for one in versions.split()}
            for name, versions in preferred.items()
        },
    )


@pytest.mark.parametrize(
    ("roots", "preferred", "looked"),
    [
        pytest.param("a", {"a": "1.0", "c": "2.0"}, {"a", "c"}, id="all from the old lock"),
        pytest.param("b", {"b": "1.0", "c": "2.0 1.0"}, {"b", "c"}, id="the first that fits"),
        pytest.param("a", {"a": "1.0", "b": "1.0", "c": "1.0"}, {"a", "c"}, id="one no more asked"),
        pytest.param("a", {}, None, id="no old lock"),
        pytest.param("a", {"a": "1.0"}, None, id="one that is new"),
        pytest.param("b", {"b": "1.0", "c": "2.0"}, None, id="one that moves"),
        pytest.param("b z", {"b": "1.0", "c": "2.0 1.0", "z": "1.0"}, None, id="a search"),
        pytest.param("a w", {"a": "1.0", "c": "2.0", "w": "1.0"}, None, id="none for the target"),
        pytest.param("s", {"s": "1.0"}, None, id="a build"),
    ],
)
def test_only_the_plain_case_is_remembered(
    roots: str, preferred: Mapping[str, str], looked: set[str] | None
) -> None:
    supply = Supply(
        lambda _: SHELF,
        build=lambda _: Resolution(
            requires_dist=frozenset(), requires_python=None, provides_extra=frozenset()
        ),
    )
    found = lock(request(*roots.split(), preferred=preferred), supply).looked
    assert (None if found is None else {name for name, _ in found}) == looked


def memory(wanted: LockRequest, *, shelf: Shelf = SHELF, **about: object) -> Confirmations:
    known = Confirmations(
        cache=MemoryCache(),
        request=wanted,
        supply=Supply(lambda _: shelf),
        path=Path("pylock.toml"),
        text="the lock",
    )
    return replace(known, **about)  # type: ignore[arg-type]


BASE = request("a", preferred={"a": "1.0", "c": "2.0"})
LOCAL = LocalProject(
    project=NormalizedName("side"),
    path="side",
    version=Version("1"),
    requires_dist=(),
    provides_extra=frozenset(),
)


@pytest.mark.parametrize(
    "about",
    [
        {"text": "the lock."},
        {"path": Path("other/pylock.toml")},
        *(
            {"request": replace(BASE, **change)}
            for change in (
                {"roots": (Root(requirement=parse_requirement("a>0"), origin="the test"),)},
                {"roots": (replace(BASE.roots[0], origin="elsewhere"),)},
                {"roots": (replace(BASE.roots[0], option=GROUP),)},
                {"targets": parse_targets("cp313-linux-x86_64-glibc2.28")},
                {"project": NormalizedName("app")},
                {"requires_python": SpecifierSet(">=3.12")},
                {"default": frozenset({GROUP})},
                {"conflicts": (frozenset({GROUP}),)},
                {"constraints": (parse_requirement("c<3"),)},
                {"overrides": (parse_requirement("c<3"),)},
                {"excluded": frozenset({NormalizedName("c")})},
                {"local": (LOCAL,)},
                {"local": (replace(LOCAL, requires_dist=(parse_requirement("c"),)),)},
                {"strategy": Strategy.NEWEST},
                {"prereleases": Prereleases.ALLOW},
                {"prerelease_projects": frozenset({"c"})},
                {"exclude_newer": datetime(2026, 1, 1, tzinfo=UTC)},
                {"only_binary": frozenset({"c"})},
                {"allow_build": frozenset({"c"})},
                {"indexes": ("https://index.test/simple/",)},
                {"assigned": {NormalizedName("c"): "https://index.test/simple/"}},
                {"assigned_by_option": {GROUP: {NormalizedName("c"): "https://index.test/"}}},
                {"commits": {NormalizedName("c"): Place(kind=PlaceKind.VCS, revision="0" * 40)}},
                {"require_all_targets": True},
            )
        ),
    ],
    ids=lambda about: str(about)[-60:],
)
def test_every_part_of_the_question_counts(about: Mapping[str, object]) -> None:
    known = memory(BASE)
    known.remember([(NormalizedName("a"), None)], {"told": 1})
    assert replace(known).confirm() == {"told": 1}
    assert replace(known, **about).confirm() is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("upload", "confirmed"),
    [
        ("c-3.0-py3-none-any.whl", True),
        ("c-2.0.0-py2-none-any.whl", False),
        ("c-2.0-1-py3-none-any.whl", False),
        ("c-2.0.tar.gz", False),
        ("d-1.0-py3-none-any.whl", True),
        # A pre-release that is locked stays one that may be taken.
        ("p-2.0rc1-py3-none-any.whl", True),
        ("p-1.0-py3-none-any.whl", True),
    ],
)
def test_what_is_published_of_a_locked_version_counts(upload: str, confirmed: bool) -> None:
    before = Shelf({**SHELF.files}, {**SHELF.readings}).add("p-2.0b1-py3-none-any.whl")
    preferred = {"a": "1.0", "c": "2.0", "p": "2.0b1"}
    known = memory(request("a", "p", preferred=preferred), shelf=before)
    first = lock(known.request, known.supply)
    assert first.looked is not None
    known.remember(first.looked, {"told": 1})
    after = Supply(lambda _: Shelf({**before.files}, {**before.readings}).add(upload))
    assert replace(known, supply=Supply(lambda _: before)).confirm() == {"told": 1}
    found = replace(known, supply=after).confirm()
    assert found == ({"told": 1} if confirmed else None)
    if confirmed:
        assert lock(known.request, after).profiles[0].lock == first.profiles[0].lock


def test_a_damaged_memory_is_none() -> None:
    class Damaged(MemoryCache):
        def get(self, kind: Kind, key: str) -> bytes | None:
            value = super().get(kind, key)
            return value and value[:-1]

    known = memory(BASE, cache=Damaged())
    known.remember([(NormalizedName("a"), None)], {"told": 1})
    assert known.confirm() is None
