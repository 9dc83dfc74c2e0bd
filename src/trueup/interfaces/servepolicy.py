"""The policies in a file of `trueup serve`: its top level for all, and `[[policy]]` tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import Enum
from typing import TypeVar

from packaging.utils import canonicalize_name

from trueup.features.serve.policies import (
    ANY,
    PolicyBook,
    PolicyTable,
    ProjectPolicy,
    ViewPolicy,
)
from trueup.judge.rule import RuleSettings
from trueup.judge.rules import RULES
from trueup.model.errors import UsageError
from trueup.model.finding import ReleaseClass, Severity
from trueup.sources.tomltable import TomlTable, alternatives

__all__ = [
    "CLASSES",
    "POLICY_KEYS",
    "member",
    "number_of",
    "one_or_more",
    "parse_book",
    "parse_policy",
    "refuse_strangers",
    "size_of",
]

POLICY_KEYS = (
    "classes", "closed-after-days", "contradicting-sdists", "contradictions", "declarations",
    "fail-on", "ignore", "irreconcilable", "largest", "proof", "quiet-period", "select",
    "severity",
)  # fmt: skip
"""The keys of a policy, at the top level and in a table."""

CLASSES = (ReleaseClass.MERGEABLE, ReleaseClass.IRRECONCILABLE, ReleaseClass.UNKNOWN)
"""Classes of a release that may be refused."""

_CHANNELS = re.compile(r"[a-z0-9*?\[\]!-]{1,63}", re.ASCII)
_PROJECTS = re.compile(r"[A-Za-z0-9._*?\[\]!-]{1,256}", re.ASCII)
_NEVER = "never"
_DAY = 86_400.0
_UNITS = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}

E = TypeVar("E", bound=Enum)


def parse_book(document: TomlTable, default: ProjectPolicy) -> PolicyBook:
    """All policies of a file: what its top level says is the default of its tables.

    Raises UsageError naming table and key.
    """
    base = parse_policy(document, default)
    tables = []
    for number, table in enumerate(document.tables("policy"), 1):
        named = TomlTable(name=f"policy {number}", values=table.values)
        refuse_strangers(named, (*POLICY_KEYS, "channels", "projects"))
        projects = _patterns(named, "projects", _PROJECTS, "names of projects, or patterns")
        channels = _patterns(named, "channels", _CHANNELS, "names of channels, or patterns")
        tables.append(
            PolicyTable(
                projects=tuple(map(canonicalize_name, projects)),
                channels=channels,
                policy=parse_policy(named, base),
            )
        )
    return PolicyBook(default=base, tables=tuple(tables))


def parse_policy(table: TomlTable, default: ProjectPolicy) -> ProjectPolicy:
    """What a table says, and for the rest what holds anyway; raises UsageError."""
    days = number_of(table, "closed-after-days", "days, such as `14`")
    quiet = number_of(table, "quiet-period", "seconds, such as `300`")
    largest = size_of(table, "largest")
    return ProjectPolicy(
        contradictions=member(table, "contradictions", default.contradictions),
        classes=_classes(table, default.classes),
        rules=_rules(table, default.rules),
        fail_on=_fail_on(table, default.fail_on),
        declarations=member(table, "declarations", default.declarations),
        proof=member(table, "proof", default.proof),
        quiet=default.quiet if quiet is None else quiet,
        largest=default.largest if largest is None else largest,
        closed_after=default.closed_after if days is None else days * _DAY,
        views=ViewPolicy(
            irreconcilable=member(table, "irreconcilable", default.views.irreconcilable),
            sdists=member(table, "contradicting-sdists", default.views.sdists),
        ),
    )


def refuse_strangers(table: TomlTable, known: Iterable[str]) -> None:
    """Raise UsageError for keys that nothing reads, naming the nearest that something does."""
    keys = sorted(known)
    for key in sorted(table.values.keys() - set(keys)):
        near = get_close_matches(key, keys, n=1, cutoff=0.5)
        where = f"`[{table.name}]` " if table.name else ""
        meant = f"did you mean `{near[0]}`? " if near else ""
        raise UsageError(
            f"{where}has no key `{key}`", hint=f"{meant}the keys are: {', '.join(keys)}"
        )


def number_of(
    table: TomlTable, key: str, expected: str, *, least: float = 0, whole: bool = False
) -> float | None:
    """A number that is not negative; None if there is none."""
    value = table.values.get(key)
    if value is None:
        return None
    right = isinstance(value, int) or (isinstance(value, float) and not whole)
    # The last comparison is false for what is no number (`nan`), and for infinity.
    if isinstance(value, bool) or not right or not least <= float(str(value)) < 1e15:
        raise table.refuse(key, expected)
    return float(str(value))


def size_of(table: TomlTable, key: str) -> int | None:
    """A size in bytes: a number of GiB, or a text such as ``300 MiB``; None if there is none."""
    expected = "GiB as a number, or a size such as `300 MiB`"
    value = table.values.get(key)
    if isinstance(value, str):
        match = re.fullmatch(r"(\d{1,9}) ?([KMG]iB)", value, re.ASCII)
        if match is None or int(match[1]) == 0:
            raise table.refuse(key, expected)
        return int(match[1]) * _UNITS[match[2]]
    number = number_of(table, key, expected)
    if number == 0:
        raise table.refuse(key, expected)
    return None if number is None else max(1, int(number * _UNITS["GiB"]))


def one_or_more(table: TomlTable, key: str, expected: str) -> tuple[str, ...] | None:
    """A list of strings; one string stands for a list of one."""
    value = table.values.get(key)
    return (value,) if isinstance(value, str) else table.strings(key, expected)


def _patterns(
    table: TomlTable, key: str, allowed: re.Pattern[str], expected: str
) -> tuple[str, ...]:
    found = one_or_more(table, key, f"a list of {expected}")
    if found is None:
        return (ANY,)
    for pattern in found:
        if not allowed.fullmatch(pattern):
            raise table.refuse(key, expected, found=pattern)
    if not found:
        raise table.refuse(key, f"at least one of {expected}")
    return found


def member(table: TomlTable, key: str, default: E) -> E:
    """One of the values of the default's kind."""
    value = table.values.get(key)
    if value is None:
        return default
    members = {str(item.value): item for item in type(default)}
    if not isinstance(value, str) or value not in members:
        raise table.refuse(key, alternatives(members))
    return members[value]


