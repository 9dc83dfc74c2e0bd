"""What is changed from one build to the next, one thing at a time, each with a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trueup.model.errors import UsageError
from trueup.model.proof import Condition
from trueup.sources.build import Situation
from trueup.sources.interpreter import Interpreter

__all__ = [
    "AGAIN",
    "BASELINE",
    "NAMES",
    "PLAIN",
    "SDIST_AND_TREE",
    "Planned",
    "conditions",
    "parse_vary",
]

NAMES = (
    "again", "hash-seed", "path", "clock", "time-zone", "locale", "requirements", "python",
    "platform", "variable", "tree",
)  # fmt: skip
"""The names of all conditions besides the baseline."""

BASELINE = Condition(name="baseline")
AGAIN = Condition(name="again")
SDIST_AND_TREE = Condition(name="tree")
"""The project's folder instead of the sdist that was made from it."""

PLAIN = Situation(environment={"TZ": "UTC"})

_DAYS = 400
"""Far enough to change day, month and year."""
_PURE = (
    "setuptools.build_meta", "hatchling.build", "flit_core.buildapi", "poetry.core.masonry.api",
    "pdm.backend",
)  # fmt: skip
"""Backends that are pure Python, for which a platform can be pretended in the metadata step."""
_PLATFORMS = (
    ("Windows AMD64", "win32,Windows,AMD64"),
    ("macOS arm64", "darwin,Darwin,arm64"),
    ("Linux aarch64", "linux,Linux,aarch64"),
    ("Linux x86_64", "linux,Linux,x86_64"),
)
_LONG = "a-path-that-is-much-longer-than-the-other-one/" * 3 + "tree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A condition, and the situation that makes it."""

    condition: Condition
    situation: Situation


def conditions(
    backend: str,
    *,
    own: Interpreter,
    only: frozenset[str] | None = None,
    vary: Sequence[tuple[str, str]] = (),
    pythons: Sequence[Interpreter] = (),
) -> list[Planned]:
    """Everything to try besides the baseline, in the order of reports."""
    planned = [_planned(AGAIN), _planned(AGAIN)]
    planned += [_planned(_of("hash-seed", seed), PYTHONHASHSEED=seed) for seed in ("1", "2")]
    planned.append(
        Planned(condition=_of("path"), situation=Situation(folder=_LONG, environment={"TZ": "UTC"}))
    )
    planned.append(
        Planned(
            condition=_of("clock", f"{_DAYS} days later", simulated=True),
            situation=Situation(clock=_DAYS * 86400, environment={"TZ": "UTC"}),
        )
    )
    # 2100-01-01; backends that heed it take it for today.
    planned.append(_planned(_of("clock", "SOURCE_DATE_EPOCH"), SOURCE_DATE_EPOCH="4102444800"))
    planned.append(_planned(_of("time-zone", "14 h ahead"), TZ="XXX-14"))
    planned.append(
        _planned(_of("locale", "C"), LC_ALL="C", LANG="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    )
    planned.append(
        Planned(
            condition=_of("requirements", "lowest"),
            situation=Situation(lowest=True, environment={"TZ": "UTC"}),
        )
    )
    planned += _pythons(pythons, own)
    if backend.startswith(_PURE):
        planned += _platforms()
    planned += [
        _planned(_of("variable", f"{name}={value}"), **{name: value}) for name, value in vary
    ]
    if only is None:
        return planned
    unknown = sorted(only - set(NAMES))
    if unknown:
        raise UsageError(
            f"there is no condition `{unknown[0]}`", hint=f"the names are: {', '.join(NAMES)}"
        )
    return [one for one in planned if one.condition.name in only]


def parse_vary(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """``NAME=a,b`` → (NAME, a), (NAME, b); raises UsageError."""
    pairs = []
    for text in texts:
        name, equals, values = text.partition("=")
        if not (equals and name.replace("_", "a").isalnum() and not name[0].isdigit()):
            raise UsageError("`--vary`", found=f"`{text}`", expected="`NAME=VALUE,…`")
        pairs += [(name, value) for value in values.split(",")]
    return tuple(pairs)


def _of(name: str, value: str | None = None, *, simulated: bool = False) -> Condition:
    return Condition(name=name, value=value, simulated=simulated)


def _planned(condition: Condition, **environment: str) -> Planned:
    return Planned(
        condition=condition, situation=Situation(environment={"TZ": "UTC", **environment})
    )


def _pythons(pythons: Sequence[Interpreter], own: Interpreter) -> list[Planned]:
    return [
        Planned(
            condition=_of("python", one.label),
            situation=Situation(interpreter=one, environment={"TZ": "UTC"}),
        )
        for one in pythons
        if one.minor != own.minor
    ]


def _platforms() -> list[Planned]:
    return [
        Planned(
            condition=_of("platform", label, simulated=True),
            situation=Situation(pretended=value, environment={"TZ": "UTC"}),
        )
        for label, value in _PLATFORMS
    ]
