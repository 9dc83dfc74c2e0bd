"""The running environment as a target: what markers and tags of real interpreters give."""

from __future__ import annotations

import sys

import pytest
from packaging.tags import Tag, parse_tag

from trueup.model.errors import UsageError
from trueup.sources.running import running_target, this_target


def environment(python: str, implementation: str, platform: str, machine: str) -> dict[str, str]:
    return {
        "python_version": python,
        "implementation_name": implementation,
        "sys_platform": platform,
        "platform_machine": machine,
    }


def tags(text: str) -> list[Tag]:
    return [tag for item in text.split() for tag in sorted(parse_tag(item), key=str)]


CP312 = environment("3.12", "cpython", "linux", "x86_64")


@pytest.mark.parametrize(
    ("markers", "accepted", "target"),
    [
        (
            CP312,
            "cp312-cp312-linux_x86_64 cp312-cp312-manylinux_2_39_x86_64 "
            "cp312-cp312-manylinux_2_17_x86_64 py3-none-manylinux2014_x86_64",
            "cp312-linux-x86_64-glibc2.39",
        ),
        (
            environment("3.10", "cpython", "linux", "aarch64"),
            "cp310-cp310-linux_aarch64 cp310-cp310-musllinux_1_0_aarch64 "
            "cp310-cp310-musllinux_1_2_aarch64",
            "cp310-linux-aarch64-musl1.2",
        ),
        (
            environment("3.14", "cpython", "linux", "x86_64"),
            "cp314-cp314t-linux_x86_64 cp314-cp314t-manylinux_2_36_x86_64",
            "cp314t-linux-x86_64-glibc2.36",
        ),
        (
            environment("3.13", "cpython", "linux", "x86_64"),
            "cp313-cp313d-linux_x86_64 cp313-cp313d-manylinux_2_36_x86_64",
            "cp313-linux-x86_64-glibc2.36",
        ),
        (
            environment("3.13", "cpython", "linux", "x86_64"),
            "cp313-cp313td-linux_x86_64 cp313-cp313td-manylinux_2_36_x86_64",
            "cp313t-linux-x86_64-glibc2.36",
        ),
        (
            environment("3.11", "pypy", "linux", "x86_64"),
            "pp311-pypy311_pp73-linux_x86_64 pp311-pypy311_pp73-manylinux_2_28_x86_64",
            "pp311-linux-x86_64-glibc2.28",
        ),
        (
            environment("3.12", "graalpy", "darwin", "arm64"),
            "graalpy312-graalpy250_312_native-macosx_14_0_arm64",
            "graalpy312-macos-arm64-14.0",
        ),
        (
            environment("3.12", "cpython", "darwin", "arm64"),
            "cp312-cp312-macosx_15_0_arm64 cp312-cp312-macosx_15_0_universal2 "
            "cp312-cp312-macosx_11_0_arm64 cp312-cp312-macosx_10_12_universal2",
            "cp312-macos-arm64-15.0",
        ),
        (
            environment("3.9", "cpython", "darwin", "x86_64"),
            "cp39-cp39-macosx_10_16_x86_64 cp39-cp39-macosx_10_9_intel",
            "cp39-macos-x86_64-10.16",
        ),
        (
            environment("3.13", "cpython", "win32", "AMD64"),
            "cp313-cp313-win_amd64 py3-none-any",
            "cp313-windows-amd64",
        ),
        (
            environment("3.13", "cpython", "win32", "ARM64"),
            "cp313-cp313-win_arm64",
            "cp313-windows-arm64",
        ),
        (environment("3.13", "cpython", "win32", "x86"), "cp313-cp313-win32", "cp313-windows-x86"),
    ],
)
def test_real_interpreters(markers: dict[str, str], accepted: str, target: str) -> None:
    assert str(running_target(markers, tags(accepted))) == target


@pytest.mark.parametrize(
    ("markers", "accepted", "found"),
    [
        (
            environment("3.13", "cpython", "win32", "AMD64"),
            "cp313-cp313-win32",
            "an interpreter for `x86` on a machine that is `amd64`",
        ),
        (
            CP312,
            "cp312-cp312-linux_i686 cp312-cp312-manylinux_2_36_i686",
            "an interpreter for `i686` on a machine that is `x86_64`",
        ),
        (
            environment("3.12", "cpython", "freebsd14", "amd64"),
            "cp312-cp312-freebsd_14_amd64",
            "`cpython` on `freebsd14`",
        ),
        (
            environment("3.4", "ironpython", "win32", "AMD64"),
            "ip34-none-win_amd64",
            "`ironpython` on `win32`",
        ),
        (
            environment("3.12", "cpython", "linux", "mips64"),
            "cp312-cp312-linux_mips64 cp312-cp312-manylinux_2_36_mips64",
            "`cp312-linux-mips64-glibc2.36`",
        ),
        (
            CP312,
            "cp312-cp312-linux_x86_64",
            "no tag that names a version of glibc, musl or macOS",
        ),
    ],
)
def test_what_targets_cannot_express(markers: dict[str, str], accepted: str, found: str) -> None:
    with pytest.raises(UsageError) as caught:
        running_target(markers, tags(accepted))
    assert caught.value.found == found
    assert "`targets`" in (caught.value.hint or "")


def test_this_interpreter() -> None:
    assert this_target().python == sys.version_info[:2]
