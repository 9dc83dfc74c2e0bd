"""The settings of verbs that judge: where they are found, what they may say, how they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.interfaces.config import (
    TABLES,
    VERIFY_KEYS,
    CheckConfig,
    VerifyConfig,
    find_config,
    find_verify_config,
    parse_mapping,
    parse_severity,
)
from trueup.model.errors import UsageError
from trueup.model.finding import Severity


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pyproject.toml"
    path.write_text(text)
    return path


def test_every_key(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [tool.trueup.check]
        select = ["dependencies-differ"]
        ignore = "late-upload"
        fail-on = "warning"
        for = ["cp312-linux-x86_64-glibc2.28", "macos"]
        index = ["https://index.test/simple", "mirror"]
        baseline = "ci/known.json"
        fields = ["Requires-Dist"]
        [tool.trueup.check.severity]
        undeclared-difference = "error"
        """,
    )
    assert find_config(tmp_path) == CheckConfig(
        path=path,
        select=("dependencies-differ",),
        ignore=("late-upload",),
        severity={"undeclared-difference": Severity.ERROR},
        fail_on="warning",
        targets=("cp312-linux-x86_64-glibc2.28", "macos"),
        index=("https://index.test/simple", str(tmp_path / "mirror")),
        fields=("Requires-Dist",),
        baseline=tmp_path / "ci" / "known.json",
    )


def test_found_upward_past_files_without_the_table(tmp_path: Path) -> None:
    path = write(tmp_path, '[tool.trueup.check]\nfail-on = "never"\n')
    write(tmp_path / "member", '[project]\nname = "member"\n[tool.trueup.wheels]\nrequires = []\n')
    (tmp_path / "member" / "src").mkdir()
    assert find_config(tmp_path / "member" / "src").path == path


def test_nearest_wins(tmp_path: Path) -> None:
    write(tmp_path, '[tool.trueup.check]\nfail-on = "never"\n')
    write(tmp_path / "member", "[tool.trueup.check]\n")
    config = find_config(tmp_path / "member")
    assert config.path == tmp_path / "member" / "pyproject.toml"
    assert config.fail_on is None
    assert config.select is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('fail_on = "error"', "`{path}`: `[tool.trueup.check]` has no key `fail_on`"),
        ('b = 1\na = "error"', "`{path}`: `[tool.trueup.check]` has no key `a` and `b`"),
        (
            'fail-on = "fatal"',
            "`{path}`: `[tool.trueup.check] fail-on`: found `fatal`, "
            "expected `error`, `warning`, `info` or `never`",
        ),
        (
            "select = 3",
            "`{path}`: `[tool.trueup.check] select`: found `3`, expected a list of strings",
        ),
        (
            "baseline = true",
            "`{path}`: `[tool.trueup.check] baseline`: found `True`, expected a path",
        ),
        (
            'severity = { a-code = "loud" }',
            "`{path}`: `[tool.trueup.check] severity` of `a-code`: found `loud`, "
            "expected `error`, `warning` or `info`",
        ),
        (
            'severity = "error"',
            "`{path}`: `[tool.trueup.check] severity`: found `error`, "
            'expected a table such as {{ CODE = "error" }}',
        ),
        (
            "select = [",
            "`{path}`: is not valid TOML: Invalid value (at end of document)",
        ),
    ],
)
def test_refusals_name_the_file_and_the_key(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, f"[tool.trueup.check]\n{text}\n")
    with pytest.raises(UsageError) as caught:
        find_config(tmp_path)
    assert str(caught.value) == message.format(path=path)


def test_the_hint_lists_the_known_keys(tmp_path: Path) -> None:
    write(tmp_path, "[tool.trueup.check]\nfor-env = []\n")
    with pytest.raises(UsageError) as caught:
        find_config(tmp_path)
    assert caught.value.hint == (
        "the keys are: baseline, fail-on, fields, for, ignore, index, select, severity"
    )


def test_a_table_that_is_none(tmp_path: Path) -> None:
    path = write(tmp_path, "[tool.trueup]\ncheck = 1\n")
    with pytest.raises(UsageError) as caught:
        find_config(tmp_path)
    assert str(caught.value) == f"`{path}`: `[tool.trueup] check`: found `1`, expected a table"


