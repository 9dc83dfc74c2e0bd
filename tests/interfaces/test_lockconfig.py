"""`[tool.trueup.lock]`: where it is found, what it may say, and how it refuses."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trueup.interfaces.config import TABLES
from trueup.interfaces.lockconfig import (
    LOCK_KEYS,
    LockIndex,
    LockSettings,
    find_lock_settings,
    parse_moment,
    read_lock_settings,
)
from trueup.model.condition import Option, OptionKind
from trueup.model.errors import UsageError
from trueup.model.lockrequest import EVERYTHING, Irreconcilable, Prereleases, Strategy
from trueup.model.requirement import parse_requirement, parse_specifiers
from trueup.model.target import parse_targets

PAGE = Path(__file__).parents[2] / "docs/reference/lock-settings.md"
END_OF_JANUARY = datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC)


def write(folder: Path, text: str, header: str = "[tool.trueup.lock]\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pyproject.toml"
    path.write_text(header + text)
    return path


def extra(name: str, project: str | None = None) -> Option:
    return Option(kind=OptionKind.EXTRA, name=name, project=project)  # type: ignore[arg-type]


def group(name: str) -> Option:
    return Option(kind=OptionKind.GROUP, name=name)


def test_every_key_but_targets(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        python = ">=3.11,<3.15"
        platforms = ["linux-x86_64", "macos-arm64-14.0"]
        require-all-targets = true
        extras = ["CPU", "cu_126"]
        groups = ["test"]
        default-groups = ["Test"]
        conflicts = [[{ extra = "cpu" }, { extra = "cu126" }, { group = "x" }],
                     [{ project = "Other", extra = "a" }, { project = "other", extra = "b" }]]
        constraints = ["urllib3<3"]
        overrides = ["numpy>=2"]
        exclude = ["Some_Thing"]
        strategy = "lowest"
        irreconcilable = "union"
        prereleases = "allow"
        prerelease-projects = ["black"]
        exclude-newer = 2026-01-31
        only-binary = true
        allow-build = ["Lib.A"]
        indexes = ["https://index.test/simple", "mirror",
                   { name = "wheels", url = "https://index.test/cpu", explicit = true }]
        sources = { Torch = "wheels" }
        find-links = ["wheelhouse"]
        members = ["libs/*"]
        output = "locks/pylock.ci.toml"
        """,
    )
    assert find_lock_settings(tmp_path) == LockSettings(
        path=path,
        python=parse_specifiers(">=3.11,<3.15"),
        platforms=("linux-x86_64", "macos-arm64-14.0"),
        require_all_targets=True,
        extras=frozenset({"cpu", "cu-126"}),  # type: ignore[arg-type]
        groups=frozenset({"test"}),  # type: ignore[arg-type]
        default_groups=("test",),  # type: ignore[arg-type]
        conflicts=(
            frozenset({extra("cpu"), extra("cu126"), group("x")}),
            frozenset({extra("a", "other"), extra("b", "other")}),
        ),
        constraints=(parse_requirement("urllib3<3"),),
        overrides=(parse_requirement("numpy>=2"),),
        excluded=frozenset({"some-thing"}),  # type: ignore[arg-type]
        strategy=Strategy.LOWEST,
        irreconcilable=Irreconcilable.UNION,
        prereleases=Prereleases.ALLOW,
        prerelease_projects=frozenset({"black"}),
        exclude_newer=END_OF_JANUARY,
        only_binary=frozenset({EVERYTHING}),
        allow_build=frozenset({"lib-a"}),
        indexes=(
            LockIndex(url="https://index.test/simple"),
            LockIndex(url=str(tmp_path / "mirror")),
            LockIndex(url="https://index.test/cpu", name="wheels", explicit=True),
        ),
        assigned={"torch": "wheels"},  # type: ignore[dict-item]
        find_links=(str(tmp_path / "wheelhouse"),),
        members=("libs/*",),
        output=tmp_path / "locks/pylock.ci.toml",
    )


def test_targets_expand_and_are_sorted(tmp_path: Path) -> None:
    write(tmp_path, 'targets = ["cp312..cp313-windows-amd64", "cp311-linux-x86_64"]')
    expected = parse_targets("cp311-linux-x86_64,cp312-windows-amd64,cp313-windows-amd64")
    assert find_lock_settings(tmp_path).targets == expected


