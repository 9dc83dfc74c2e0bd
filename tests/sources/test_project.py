"""`[project]` and `[dependency-groups]`: what they ask for, and how they refuse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement as PackagingRequirement
from packaging.version import Version

from trueup.model.errors import UsageError
from trueup.model.requirement import parse_requirement
from trueup.sources.project import Declared, ProjectFile, narrowed, read_project


def read(folder: Path, text: str) -> ProjectFile:
    path = folder / "pyproject.toml"
    path.write_text(text)
    return read_project(path, shown="pyproject.toml")


def texts(items: Iterable[Declared]) -> list[str]:
    return [str(item.requirement) for item in items]


def test_what_it_asks_for(tmp_path: Path) -> None:
    project = read(
        tmp_path,
        """\
[project]
name = "My.App"
version = "1.0"
requires-python = ">=3.11"
dependencies = [
  "Flask >= 3",
  "tomli; python_version < '3.11'",
]
[project.optional-dependencies]
Fast_JSON = ["orjson"]
[dependency-groups]
dev = ["pytest", {include-group = "Lint"}]
lint = ["ruff>=0.9"]
""",
    )
    assert (project.name, project.version) == ("my-app", Version("1.0"))
    assert str(project.requires_python) == ">=3.11"
    assert texts(project.dependencies) == ["flask>=3", 'tomli; python_version < "3.11"']
    assert [item.origin for item in project.dependencies] == [
        "pyproject.toml:6",
        "pyproject.toml:7",
    ]
    assert {name: texts(items) for name, items in project.extras.items()} == {
        "fast-json": ["orjson"]
    }
    assert {name: texts(items) for name, items in project.groups.items()} == {
        "dev": ["pytest", "ruff>=0.9"],
        "lint": ["ruff>=0.9"],
    }
    assert [item.origin for item in project.groups["dev"]] == [  # type: ignore[index]
        "pyproject.toml:12",
        "pyproject.toml:13",
    ]
    assert project.known
    assert [str(item) for item in project.requires_dist()] == [
        "flask>=3",
        'tomli; python_version < "3.11"',
        'orjson; extra == "fast-json"',
    ]


@pytest.mark.parametrize(
    ("extras", "expanded"),
    [
        ({"a": ["x"], "all": ["pkg[a]"]}, ["x"]),
        ({"a": ["x"], "b": ["y"], "all": ["PKG[a,b]", "z"]}, ["x", "y", "z"]),
        ({"a": ["x; os_name == 'nt'"], "all": ["pkg[a]"]}, ['x; os_name == "nt"']),
        ({"a": ["x"], "all": ["pkg[a]; os_name == 'nt'"]}, ['x; os_name == "nt"']),
        (
            {"a": ["x; os_name == 'nt'"], "all": ["pkg[a]; python_version > '3.9'"]},
            ['x; os_name == "nt" and python_version > "3.9"'],
        ),
        ({"a": ["x", "pkg[all]"], "all": ["y", "pkg[a]"]}, ["y", "x"]),
        ({"all": ["pkg[all]", "x"]}, ["x"]),
        ({"all": ["pkg"]}, []),
        ({"a": ["pkg[b]"], "b": ["pkg[c]"], "c": ["x"], "all": ["pkg[a]"]}, ["x"]),
    ],
)
def test_what_a_project_asks_of_itself(
    extras: dict[str, list[str]], expanded: list[str], tmp_path: Path
) -> None:
    document = {
        "project": {"name": "pkg", "dependencies": ["base"], "optional-dependencies": extras},
        "dependency-groups": {"dev": ["pkg[all]", "pytest"]},
    }
    project = read(tmp_path, tomli_w.dumps(document))
    assert {PackagingRequirement(text) for text in texts(project.extras["all"])} == {  # type: ignore[index]
        PackagingRequirement(text) for text in expanded
    }
    assert len(project.groups["dev"]) == len(expanded) + 1  # type: ignore[index]


NAMES = ["a", "b", "c", "d"]
MARKERS = ["", "; os_name == 'nt'", "; python_version >= '3.12' or os_name == 'posix'"]
ENVIRONMENTS: list[dict[str, str]] = [
    {"os_name": system, "python_version": python}
    for system in ("nt", "posix", "java")
    for python in ("3.11", "3.12")
]


@st.composite
def optional_dependencies(draw: st.DrawFn) -> dict[str, list[str]]:
    def line(extra: str, number: int) -> str:
        marker = draw(st.sampled_from(MARKERS))
        asked = draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True))
        return f"pkg[{','.join(asked)}]{marker}" if asked else f"{extra}{number}{marker}"

    return {
        extra: [line(extra, number) for number in range(draw(st.integers(0, 3)))] for extra in NAMES
    }


def closure(extras: Mapping[str, list[str]], wanted: str, environment: dict[str, str]) -> set[str]:
    """What an installer gets from ``pkg[wanted]``, one requirement after the other."""
    found: set[str] = set()
    seen: set[str] = set()
    ahead = {wanted}
    while ahead:
        extra = ahead.pop()
        seen.add(extra)
        for text in extras[extra]:
            requirement = PackagingRequirement(text)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                if requirement.name == "pkg":
                    ahead |= requirement.extras - seen
                else:
                    found.add(requirement.name)
    return found


@given(extras=optional_dependencies())
def test_extras_of_extras_are_what_an_installer_gets(
    extras: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    document = {"project": {"name": "pkg", "optional-dependencies": extras}}
    project = read(tmp_path_factory.mktemp("project"), tomli_w.dumps(document))
    for extra in NAMES:
        for environment in ENVIRONMENTS:
            live = {
                item.requirement.project
                for item in project.extras[extra]  # type: ignore[index]
                if item.requirement.marker is None or item.requirement.marker.holds(environment)
            }
            assert live == closure(extras, extra, environment)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ('[project]\nname = "a"', True),
        ('[project]\nname = "a"\ndynamic = ["version"]', True),
        ('[project]\nname = "a"\ndynamic = ["dependencies"]', False),
        ('[project]\nname = "a"\ndynamic = ["optional-dependencies"]', False),
        ("[build-system]\nrequires = []", False),
    ],
)
def test_what_only_a_build_tells(text: str, known: bool, tmp_path: Path) -> None:
    assert read(tmp_path, text).known is known


def test_dynamic_extras_are_left_to_the_build(tmp_path: Path) -> None:
    project = read(
        tmp_path,
        '[project]\nname = "a"\ndynamic = ["optional-dependencies"]\ndependencies = ["a[x]"]',
    )
    assert texts(project.dependencies) == ["a[x]"]


def test_narrowing_keeps_alternatives_together() -> None:
    wide = parse_requirement("x; os_name == 'nt' or os_name == 'java'")
    narrow = narrowed(wide, 'python_version < "3.12"')
    assert str(narrow) == ('x; (os_name == "nt" or os_name == "java") and python_version < "3.12"')
    assert narrowed(narrow, None) is narrow


HEAD = '[project]\nname = "pkg"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project", "is not valid TOML"),
        ("project = 1", "`project`: found `1`, expected a table"),
        ("[project]", "`[project] name`: found `nothing`, expected the name of the project"),
        ("[project]\nname = 1", "`[project] name`: found `1`, expected a string"),
        ('[project]\nname = "a b"', "`[project] name`: found `a b`, expected the name of a proj"),
        (f'{HEAD}version = "one"', "`[project] version`: found `one`, expected a version such as"),
        (f"{HEAD}version = 1.0", "`[project] version`: found `1.0`, expected a string"),
        (
            f'{HEAD}requires-python = "3.11"',
            "`[project] requires-python`: found `3.11`, expected versions such as `>=3.11,<3.15`",
        ),
        (
            f'{HEAD}dependencies = "flask"',
            "`[project] dependencies`: found `flask`, expected a list of requirements, as strings",
        ),
        (
            f'{HEAD}dependencies = ["flask", 3]',
            '`[project] dependencies`: found `["flask", 3]`, expected a list of requirements',
        ),
        (
            f'{HEAD}dependencies = ["flask=3"]',
            "`[project] dependencies`: found `flask=3`, expected a requirement (",
        ),
        (
            f"{HEAD}dependencies = [\"flask; extra == 'x'\"]",
            "`[project] dependencies`: found `flask; extra == 'x'`, expected no marker that asks",
        ),
        (
            f"{HEAD}dependencies = [\"flask; color == 'red'\"]",
            "`[project] dependencies`: found `flask; color == 'red'`, expected a requirement (",
        ),
        (f'{HEAD}dynamic = "version"', "`[project] dynamic`: found `version`, expected a list of"),
        (
            f"{HEAD}optional-dependencies = []",
            "`[project] optional-dependencies`: found `[]`, expected a table",
        ),
        (
            f'{HEAD}[project.optional-dependencies]\nx = "y"',
            "`[project.optional-dependencies] x`: found `y`, expected a list of requirements",
        ),
        (
            f'{HEAD}[project.optional-dependencies]\n"x y" = []',
            "`[project.optional-dependencies] x y`: found `x y`, expected the name of an extra",
        ),
        (
            f"{HEAD}[project.optional-dependencies]\na-b = []\na_b = []",
            "`[project.optional-dependencies]` has the extra `a-b` twice",
        ),
        (
            f'{HEAD}[project.optional-dependencies]\nall = ["pkg[b]"]',
            "`[project.optional-dependencies] all` asks for an extra that the project does not "
            "have: found `pkg[b]`, expected `all`",
        ),
        (
            f'{HEAD}dependencies = ["pkg[b]"]',
            "`[project] dependencies` asks for an extra that the project does not have: "
            "found `pkg[b]`, expected no extra",
        ),
        ("dependency-groups = []", "`dependency-groups`: found `[]`, expected a table"),
        (
            '[dependency-groups]\ndev = "pytest"',
            "`[dependency-groups] dev`: found `pytest`, expected a list of requirements and of",
        ),
        (
            "[dependency-groups]\ndev = [1]",
            "`[dependency-groups] dev`: found `1`, expected a list of requirements and of tables",
        ),
        (
            "[dependency-groups]\ndev = [{include = 'x'}]",
            '`[dependency-groups] dev`: found `{"include": "x"}`, expected a list of requirements',
        ),
        (
            "[dependency-groups]\ndev = ['a b']",
            "`[dependency-groups] dev`: found `a b`, expected a requirement (",
        ),
        (
            "[dependency-groups]\ndev = [{include-group = 'x'}]",
            "`[dependency-groups]`: an included group is missing: Dependency group 'x' not found",
        ),
        (
            "[dependency-groups]\na = [{include-group = 'b'}]\nb = [{include-group = 'a'}]",
            "`[dependency-groups]`: group `b` includes `a`, which includes it",
        ),
        (
            "[dependency-groups]\nDev = []\ndev = []",
            "`[dependency-groups]`: Duplicate dependency group names: dev (Dev, dev)",
        ),
        (
            '[dependency-groups]\n"a b" = []',
            "`[dependency-groups] a b`: found `a b`, expected the name of a group",
        ),
    ],
)
def test_what_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    told = str(caught.value).replace(str(tmp_path / "pyproject.toml"), "pyproject.toml")
    assert told.startswith(f"`pyproject.toml`: {message}")


LEAVES = st.sampled_from(["a", "a>=1", "pkg[a]", "a b", "", 1, 1.5, True, "a; os_name == 'nt'"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b", "include-group", "x y"]), inner, max_size=2)
    ),
    max_leaves=4,
)
PROJECT_KEYS = ["name", "version", "requires-python", "dependencies", "dynamic"]


@given(
    project=st.dictionaries(st.sampled_from([*PROJECT_KEYS, "optional-dependencies"]), VALUES),
    groups=VALUES,
)
def test_any_table_is_understood_or_refused(
    project: dict[str, object], groups: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    document = {"project": {"name": "pkg", **project}, "dependency-groups": groups}
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(tomli_w.dumps(document))
    try:
        place = read_project(path).path
    except UsageError as error:
        place = Path(error.place[0])
    assert place == path


def test_a_file_that_is_missing_or_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_project(tmp_path / "pyproject.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_project(tmp_path)