def test_severity_on_the_command_line() -> None:
    assert parse_severity("a-code=warning") == ("a-code", Severity.WARNING)
    with pytest.raises(UsageError, match="expected `CODE=LEVEL`"):
        parse_severity("a-code")
    with pytest.raises(UsageError, match="`error`, `warning` or `info`"):
        parse_severity("a-code=off")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            'fail-on = "never"',
            "`{path}`: `[tool.trueup]` has no key `fail-on`",
            "`fail-on` belongs to `[tool.trueup.check]` or `[tool.trueup.verify]` or `[tool.trueup.libs]` or `[tool.trueup.env]`",
        ),
        (
            'colour = "never"',
            "`{path}`: `[tool.trueup]` has no key `colour`",
            f"its tables are: {', '.join(TABLES)}",
        ),
        (
            "[tool.trueup.chek]\nselect = []",
            "`{path}`: `[tool.trueup]` has no table `chek`",
            f"its tables are: {', '.join(TABLES)}",
        ),
        ("[[tool.trueup.chek]]", "`{path}`: `[tool.trueup]` has no table `chek`", None),
        ("wheels = 3", "`{path}`: `[tool.trueup] wheels`: found `3`, expected a table", None),
    ],
)
def test_settings_in_a_table_that_nobody_reads(
    tmp_path: Path, text: str, message: str, hint: str | None
) -> None:
    path = write(tmp_path, f"[tool.trueup]\n{text}\n")
    with pytest.raises(UsageError) as caught:
        find_config(tmp_path)
    assert str(caught.value) == message.format(path=path)
    assert hint is None or caught.value.hint == hint


def test_tables_of_other_verbs_are_left_alone(tmp_path: Path) -> None:
    tables = "".join(f"[tool.trueup.{name}]\nkey = 1\n" for name in TABLES if name != "check")
    write(tmp_path, tables + "[[tool.trueup.check.deeper]]\n")
    with pytest.raises(UsageError, match="has no key `deeper`"):
        find_config(tmp_path)


def test_every_key_of_verify(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [tool.trueup.verify]
        lock = ["uv.lock", "locks/pylock.toml"]
        for = "linux"
        index = "mirror"
        index-map = { "https://index.test/" = "http://127.0.0.1/" }
        select = ["missing-requirement"]
        ignore = ["file-withdrawn"]
        severity = { surplus-entry = "info" }
        fail-on = "warning"
        baseline = "known.json"
        """,
    )
    (tmp_path / "src").mkdir()
    assert find_verify_config(tmp_path / "src") == VerifyConfig(
        path=path,
        locks=(tmp_path / "uv.lock", tmp_path / "locks/pylock.toml"),
        targets=("linux",),
        index=(str(tmp_path / "mirror"),),
        index_map={"https://index.test/": "http://127.0.0.1/"},
        select=("missing-requirement",),
        ignore=("file-withdrawn",),
        severity={"surplus-entry": Severity.INFO},
        fail_on="warning",
        baseline=tmp_path / "known.json",
    )
    assert find_config(tmp_path) == CheckConfig()


def test_settings_of_verify_are_refused_by_its_own_name(tmp_path: Path) -> None:
    path = write(tmp_path, "[tool.trueup.verify]\nfields = []\n")
    with pytest.raises(UsageError) as caught:
        find_verify_config(tmp_path)
    assert str(caught.value) == f"`{path}`: `[tool.trueup.verify]` has no key `fields`"
    assert caught.value.hint == f"the keys are: {', '.join(VERIFY_KEYS)}"


@pytest.mark.parametrize("value", ['"a=b"', "{ a = 1 }"])
def test_a_mapping_that_is_none(tmp_path: Path, value: str) -> None:
    write(tmp_path, f"[tool.trueup.verify]\nindex-map = {value}\n")
    with pytest.raises(UsageError, match=r"`\[tool.trueup.verify\] index-map`: found .*a table"):
        find_verify_config(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://index.test/=http://127.0.0.1/", ("https://index.test/", "http://127.0.0.1/")),
        ("https://a.test/?x=y=file:///srv", ("https://a.test/?x=y", "file:///srv")),
        ("https://a.test/=/srv/mirror/", ("https://a.test/", "/srv/mirror/")),
    ],
)
def test_mappings_on_the_command_line(text: str, expected: tuple[str, str]) -> None:
    assert parse_mapping(text) == expected


@pytest.mark.parametrize("text", ["https://index.test/", "a=b", "=https://index.test/"])
def test_mappings_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="expected `FROM=TO`"):
        parse_mapping(text)