def test_found_upward_past_files_without_the_table(tmp_path: Path) -> None:
    path = write(tmp_path, 'strategy = "newest"')
    write(tmp_path / "member", 'name = "member"', header="[project]\n")
    assert find_lock_settings(tmp_path / "member").path == path
    assert read_lock_settings(tmp_path / "member/pyproject.toml") is None


def test_nothing_set_anywhere(tmp_path: Path) -> None:
    write(tmp_path, 'name = "a"', header="[project]\n")
    assert read_lock_settings(tmp_path / "pyproject.toml") is None
    empty = write(tmp_path / "b", "")
    assert read_lock_settings(empty) == LockSettings(path=empty)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("target = []", "`[tool.trueup.lock]` has no key `target`"),
        ("b = 1\na = 2", "`[tool.trueup.lock]` has no key `a` and `b`"),
        (
            'targets = "linux"',
            "`[tool.trueup.lock] targets`: found `linux`, "
            "expected a list of targets such as `cp312-linux-x86_64`",
        ),
        ('targets = ["cp312-beos"]', "`[tool.trueup.lock] targets`: `cp312-beos` names no env"),
        (
            'targets = ["linux"]\npython = ">=3.12"',
            "`[tool.trueup.lock]` has `targets` together with `python` or `platforms`",
        ),
        ("python = 3", "`[tool.trueup.lock] python`: found `3`, expected a string"),
        ('python = "3.12"', "`[tool.trueup.lock] python`: found `3.12`, expected versions such as"),
        (
            'platforms = ["cp312-linux-x86_64"]',
            "`[tool.trueup.lock] platforms`: found `cp312-linux-x86_64`, expected platforms such",
        ),
        (
            "require-all-targets = 1",
            "`[tool.trueup.lock] require-all-targets`: found `1`, expected `true` or `false`",
        ),
        (
            'extras = ["a b"]',
            "`[tool.trueup.lock] extras`: found `a b`, expected only extra names",
        ),
        ("groups = true", "`[tool.trueup.lock] groups`: found `true`, expected a list of group"),
        (
            'default-groups = "all"',
            "`[tool.trueup.lock] default-groups`: found `all`, expected a list of group names",
        ),
        (
            'conflicts = [{ extra = "a" }]',
            '`[tool.trueup.lock] conflicts`: found `{"extra": "a"}`, expected lists of tables',
        ),
        (
            'conflicts = [[{ extra = "a" }]]',
            '`[tool.trueup.lock] conflicts`: found `[{"extra": "a"}]`, expected at least two',
        ),
        (
            'conflicts = [[{ extra = "a", group = "b" }, { extra = "c" }]]',
            '`[tool.trueup.lock] conflicts`: found `{"extra": "a", "group": "b"}`, expected a table',
        ),
        (
            'conflicts = [[{ extra = 1 }, { extra = "c" }]]',
            '`[tool.trueup.lock] conflicts`: found `{"extra": 1}`, expected a table',
        ),
        (
            'constraints = ["a b"]',
            "`[tool.trueup.lock] constraints`: found `a b`, expected a requirement (Expected",
        ),
        ("overrides = {}", "`[tool.trueup.lock] overrides`: found `{}`, expected a list of req"),
        (
            'exclude = ["a>1"]',
            "`[tool.trueup.lock] exclude`: found `a>1`, expected only project names",
        ),
        (
            'strategy = "oldest"',
            "`[tool.trueup.lock] strategy`: found `oldest`, "
            "expected `aligned`, `newest` or `lowest`",
        ),
        (
            "irreconcilable = []",
            "`[tool.trueup.lock] irreconcilable`: found `[]`, expected `keep`, `refuse` or `union`",
        ),
        (
            "prereleases = true",
            "`[tool.trueup.lock] prereleases`: found `true`, "
            "expected `if-necessary`, `allow` or `disallow`",
        ),
        (
            'only-binary = "numpy"',
            "`[tool.trueup.lock] only-binary`: found `numpy`, "
            "expected a list of project names, or `true` for all",
        ),
        ("allow-build = 1.5", "`[tool.trueup.lock] allow-build`: found `1.5`, expected a list of"),
        (
            'exclude-newer = "last week"',
            "`[tool.trueup.lock] exclude-newer`: found `last week`, expected a date such as",
        ),
        (
            "exclude-newer = 2026-01-31T12:00:00",
            "`[tool.trueup.lock] exclude-newer`: found `2026-01-31 12:00:00`, expected a date",
        ),
        ("indexes = [1]", "`[tool.trueup.lock] indexes`: found `1`, expected a list of addresses"),
        (
            'indexes = [{ name = "a" }]',
            '`[tool.trueup.lock] indexes`: found `{"name": "a"}`, expected a `url`',
        ),
        (
            'indexes = [{ url = "a", default = true }]',
            "`[tool.trueup.lock.indexes]` has no key `default`",
        ),
        (
            'indexes = [{ url = "a", explicit = true }]',
            '`[tool.trueup.lock] indexes`: found `{"url": "a", "explicit": true}`, '
            "expected a `name`, by which `sources` can choose it",
        ),
        (
            'indexes = [{ url = "a", name = "n" }, { url = "b", name = "n" }]',
            "`[tool.trueup.lock] indexes`: found `n`, expected names that differ",
        ),
        (
            'sources = { torch = "cpu" }',
            "`[tool.trueup.lock.sources] torch`: found `cpu`, "
            "expected the `name` of one of the `indexes`",
        ),
        (
            'indexes = [{ url = "a", name = "n" }]\nsources = { torch = "cpu" }',
            "`[tool.trueup.lock.sources] torch`: found `cpu`, expected `n`",
        ),
        ("sources = []", "`[tool.trueup.lock] sources`: found `[]`, expected a table"),
        (
            "find-links = 1",
            "`[tool.trueup.lock] find-links`: found `1`, expected a list of folders",
        ),
        ('members = "libs"', "`[tool.trueup.lock] members`: found `libs`, expected a list of fold"),
        ("output = 1", "`[tool.trueup.lock] output`: found `1`, expected a string"),
        ("output = ", "is not valid TOML: Invalid value (at end of document)"),
    ],
)
def test_what_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        find_lock_settings(tmp_path)
    assert str(caught.value).startswith(f"`{path}`: {message}")