def _classes(table: TomlTable, default: frozenset[ReleaseClass]) -> frozenset[ReleaseClass]:
    names = one_or_more(table, "classes", "a list of classes")
    if names is None:
        return default
    known = {item.value: item for item in CLASSES}
    for name in names:
        if name not in known:
            raise table.refuse("classes", alternatives(known), found=name)
    found = frozenset(known[name] for name in names)
    if ReleaseClass.MERGEABLE in found and ReleaseClass.IRRECONCILABLE not in found:
        raise table.refuse(
            "classes",
            "`irreconcilable` beside `mergeable`",
            hint="whoever does not accept what a list can serve does not accept what none can",
        )
    return found


def _rules(table: TomlTable, default: RuleSettings) -> RuleSettings:
    select = one_or_more(table, "select", "a list of codes of rules")
    ignore = one_or_more(table, "ignore", "a list of codes of rules")
    severity = _severity(table)
    found = RuleSettings(
        select=default.select if select is None else frozenset(select),
        ignore=default.ignore if ignore is None else frozenset(ignore),
        severity=dict(default.severity if severity is None else severity),
    )
    codes = {rule.code for rule in RULES}
    for key, said in (("select", select), ("ignore", ignore), ("severity", severity)):
        for code in sorted(set(said or ()) - codes):
            near = get_close_matches(code, codes, n=1, cutoff=0.5)
            raise table.refuse(
                key,
                f"the code of a rule{f', such as `{near[0]}`' if near else ''}",
                found=code,
                hint=f"the codes are: {', '.join(sorted(codes))}",
            )
    return found


def _severity(table: TomlTable) -> Mapping[str, Severity] | None:
    if "severity" not in table.values:
        return None
    levels = {item.value: item for item in reversed(Severity)}
    said = table.table("severity").values
    for level in said.values():
        if not isinstance(level, str) or level not in levels:
            raise table.refuse("severity", alternatives(levels), found=level)
    return {code: levels[str(level)] for code, level in said.items()}


def _fail_on(table: TomlTable, default: Severity | None) -> Severity | None:
    value = table.values.get("fail-on")
    if value is None:
        return default
    levels = {item.value: item for item in reversed(Severity)}
    if not isinstance(value, str) or value not in (*levels, _NEVER):
        raise table.refuse("fail-on", alternatives((*levels, _NEVER)))
    return levels.get(value)
