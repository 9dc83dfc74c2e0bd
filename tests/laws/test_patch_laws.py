"""Laws of the patch ledger: applied twice is applied once, and the order of patches is no matter."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from trueup.judge.bounds import RequirementText, set_bound, without_bound
from trueup.judge.patch import apply_ledger
from trueup.model.errors import UsageError
from trueup.model.patch import (
    Application,
    Content,
    Ledger,
    Outcome,
    Patch,
    RequirementOperation,
    Selector,
    Verb,
)

DEMO = canonicalize_name("demo")
NAMES = ("numpy", "Scipy", "six_x", "a.b", "rich")
MARKERS = (
    "python_version < '3.12'",
    'os_name == "nt" or os_name == "java"',
    "extra == 'gui'",
    "sys_platform=='linux'",
)
VALUE = {
    Verb.SET_UPPER: st.sampled_from(["<3", "<=9.1"]),
    Verb.SET_LOWER: st.sampled_from([">=0.1", ">0.2"]),
    Verb.SET_MARKER: st.sampled_from(["", 'os_name == "posix"', 'extra == "gui"']),
    Verb.MOVE_TO_EXTRA: st.sampled_from(["gui", "plot"]),
    Verb.REPLACE: st.sampled_from(["new-one>=2", "new-two"]),
    Verb.ADD: st.sampled_from(["added-one>=2", "added-two; os_name == 'nt'"]),
}

clauses = st.sampled_from(
    [">=1", ">1.0", "<3", "<= 4.0", "~=1.4.2", "==1.4.*", "==2.0", "!=1.5", "!=1.6.*", "===1.7"]
)


def readable(text: str) -> bool:
    """`===` takes what follows it for its text, so some of the lines are none."""
    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True


@st.composite
def drawn_lines(draw: st.DrawFn) -> str:
    """A line as backends write them, and as they do not."""
    name = draw(st.sampled_from(NAMES))
    extras = draw(st.sampled_from(["", "[x]", " [x, y]"]))
    versions = draw(st.sampled_from([",", ", ", " , "])).join(
        draw(st.lists(clauses, max_size=3, unique=True))
    )
    gap = draw(st.sampled_from(["", " "]))
    if versions and draw(st.booleans()):
        versions = f"({versions})"
    marker = draw(st.sampled_from(["", *(f"{dash}{m}" for m in MARKERS for dash in ("; ", " ; "))]))
    return f"{name}{extras}{gap if versions else ''}{versions}{marker}"


def requirements() -> st.SearchStrategy[str]:
    return drawn_lines().filter(readable)


@st.composite
def operations(draw: st.DrawFn, name: str | None = None) -> RequirementOperation:
    verb = draw(st.sampled_from(list(Verb)))
    project = canonicalize_name(name if name is not None else draw(st.sampled_from(NAMES)))
    value = draw(VALUE[verb]) if verb in VALUE else None
    if verb is Verb.ADD:
        assert value is not None
        project = canonicalize_name(Requirement(value).name)
    return RequirementOperation(verb=verb, selector=Selector(project=project), value=value)


def content(lines: list[str]) -> Content:
    return Content(
        project=DEMO, version=Version("1"), metadata_version=(2, 4), requires_dist=tuple(lines)
    )


def ledger(patches: list[list[RequirementOperation]]) -> Ledger:
    return Ledger(
        patches=tuple(
            Patch(number=number, project=DEMO, reason="law", operations=tuple(items))
            for number, items in enumerate(patches, 1)
        )
    )


def applied(patches: Ledger, before: Content) -> Application | None:
    """None where the patches contradict each other."""
    try:
        return apply_ledger(
            patches, before, today=date(2026, 1, 1), preemptive=[canonicalize_name("numpy")]
        )
    except UsageError:
        return None


lists_of_lines = st.lists(requirements(), max_size=6)
ledgers = st.lists(st.lists(operations(), min_size=1, max_size=3), max_size=4).map(ledger)


@given(lines=lists_of_lines, patches=ledgers)
def test_applied_twice_is_applied_once(lines: list[str], patches: Ledger) -> None:
    once = applied(patches, content(lines))
    if once is not None:
        twice = applied(patches, once.after)
        assert twice is not None
        assert twice.after == once.after


@given(lines=lists_of_lines, patches=ledgers, seed=st.randoms())
def test_the_order_of_patches_is_no_matter(
    lines: list[str], patches: Ledger, seed: random.Random
) -> None:
    shuffled = [
        replace(patch, operations=tuple(seed.sample(patch.operations, len(patch.operations))))
        for patch in patches.patches
    ]
    seed.shuffle(shuffled)
    first = applied(patches, content(lines))
    second = applied(Ledger(patches=tuple(shuffled)), content(lines))
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert first.after == second.after
        assert {drift.message for drift in first.drift} == {drift.message for drift in second.drift}


@given(lines=lists_of_lines, data=st.data())
def test_operations_on_different_requirements_never_contradict(
    lines: list[str], data: st.DataObject
) -> None:
    names = data.draw(st.lists(st.sampled_from(NAMES), unique=True))
    one_each = [data.draw(operations(name)) for name in names]
    added = [item for item in one_each if item.verb is Verb.ADD]
    kept = [item for item in one_each if item.verb is not Verb.ADD] + added[:1]
    together = applied(ledger([[item] for item in kept]), content(lines))
    assert together is not None


@given(lines=lists_of_lines, patches=ledgers)
def test_what_is_not_named_is_upstreams(lines: list[str], patches: Ledger) -> None:
    application = applied(patches, content(lines))
    if application is None:
        return
    named = {
        item.selector.project
        for patch in patches.patches
        for item in patch.operations
        if isinstance(item, RequirementOperation) and item.selector is not None
    }
    untouched = [line for line in lines if canonicalize_name(Requirement(line).name) not in named]
    kept = [line for line in application.after.requires_dist if line in untouched]
    assert kept == untouched
    idle = {Outcome.ALREADY, Outcome.NO_MATCH}
    if all(effect.outcome in idle for effect in application.effects):
        assert application.after == application.before


@given(text=requirements(), upper=st.booleans())
def test_dropping_a_bound_only_admits_more(text: str, upper: bool) -> None:
    parts = RequirementText.of(text)
    assert parts is not None
    assert str(parts) == text
    before, after = Requirement(text), Requirement(str(without_bound(parts, upper=upper)))
    for version in ("0.9", "1.4", "1.4.2", "1.4.9", "1.5", "1.6.1", "1.7", "2.0", "3.1", "4", "9"):
        assert version not in before.specifier or version in after.specifier
    assert (before.name, before.extras, before.marker) == (after.name, after.extras, after.marker)
    kept = {str(item) for item in before.specifier if item.operator in ("!=", "===")}
    assert kept <= {str(item) for item in after.specifier}


@given(text=requirements(), upper=st.booleans())
def test_a_set_bound_is_the_only_one(text: str, upper: bool) -> None:
    parts = RequirementText.of(text)
    assert parts is not None
    bound = "<3" if upper else ">=1.1"
    if parts.compares_text:
        return
    edited = set_bound(parts, bound, upper=upper)
    assert set_bound(edited, bound, upper=upper) == edited
    operators = {"<", "<=", "~=", "=="} if upper else {">", ">=", "~=", "=="}
    bounds = [item for item in Requirement(str(edited)).specifier if item.operator in operators]
    assert [str(item) for item in bounds] == [bound]
