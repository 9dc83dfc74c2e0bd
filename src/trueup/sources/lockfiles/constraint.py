"""Poetry's version constraints, rewritten to the specifiers of PEP 440.

Poetry, "Dependency specification": carets, tildes, wildcards and `||` come on top of PEP 440.
"""

from __future__ import annotations

import re
from functools import lru_cache

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from trueup.model.requirement import parse_specifiers

__all__ = ["parse_constraint", "python_marker"]

MAX_CLAUSES = 300
_CLAUSE = re.compile(r"(\^|~=|~|==|!=|<=|>=|<|>|=)?\s*([^\s,|<>=!~^]+)")
_BETWEEN = re.compile(r"[\s,]*")


@lru_cache(maxsize=16384)
def parse_constraint(text: str) -> tuple[SpecifierSet, ...]:
    """The alternatives that a constraint allows, one where it has no `||`.

    Raises ValueError, with the reason, for what is no constraint.
    """
    if "===" in text:
        raise ValueError("Poetry has no `===`")
    text = text.strip().removeprefix("(").removesuffix(")")
    return tuple(_all_of(part) for part in re.split(r"\|\|?", text))


def _all_of(text: str) -> SpecifierSet:
    clauses: list[str] = []
    position = 0
    text = text.strip()
    while position < len(text):
        match = _CLAUSE.match(text, position)
        if match is None or len(clauses) > MAX_CLAUSES:
            raise ValueError("is no version constraint")
        clauses += _clauses(match[1] or "", match[2])
        between = _BETWEEN.match(text, match.end())
        position = between.end() if between else match.end()
    return parse_specifiers(",".join(clauses))


def _clauses(operator: str, version: str) -> list[str]:
    if version in ("*", "x", "X"):
        return []
    version = re.sub(r"\.[xX](?=\.|$)", ".*", version)
    version = re.sub(r"(\.\*)+$", ".*", version)
    if operator in ("^", "~"):
        lower = Version(version.removesuffix(".*"))
        return [f">={lower}", f"<{_after(operator, lower)}"]
    # A wildcard stands for a range of its own, so `>=3.*` is `>=3`.
    if operator in ("<", ">=", "<=", ">") and version.endswith(".*"):
        version = version.removesuffix(".*")
    return [f"{'==' if operator in ('', '=') else operator}{version}"]


def _after(operator: str, lower: Version) -> str:
    """The first version that a caret or a tilde does not allow."""
    release = list(lower.release)
    if operator == "~":
        kept = min(2, len(release))
    else:
        significant = [place for place, part in enumerate(release, 1) if part]
        kept = significant[0] if significant else len(release)
    head = [*release[: kept - 1], release[kept - 1] + 1]
    epoch = f"{lower.epoch}!" if lower.epoch else ""
    return epoch + ".".join(map(str, head))


def python_marker(alternatives: tuple[SpecifierSet, ...]) -> str:
    """A constraint on Python as a marker, empty where it allows every one.

    A version of two parts is compared with `python_version`, as Poetry does.
    """
    if not all(len(one) for one in alternatives):
        return ""
    return " or ".join(
        " and ".join(sorted(_python_atom(one.operator, one.version) for one in specifiers))
        for specifiers in alternatives
    )


def _python_atom(operator: str, version: str) -> str:
    short = version.removesuffix(".*").count(".") < 2 and not (
        # Two parts compared with `python_version` would leave out the patch releases.
        operator in (">", "<=") or (operator in ("==", "!=") and not version.endswith(".*"))
    )
    return f"{'python_version' if short else 'python_full_version'} {operator} '{version}'"
