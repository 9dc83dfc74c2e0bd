"""What the keys of a patch in `patches.toml` may hold, one reader for each kind of value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import TypeVar

from packaging.licenses import canonicalize_license_expression
from packaging.markers import Marker as PackagingMarker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from trueup.judge.bounds import is_bound
from trueup.model.marker import parse_marker
from trueup.model.patch import Field, FieldOperation, RequirementOperation, Selector, Verb
from trueup.model.requirement import Requirement, parse_requirement, parse_specifiers

__all__ = [
    "OPERATIONS",
    "ValueFaultError",
    "read_flag",
    "read_list",
    "read_project",
    "read_requirement",
    "read_specifiers",
    "read_text",
    "read_until",
    "shown",
]

_Value = TypeVar("_Value")
_Operations = list[RequirementOperation | FieldOperation]

_SELECTOR = "a project without a version, with a marker if only lines under it are meant"
_ENTRY_POINT = re.compile(r"\w+(?:\.\w+)*(?:\s*:\s*\w+(?:\.\w+)*)?(?:\s*\[[^\]]*\])?")


class ValueFaultError(Exception):
    """One thing wrong in one key: what was found, what was expected."""

    def __init__(self, found: object, expected: str) -> None:
        super().__init__(found, expected)
        self.found = found
        self.expected = expected


def shown(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    return "nothing" if value is None else f"`{value}`"


def read_text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueFaultError(value, "a text")
    return value.strip()


def read_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueFaultError(value, "true or false")
    return value


def read_project(value: object) -> NormalizedName:
    try:
        return canonicalize_name(read_text(value), validate=True)
    except ValueError as error:
        raise ValueFaultError(value, "the name of a project") from error


def read_specifiers(value: object) -> SpecifierSet:
    try:
        return parse_specifiers(read_text(value))
    except ValueError as error:
        raise ValueFaultError(value, "a version range such as `>=1.2,<3`") from error


def read_until(value: object) -> date | SpecifierSet:
    expected = "a date such as 2027-06-30 (without quotes), or a version range such as `>=2`"
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueFaultError(value, expected)
    try:
        return read_specifiers(value)
    except ValueFaultError as fault:
        raise ValueFaultError(value, expected) from fault


def read_requirement(value: object) -> Requirement:
    text = " ".join(read_text(value).split())
    try:
        return parse_requirement(text)
    except ValueError as error:
        raise ValueFaultError(value, f"a requirement ({error})") from error


def read_list(read: Callable[[object], _Value]) -> Callable[[object], list[_Value]]:
    """A list of these; a single one stands for a list of one."""

    def read_all(value: object) -> list[_Value]:
        if isinstance(value, dict):
            raise ValueFaultError(value, "a list of texts")
        items = value if isinstance(value, list) else [value]
        if not items:
            raise ValueFaultError(value, "a list that is not empty")
        return [read(item) for item in items]

    return read_all


def _selector(value: object) -> Selector:
    try:
        requirement = read_requirement(value)
    except ValueFaultError as fault:
        raise ValueFaultError(value, _SELECTOR) from fault
    if requirement.specifier or requirement.url is not None:
        raise ValueFaultError(value, _SELECTOR)
    return _selector_of(requirement)


def _selector_of(requirement: Requirement) -> Selector:
    return Selector(
        project=requirement.project,
        extras=requirement.extras or None,
        marker=str(requirement.marker) if requirement.marker else None,
    )


def _plain(verb: Verb) -> Callable[[object], _Operations]:
    """`drop-upper`, `drop-lower`, `remove`: a list of selectors."""

    def read(value: object) -> _Operations:
        return [
            RequirementOperation(verb=verb, selector=selector)
            for selector in read_list(_selector)(value)
        ]

    return read


def _preemptive(value: object) -> _Operations:
    if value is True:
        return [RequirementOperation(verb=Verb.DROP_PREEMPTIVE, selector=None)]
    if isinstance(value, bool):
        raise ValueFaultError(value, "true, or a list of projects")
    return _plain(Verb.DROP_PREEMPTIVE)(value)


def _bound(verb: Verb) -> Callable[[object], _Operations]:
    """`set-upper`, `set-lower`: a list of projects, each with the one bound."""
    upper = verb is Verb.SET_UPPER
    expected = f"a project with one {'upper' if upper else 'lower'} bound, such as " + (
        "`numpy<3`" if upper else "`numpy>=1.26`"
    )

    def read_one(value: object) -> RequirementOperation:
        try:
            requirement = read_requirement(value)
        except ValueFaultError as fault:
            raise ValueFaultError(value, expected) from fault
        bound = str(requirement.specifier)
        if not is_bound(bound, upper=upper):
            raise ValueFaultError(value, expected)
        return RequirementOperation(verb=verb, selector=_selector_of(requirement), value=bound)

    return lambda value: list(read_list(read_one)(value))


def _add(value: object) -> _Operations:
    return [
        RequirementOperation(
            verb=Verb.ADD, selector=_selector_of(requirement), value=requirement.text
        )
        for requirement in read_list(read_requirement)(value)
    ]


def _keyed(verb: Verb, read: Callable[[object], str], what: str) -> Callable[[object], _Operations]:
    """`replace`, `set-marker`, `move-to-extra`: a table of selectors."""

    def read_all(value: object) -> _Operations:
        if not isinstance(value, dict) or not value:
            raise ValueFaultError(value, f"a table of {what}")
        return [
            RequirementOperation(verb=verb, selector=_selector(key), value=read(item))
            for key, item in value.items()
        ]

    return read_all


def _marker(value: object) -> str:
    if value == "":
        return ""
    try:
        return str(parse_marker(PackagingMarker(read_text(value))))
    except ValueError as error:
        raise ValueFaultError(value, 'a marker, or "" for none') from error


def _extra(value: object) -> NormalizedName:
    try:
        return canonicalize_name(read_text(value), validate=True)
    except ValueError as error:
        raise ValueFaultError(value, "the name of an extra") from error


def _set_or_remove(value: object, *, allowed: set[str]) -> dict[str, object]:
    if not isinstance(value, dict) or not value.keys() & {"set", "remove"}:
        raise ValueFaultError(value, "a table with `set` or `remove`")
    unknown = sorted(value.keys() - allowed)
    if unknown:
        raise ValueFaultError(unknown[0], " or ".join(f"`{key}`" for key in sorted(allowed)))
    return value


def _single(field: Field, read: Callable[[object], str]) -> Callable[[object], _Operations]:
    """A field of one value: `{ set = … }` or `{ remove = true }`, both with `expects` if wanted."""

    def read_field(value: object) -> _Operations:
        table = _set_or_remove(value, allowed={"set", "remove", "expects"})
        if "set" in table and "remove" in table:
            raise ValueFaultError("both", "either `set` or `remove`")
        if "remove" in table and table["remove"] is not True:
            raise ValueFaultError(table["remove"], "`remove = true`")
        return [
            FieldOperation(
                field=field,
                value=read(table["set"]) if "set" in table else None,
                expects=read_text(table["expects"]) if "expects" in table else None,
            )
        ]

    return read_field


def _line(value: object) -> str:
    text = read_text(value)
    if " ".join(text.split()) != text:
        raise ValueFaultError(value, "one line of text")
    return text


def _requires_python(value: object) -> str:
    read_specifiers(value)
    return _line(value)


def _license_expression(value: object) -> str:
    try:
        return str(canonicalize_license_expression(_line(value)))
    except ValueError as error:
        raise ValueFaultError(
            value, "an SPDX licence expression such as `MIT OR Apache-2.0`"
        ) from error


def _extras(value: object) -> _Operations:
    table = _set_or_remove(value, allowed={"set", "remove"})
    return [
        FieldOperation(field=Field.EXTRAS, name=(extra,), value=extra if key == "set" else None)
        for key, names in table.items()
        for extra in read_list(_extra)(names)
    ]


def _entry_points(value: object) -> _Operations:
    table = _set_or_remove(value, allowed={"set", "remove"})
    return [
        FieldOperation(field=Field.ENTRY_POINTS, name=name, value=point)
        for key, groups in table.items()
        for name, point in _named_points(groups, removed=key == "remove")
    ]


def _named_points(groups: object, *, removed: bool) -> Iterator[tuple[tuple[str, str], str | None]]:
    expected = 'a table of groups, such as { console_scripts = { demo = "demo.cli:main" } }'
    if removed:
        expected = 'a table of groups, such as { console_scripts = ["demo"] }'
    if not isinstance(groups, dict) or not groups:
        raise ValueFaultError(groups, expected)
    for group, points in groups.items():
        if removed:
            for name in read_list(_line)(points):
                yield (group, name), None
            continue
        if not isinstance(points, dict):
            raise ValueFaultError(points, expected)
        for name, point in points.items():
            text = _line(point)
            if not _ENTRY_POINT.fullmatch(text):
                raise ValueFaultError(text, "an object reference such as `demo.cli:main`")
            yield (group, name), text


OPERATIONS: Mapping[str, Callable[[object], _Operations]] = {
    **{verb.value: _plain(verb) for verb in (Verb.DROP_UPPER, Verb.DROP_LOWER, Verb.REMOVE)},
    **{verb.value: _bound(verb) for verb in (Verb.SET_UPPER, Verb.SET_LOWER)},
    Verb.DROP_PREEMPTIVE.value: _preemptive,
    Verb.SET_MARKER.value: _keyed(Verb.SET_MARKER, _marker, "projects and their new markers"),
    Verb.MOVE_TO_EXTRA.value: _keyed(Verb.MOVE_TO_EXTRA, _extra, "projects and their extras"),
    Verb.REPLACE.value: _keyed(
        Verb.REPLACE, lambda value: read_requirement(value).text, "projects and what replaces them"
    ),
    Verb.ADD.value: _add,
    Field.REQUIRES_PYTHON.value: _single(Field.REQUIRES_PYTHON, _requires_python),
    Field.SUMMARY.value: _single(Field.SUMMARY, _line),
    Field.LICENSE.value: _single(Field.LICENSE, _line),
    Field.LICENSE_EXPRESSION.value: _single(Field.LICENSE_EXPRESSION, _license_expression),
    Field.DESCRIPTION.value: _single(Field.DESCRIPTION, read_text),
    Field.EXTRAS.value: _extras,
    Field.ENTRY_POINTS.value: _entry_points,
}
