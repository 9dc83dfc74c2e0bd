"""The laws of the model (numbers as there), against `packaging` alone."""

from __future__ import annotations

from collections.abc import Sequence

from dep_logic.markers import parse_marker as dep_logic_marker
from hypothesis import given
from hypothesis import strategies as st
from nab_markersets.markersets import MarkerSet
from packaging.markers import Marker as PackagingMarker
from packaging.requirements import Requirement

from tests.laws.oracle import Wheel, chosen_at, effective, extras_of
from tests.laws.strategies import ATOMS, markers, releases, requirement_lists
from tests.releases import release, wheel
from trueup.judge.merge import merge
from trueup.judge.reconcile import Classification, classify
from trueup.judge.witness import witnesses
from trueup.model.artifact import WheelName
from trueup.model.axes import build_space
from trueup.model.finding import Merged, ReleaseClass
from trueup.model.marker import parse_marker
from trueup.model.metadata import Metadata, Resolution
from trueup.model.release import ReleaseFile
from trueup.model.space import Space

_DEP_LOGIC = tuple(
    # dep-logic reads `in` as a comma list, and `packaging` as a substring test.
    atom
    for atom in ATOMS
    if " in " not in atom and "extra" not in atom
)
_PLAIN = tuple(atom for atom in ATOMS if "extra" not in atom)


def _classify(files: Sequence[ReleaseFile]) -> Classification:
    return classify(release(*files))[0]


def _wheels(classification: Classification) -> list[Wheel]:
    found = []
    for file in classification.wheels:
        name, metadata = file.artifact.name, file.reading.metadata
        assert isinstance(name, WheelName)
        assert isinstance(metadata, Metadata)
        found.append(
            Wheel(
                name.tags,
                name.build,
                metadata.fields.get("requires-dist", ()),
                metadata.fields.get("provides-extra", ()),
            )
        )
    return found


