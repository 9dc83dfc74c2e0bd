"""What a file is, from its name alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from trueup.model.artifact import (
    Artifact,
    OtherName,
    SdistName,
    WheelName,
    has_artifact_suffix,
    parse_filename,
)


def sdist(project: str, version: str) -> SdistName:
    return SdistName(project=canonicalize_name(project), version=Version(version))


@pytest.mark.parametrize(
    ("filename", "project", "version", "build", "tags", "variant"),
    [
        ("demo-1.0-py3-none-any.whl", "demo", "1.0", (), {"py3-none-any"}, None),
        ("De_mo.X-1.0.0-py3-none-any.whl", "de-mo-x", "1.0.0", (), {"py3-none-any"}, None),
        ("demo-1.0-2-py3-none-any.whl", "demo", "1.0", (2, ""), {"py3-none-any"}, None),
        ("demo-1.0-2a-py3-none-any.whl", "demo", "1.0", (2, "a"), {"py3-none-any"}, None),
        ("demo-1.0+cu126-py3-none-any.whl", "demo", "1.0+cu126", (), {"py3-none-any"}, None),
        (
            "demo-1.0-py2.py3-none-any.whl",
            "demo", "1.0", (), {"py2-none-any", "py3-none-any"}, None,
        ),
        ("demo-1.0-py3-none-any-cu126.whl", "demo", "1.0", (), {"py3-none-any"}, "cu126"),
        ("demo-1.0-3-py3-none-any-x.y_z.whl", "demo", "1.0", (3, ""), {"py3-none-any"}, "x.y_z"),
    ],
)  # fmt: skip
def test_wheels(
    filename: str,
    project: str,
    version: str,
    build: tuple[int, str] | tuple[()],
    tags: set[str],
    variant: str | None,
) -> None:
    name = parse_filename(filename)
    assert isinstance(name, WheelName)
    assert (name.project, name.version, name.build) == (project, Version(version), build)
    assert {str(tag) for tag in name.tags} == tags
    assert name.variant == variant


@pytest.mark.parametrize(
    ("filename", "project", "expected"),
    [
        ("demo-1.0.tar.gz", None, sdist("demo", "1.0")),
        ("demo-1.0.zip", None, sdist("demo", "1.0")),
        ("demo-1.0.tgz", None, sdist("demo", "1.0")),
        ("demo-1.0.tar.bz2", None, sdist("demo", "1.0")),
        ("demo-1.0.tar.xz", None, sdist("demo", "1.0")),
        ("demo-1.0.tar.Z", None, sdist("demo", "1.0")),
        ("demo-1.0.tar", None, sdist("demo", "1.0")),
        ("my-demo-1.0.tar.gz", None, sdist("my-demo", "1.0")),
        ("My.Demo-1.0.0.tar.gz", None, sdist("my-demo", "1.0.0")),
        # Alone, the last hyphen separates; the project's name tells where the version begins.
        ("demo-1.0-2.tar.gz", None, sdist("demo-1-0", "2")),
        ("demo-1.0-2.tar.gz", "demo", sdist("demo", "1.0.post2")),
        ("demo-1.0-rc1.tar.gz", "Demo", sdist("demo", "1.0rc1")),
        ("demo-x-1.0.tar.gz", "demo", sdist("demo-x", "1.0")),
    ],
)
def test_sdists(filename: str, project: str | None, expected: SdistName) -> None:
    assert parse_filename(filename, project) == expected


@pytest.mark.parametrize(
    ("filename", "reason"),
    [
        (
            "demo-1.0.whl",
            "not a wheel file name: "
            "Invalid wheel filename (wrong number of parts): 'demo-1.0'",
        ),
        (
            "demo-one-py3-none-any.whl",
            "not a wheel file name: "
            "Invalid wheel filename (invalid version): 'demo-one-py3-none-any'",
        ),
        (
            "demo-1.0-py3-none-any-CU126.whl",
            "not a wheel file name: invalid variant label 'CU126'",
        ),
        (
            "demo.tar.gz",
            "not an sdist file name: "
            "Invalid sdist filename: 'demo.tar.gz'",
        ),
        (
            "demo-one.zip",
            "not an sdist file name: Invalid sdist filename (invalid version): 'demo-one.tar.gz'",
        ),
        ("demo-1.0-py2.7.egg", "eggs are no longer installed by any installer"),
        ("demo-1.0.win32-py2.7.exe", "a Windows installer"),
        ("demo-1.0.win32-py2.7.msi", "a Windows installer"),
        ("demo-1.0-1.noarch.rpm", "an RPM package"),
        ("demo_1.0.deb", "a Debian package"),
        ("demo-1.0.dmg", "a macOS disk image"),
        ("README.md", "neither a wheel nor an sdist"),
        ("demo-1.0-py3-none-any.whl.asc", "neither a wheel nor an sdist"),
    ],
)  # fmt: skip
def test_others(filename: str, reason: str) -> None:
    assert parse_filename(filename) == OtherName(reason=reason)


@pytest.mark.parametrize(
    ("filename", "expected"),
    [("a.whl", True), ("a.tar.Z", True), ("a.egg", True), ("a.whl.asc", False), ("a.json", False)],
)
def test_has_artifact_suffix(filename: str, expected: bool) -> None:
    assert has_artifact_suffix(filename) is expected


def test_a_variant_differs_from_the_ordinary_wheel() -> None:
    ordinary = parse_filename("demo-1.0-py3-none-any.whl")
    assert ordinary != parse_filename("demo-1.0-py3-none-any-cu126.whl")


@pytest.mark.parametrize(
    ("filename", "wheel", "is_sdist"),
    [("d-1-py3-none-any.whl", True, False), ("d-1.zip", False, True), ("d-1.egg", False, False)],
)
def test_kinds(filename: str, wheel: bool, is_sdist: bool) -> None:
    artifact = Artifact(filename=filename, url="", name=parse_filename(filename))
    assert (artifact.is_wheel, artifact.is_sdist) == (wheel, is_sdist)


_PIECES = st.sampled_from(
    [*"-_.+!/~ ", "demo", "1.0", "9" * 4400, "py3", "none", "any", "١", "\x00", ".whl", ".tar.gz"]
)


@given(
    st.lists(_PIECES, max_size=12).map("".join),
    st.sampled_from(["", ".whl", ".tar.gz", ".zip", ".egg"]),
    st.sampled_from([None, "demo"]),
)
def test_whatever_the_name_is_nothing_is_raised(
    stem: str, suffix: str, project: str | None
) -> None:
    assert isinstance(parse_filename(stem + suffix, project), WheelName | SdistName | OtherName)
