"""Names, versions and hashes as locks write them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from packaging.version import Version

from trueup.sources.lockfiles.values import (
    parse_digest,
    parse_environment,
    parse_name,
    parse_version,
    shown,
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("SHA256:" + "AB" * 32, ("sha256", "ab" * 32)),
        ("md5:" + "0" * 32, ("md5", "0" * 32)),
        ("blake2b:00ff", ("blake2b", "00ff")),
        ("00ff", "names no algorithm"),
        (":00", "names no algorithm"),
        ("sha256:xyz", "is not hexadecimal"),
        ("sha256:00", "has 2 digits, not 64"),
    ],
)
def test_digests(text: str, wanted: tuple[str, str] | str) -> None:
    if isinstance(wanted, str):
        with pytest.raises(ValueError, match=wanted):
            parse_digest(text)
    else:
        assert parse_digest(text) == wanted


def test_shown_values_are_short_and_hold_no_credentials() -> None:
    assert shown(None) == "nothing"
    assert shown(["https://user:secret@index.test/"]) == "`['https://****@index.test/']`"
    assert len(shown("x" * 100)) == 62


@pytest.mark.parametrize(
    ("parse", "text", "wanted"),
    [
        (parse_name, "De_mo.Name", "de-mo-name"),
        (parse_name, "-", None),
        (parse_version, "1.0", Version("1")),
        (parse_version, "one", None),
        (parse_environment, "python_version>'3'", 'python_version > "3"'),
        (parse_environment, "'dev' in dependency_groups", None),
    ],
)
def test_parsing(parse: Callable[[str], object], text: str, wanted: object) -> None:
    if wanted is None:
        with pytest.raises(ValueError):
            parse(text)
    else:
        assert str(parse(text)) == str(wanted) or parse(text) == wanted