def _sample(space: Space, points: int, count: int = 40) -> list[int]:
    """A few indices, spread over the set."""
    indices = list(space.indices(points))
    step = max(1, len(indices) // count)
    return indices[::step]


@given(files=releases(), seed=st.randoms(use_true_random=False))
def test_1_order_changes_no_verdict(files: tuple[ReleaseFile, ...], seed: object) -> None:
    shuffled = list(files)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    one, two = _classify(files), _classify(shuffled)
    assert one.release_class is two.release_class
    assert one.by_field == two.by_field
    assert one.only_in == two.only_in
    chosen = [
        {
            file.filename: bin(points).count("1")
            for file, points in zip(item.wheels, item.choice.chosen, strict=True)
        }
        for item in (one, two)
    ]
    assert chosen[0] == chosen[1]


@given(requires=requirement_lists())
def test_2_merging_one_list_gives_itself(requires: list[str]) -> None:
    found = merge(_classify([wheel("py3-none-any", requires)]))
    assert isinstance(found, Merged)
    original = _classify([wheel("py3-none-any", requires)]).groups[0][0]
    again = _classify([wheel("py3-none-any", found.requires_dist)]).groups[0][0]
    assert again.requires_dist == original.requires_dist


@given(files=releases(_PLAIN))
def test_the_choice_is_the_one_that_packaging_makes(files: tuple[ReleaseFile, ...]) -> None:
    classification = _classify(files)
    wheels, choice, space = _wheels(classification), classification.choice, classification.space
    for index in _sample(space, space.universe):
        expected = chosen_at(space.point(index), wheels)
        assert [n for n, points in enumerate(choice.chosen) if points >> index & 1] == expected


@given(files=releases())
def test_the_class_is_the_one_of_its_definition(files: tuple[ReleaseFile, ...]) -> None:
    """`identical`, `uniform`, `mergeable`, `irreconcilable` for Requires-Dist, by brute force."""
    classification = _classify(files)
    if classification.release_class is ReleaseClass.IDENTICAL:
        return
    wheels, space = _wheels(classification), classification.space
    if space.size > 4000:
        return
    points = {index: space.point(index) for index in space.indices(space.universe)}
    chosen = {index: chosen_at(point, wheels) for index, point in points.items()}
    alive = sorted({number for numbers in chosen.values() for number in numbers})
    contexts = extras_of(wheels, ["fast", "docs"])
    uniform, reconcilable = True, True
    by_marker_part: dict[tuple[tuple[str, str], ...], list[object]] = {}
    for index, numbers in chosen.items():
        if not numbers:
            continue
        environment = points[index].environment()
        values = {
            number: [effective(wheels[number].requires, environment, extra) for extra in contexts]
            for number in alive
        }
        uniform = uniform and all(value == values[alive[0]] for value in values.values())
        seen = by_marker_part.setdefault(tuple(environment.items()), [])
        seen += [values[number] for number in numbers]
    for seen in by_marker_part.values():
        reconcilable = reconcilable and all(value == seen[0] for value in seen)
    found = classification.by_field["requires-dist"]
    if not reconcilable:
        assert found is ReleaseClass.IRRECONCILABLE
    elif not uniform:
        assert found is ReleaseClass.MERGEABLE
    else:
        assert found in (ReleaseClass.UNIFORM, ReleaseClass.IDENTICAL)


@given(files=releases())
def test_3_a_merged_list_gives_the_value_of_the_chosen_wheel(
    files: tuple[ReleaseFile, ...],
) -> None:
    classification = _classify(files)
    merged = merge(classification)
    if not isinstance(merged, Merged):
        # Every mergeable release of these words can be written with short markers, unless the
        # difference lies in a free-form variable.
        free = bool(classification.space.free)
        assert classification.release_class is not ReleaseClass.MERGEABLE or free
        return
    wheels, space = _wheels(classification), classification.space
    lines = [Requirement(line) for line in merged.requires_dist]
    for number, wheel_ in enumerate(wheels):
        region = classification.choice.chosen[number] & ~classification.residue
        for index in _sample(space, region, 12):
            environment = space.point(index).environment()
            for extra in (None, "fast", "docs"):
                expected = effective(wheel_.requires, environment, extra)
                assert effective(lines, environment, extra) == expected


@given(files=releases())
def test_4_a_witness_shows_what_it_claims(files: tuple[ReleaseFile, ...]) -> None:
    classification = _classify(files)
    requires = {
        file.filename: wheel_.requires
        for file, wheel_ in zip(classification.wheels, _wheels(classification), strict=True)
    }
    seen = list(witnesses(classification))
    assert len(seen) == len(classification.differences)
    for item in seen:
        if item.field != "Requires-Dist":
            continue
        environment = dict(item.environment)
        values = [
            effective(requires[name], environment, item.extra).get(str(item.project))
            for name in item.files
        ]
        assert values[0] != values[1]


@given(text=markers(), extra=st.sampled_from([None, "fast", "docs"]))
def test_5_a_marker_is_the_set_where_packaging_says_it_holds(text: str, extra: str | None) -> None:
    marker = parse_marker(PackagingMarker(text))
    space = build_space(markers=[marker])
    points = space.where(marker, extra)
    for index in _sample(space, space.universe, 60):
        environment = space.point(index).environment() | {"extra": extra or ""}
        assert bool(points >> index & 1) is PackagingMarker(text).evaluate(environment)


@given(first=markers(_PLAIN), second=markers(_PLAIN))
def test_5_nab_never_calls_disjoint_what_meets_at_a_point(first: str, second: str) -> None:
    """One direction only: other engines do not know that `nt` and `win32` go together."""
    one, two = (parse_marker(PackagingMarker(text)) for text in (first, second))
    space = build_space(markers=[one, two])
    if space.where(one) & space.where(two) & space.universe:
        assert not MarkerSet.from_marker(first).is_disjoint(MarkerSet.from_marker(second))


@given(first=markers(_DEP_LOGIC), second=markers(_DEP_LOGIC))
def test_5_dep_logic_never_calls_empty_what_meets_at_a_point(first: str, second: str) -> None:
    one, two = (parse_marker(PackagingMarker(text)) for text in (first, second))
    space = build_space(markers=[one, two])
    if space.where(one) & space.where(two) & space.universe:
        assert not (dep_logic_marker(first) & dep_logic_marker(second)).is_empty()


@given(files=releases(), pick=st.integers(0, 4))
def test_6_a_twin_changes_nothing(files: tuple[ReleaseFile, ...], pick: int) -> None:
    original = files[pick % len(files)]
    metadata = original.reading.metadata
    assert isinstance(metadata, Metadata)
    name = original.artifact.name
    assert isinstance(name, WheelName)
    # `1.0.0` is the version `1.0` in another spelling, so the twin has a file name of its own.
    twin_name = original.filename.replace("demo-1.0-", "demo-1.0.0-")
    twin = wheel("py3-none-any")
    twin = type(twin)(
        artifact=type(twin.artifact)(filename=twin_name, url=twin_name, name=name),
        reading=original.reading,
    )
    one, two = _classify(files), _classify([*files, twin])
    assert one.release_class is two.release_class
    assert one.only_in == two.only_in


def test_equal_lists_are_identical_whatever_their_tags() -> None:
    files = [wheel("cp310-cp310-win_amd64", ["a"]), wheel("py3-none-any", ["A ;"[:1]])]
    found = _classify(files)
    assert found.release_class is ReleaseClass.IDENTICAL
    assert all(isinstance(group[0], Resolution) for group in found.groups)