def test_an_unknown_key_is_told_the_known_ones(tmp_path: Path) -> None:
    write(tmp_path, "only_binary = true")
    with pytest.raises(UsageError) as caught:
        find_lock_settings(tmp_path)
    assert caught.value.hint == f"the keys are: {', '.join(sorted(LOCK_KEYS))}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", END_OF_JANUARY),
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T12:00:00", None),
        ("2026-02-31", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("7 days", None),
        (7, None),
    ],
)
def test_moments(text: object, expected: datetime | None) -> None:
    moment = parse_moment(text)
    assert moment == expected
    assert moment is None or moment.utcoffset() == timedelta(0)


def test_the_table_is_known_to_the_other_settings() -> None:
    assert "lock" in TABLES


def test_every_key_is_documented_with_an_example(tmp_path: Path) -> None:
    text = PAGE.read_text("utf-8")
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)) == sorted(LOCK_KEYS)
    shown: set[str] = set()
    for number, block in enumerate(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)):
        if table := tomllib.loads(block).get("tool", {}).get("trueup", {}).get("lock"):
            shown |= table.keys()
            assert read_lock_settings(write(tmp_path / str(number), block, header=""))
    assert shown == set(LOCK_KEYS)


def test_an_index_may_depend_on_what_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(
        "[tool.trueup.lock]\n"
        'indexes = [{ name = "cpu", url = "https://index.test/cpu", explicit = true },'
        ' { name = "gpu", url = "https://index.test/gpu", explicit = true }]\n'
        "[tool.trueup.lock.sources]\n"
        'torch = [{ index = "cpu", extra = "CPU" }, { index = "gpu", group = "train" }]\n'
    )
    settings = read_lock_settings(path)
    assert settings is not None
    assert {str(one): dict(given) for one, given in settings.assigned_by_option.items()} == {
        "extra `cpu`": {"torch": "cpu"},
        "group `train`": {"torch": "gpu"},
    }
    path.write_text(path.read_text().replace('extra = "CPU"', 'extra = "a", group = "b"'))
    with pytest.raises(UsageError, match="one `extra` or one `group`"):
        read_lock_settings(path)
