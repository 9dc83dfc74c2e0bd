"""Which line is the likely reason why a field varies: a static read, nothing is run.

A guess with a reason, never a verdict: the verdict comes from building.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from trueup.model.proof import Culprit, FieldProof

__all__ = ["culprits"]

_KEYWORDS = {
    "requires-dist": ("install_requires", "extras_require", "tests_require"),
    "provides-extra": ("extras_require",),
    "requires-python": ("python_requires",),
    "version": ("version",),
    "summary": ("description",),
    "description": ("long_description",),
    "classifier": ("classifiers",),
    "keywords": ("keywords",),
    "name": ("name",),
}
"""The keywords of `setup()` that set a field."""

_SIGNS: Mapping[str, tuple[str, ...]] = {
    "nothing": ("random", "uuid", "secrets", "urandom", "time", "datetime", "getpid", "id"),
    "hash-seed": ("set", "frozenset", "hash"),
    "path": ("getcwd", "abspath", "cwd", "__file__", "resolve"),
    "clock": ("time", "datetime", "date", "today", "now", "strftime", "SOURCE_DATE_EPOCH"),
    "time-zone": ("time", "datetime", "localtime", "tzname", "timezone"),
    "locale": ("locale", "getpreferredencoding", "open"),
    "python": ("version_info", "python_version", "hexversion", "sys.version", "maxsize"),
    "platform": ("platform", "machine", "system", "uname", "os.name", "get_platform"),
    "variable": ("environ", "getenv"),
    "requirements": ("setuptools", "__version__", "pkg_resources"),
    "tree": ("exists", "isdir", "isfile", "glob", "git", "listdir"),
}
"""Names whose use makes a value depend on a condition."""

_DYNAMIC = re.compile(r"^\s*dynamic\s*=|^\[tool\.(?:setuptools\.dynamic|hatch\.metadata\.hooks)")


def culprits(files: Mapping[str, str], fields: Iterable[FieldProof]) -> tuple[Culprit, ...]:
    """The likely lines, for each field that is not reproducible.

    ``files`` are the sources at the top of the sdist by name. Lines that both use a suspicious name
    and lead to the field come alone if there are any; otherwise all lines with such a name.
    """
    found: dict[tuple[str, str, int], Culprit] = {}
    for field in fields:
        if field.standing.holds:
            continue
        causes = [cause.name for cause in field.causes]
        for name, text in files.items():
            if name.endswith(".py"):
                for culprit in _python(name, text, field.field, causes):
                    found.setdefault((field.field, name, culprit.line), culprit)
            elif name == "pyproject.toml" and field.broken:
                for culprit in _dynamic(name, text, field.field):
                    found.setdefault((field.field, name, culprit.line), culprit)
    return tuple(found.values())


def _dynamic(name: str, text: str, field: str) -> Iterator[Culprit]:
    for number, line in enumerate(text.splitlines(), 1):
        if _DYNAMIC.match(line):
            yield Culprit(
                field=field,
                file=name,
                line=number,
                text=line.strip(),
                reason="says what the backend computes",
            )


def _python(name: str, text: str, field: str, causes: list[str]) -> list[Culprit]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    lines = text.splitlines()
    keywords = _KEYWORDS.get(field, ())
    near: list[Culprit] = []
    far: list[Culprit] = []
    for piece in _pieces(tree, keywords, _leading(tree, keywords)):
        used = _used(piece.node)
        for cause in causes or ["python", "platform", "variable", "nothing"]:
            sign = next((sign for sign in _SIGNS.get(cause, ()) if sign in used), None)
            if sign is None:
                continue
            line = used[sign] or piece.line
            culprit = Culprit(
                field=field,
                file=name,
                line=line,
                text=lines[line - 1].strip() if line <= len(lines) else "",
                reason=f"uses `{sign}`",
            )
            (near if piece.leads else far).append(culprit)
    return near or far


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A part of a file that does one thing; ``leads`` says that it bears upon the field."""

    node: ast.AST
    line: int
    leads: bool


def _pieces(
    tree: ast.Module, keywords: tuple[str, ...], leading: frozenset[str]
) -> Iterator[_Piece]:
    """Statements, tests of conditions without what lies below them, and keywords of `setup()`."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Call() as call) if _is_setup(call):
                for keyword in call.keywords:
                    leads = keyword.arg in keywords
                    yield _Piece(node=keyword.value, line=keyword.value.lineno, leads=leads)
            case ast.Assign() | ast.AugAssign() | ast.AnnAssign() | ast.Expr() | ast.Return():
                yield _Piece(node=node, line=node.lineno, leads=bool(_names(node) & leading))
            case ast.If() | ast.While():
                leads = bool(_names(node) & leading)
                yield _Piece(node=node.test, line=node.lineno, leads=leads)


def _is_setup(call: ast.Call) -> bool:
    name = call.func
    return (isinstance(name, ast.Name) and name.id == "setup") or (
        isinstance(name, ast.Attribute) and name.attr == "setup"
    )


def _used(root: ast.AST) -> dict[str, int]:
    """Names, attributes, dotted pairs such as `os.name` and short strings, each with its line."""
    found: dict[str, int] = {}
    for node in ast.walk(root):
        line = int(getattr(node, "lineno", 0))
        match node:
            case ast.Name(id=name):
                found.setdefault(name, line)
            case ast.Attribute(value=owner, attr=attr):
                found.setdefault(attr, line)
                if isinstance(owner, ast.Name):
                    found.setdefault(f"{owner.id}.{attr}", line)
            case ast.Constant(value=str() as text) if len(text) < 40:
                found.setdefault(text, line)
            case ast.Set() | ast.SetComp():
                found.setdefault("set", line)
    return found


def _leading(tree: ast.Module, keywords: tuple[str, ...]) -> frozenset[str]:
    """The keywords, and names that reach them through assignments, in as many steps as it takes."""
    names = set(keywords)
    assigned: list[tuple[set[str], set[str]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in keywords:
            names |= _names(node.value)
        elif isinstance(node, ast.Assign):
            targets = {name for target in node.targets for name in _names(target)}
            assigned.append((targets, _names(node.value)))
        elif isinstance(node, ast.AugAssign):
            assigned.append((_names(node.target), _names(node.value)))
        elif isinstance(node, ast.FunctionDef):
            assigned.append(({node.name}, {name for part in node.body for name in _names(part)}))
    # A module leads everywhere and nowhere.
    modules = {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    while True:
        more = {name for targets, values in assigned if targets & names for name in values}
        more -= modules
        if more <= names:
            return frozenset(names - modules)
        names |= more


def _names(node: ast.AST) -> set[str]:
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
