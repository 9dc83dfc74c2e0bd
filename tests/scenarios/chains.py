"""Scenarios that markers could express, and chains: platforms, Pythons, extras, sdists, yanking."""

from __future__ import annotations

from tests.scenarios.scenario import LINUX, MACOS, MUSL, WINDOWS, Scenario, pure, sdist, wheel

__all__ = ["CHAINS"]

OLD = "manylinux_2_17_x86_64.manylinux2014_x86_64"
MAC = "macosx_11_0_arm64"
ARM = "cp312-linux-aarch64-glibc2.17"
PY313 = LINUX.replace("cp312", "cp313")

CHAINS = (
    Scenario(
        name="uniform",
        about="a pure wheel says with a marker what the wheel for Windows says without",
        files=(
            wheel("demo 1.0 cp312-cp312-win_amd64", "winlib"),
            wheel("demo 1.0 py3-none-any", 'winlib; sys_platform == "win32"'),
            *pure("winlib 1.0"),
        ),
        agrees=True,
    ),
    Scenario(
        name="none-but-linux",
        about="only the wheel for Linux asks for anything",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib"),
            wheel("demo 1.0 cp312-cp312-win_amd64"),
            wheel(f"demo 1.0 cp312-cp312-{MAC}"),
            *pure("lib 1.0"),
        ),
        targets=(LINUX, MACOS, WINDOWS),
    ),
    Scenario(
        name="arm",
        about="Linux aarch64 has its own package for the same thing, as TensorFlow had",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib"),
            wheel("demo 1.0 cp312-cp312-manylinux_2_17_aarch64", "lib", "armlib"),
            *pure("lib 1.0", "armlib 1.0"),
        ),
        targets=(LINUX, ARM),
    ),
    Scenario(
        name="chain-two",
        about="what differs lies two levels down",
        files=(
            *(wheel("app 1.0 py3-none-any", "middle"),),
            *(wheel("middle 1.0 py3-none-any", "demo>=1"),),
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "linlib"),
            wheel("demo 1.0 cp312-cp312-win_amd64", "winlib"),
            wheel(f"demo 1.0 cp312-cp312-{MAC}", "maclib"),
            wheel("linlib 1.0 py3-none-any", "deep"),
            *pure("winlib 1.0", "maclib 1.0", "deep 1.0"),
        ),
        roots=("app",),
        targets=(LINUX, MACOS, WINDOWS),
    ),
    Scenario(
        name="chain-both",
        about="two levels that both differ by system",
        files=(
            wheel("app 1.0 cp312-cp312-win_amd64", "demo", "winonly"),
            wheel(f"app 1.0 cp312-cp312-{OLD}", "demo"),
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "linlib"),
            wheel("demo 1.0 cp312-cp312-win_amd64"),
            *pure("linlib 1.0", "winonly 1.0"),
        ),
        roots=("app",),
        targets=(LINUX, WINDOWS),
    ),
    Scenario(
        name="chain-glibc",
        about="a pure package leads to one whose wheels differ by glibc level",
        files=(
            wheel("app 1.0 py3-none-any", "demo"),
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "oldlib"),
            wheel("demo 1.0 cp312-cp312-manylinux_2_28_x86_64", "newlib"),
            wheel("oldlib 1.0 py3-none-any", "deep"),
            *pure("newlib 1.0", "deep 1.0"),
        ),
        roots=("app",),
        targets=(LINUX,),
    ),
    Scenario(
        name="cycle",
        about="two packages need each other, on one system only",
        files=(
            wheel("demo 1.0 cp312-cp312-win_amd64", "partner"),
            wheel(f"demo 1.0 cp312-cp312-{OLD}"),
            wheel("partner 1.0 py3-none-any", "demo"),
        ),
        targets=(LINUX, WINDOWS),
    ),
    Scenario(
        name="spec-older",
        about="Linux needs an older library, which another root limits too",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib<3"),
            wheel("demo 1.0 cp312-cp312-win_amd64", "lib>=2"),
            *pure("lib 1.0 2.0 3.0"),
        ),
        roots=("demo", "lib"),
        targets=(LINUX, WINDOWS),
    ),
    Scenario(
        name="spec-backtrack",
        about="the newest release clashes on Windows alone, an older one fits",
        files=(
            wheel(f"demo 2.0 cp312-cp312-{OLD}", "lib"),
            wheel("demo 2.0 cp312-cp312-win_amd64", "lib<1"),
            *pure("demo 1.0", "lib 1.0"),
        ),
        targets=(LINUX, WINDOWS),
    ),
    Scenario(
        name="patch-level",
        about="a marker on the patch release of Python, in the wheel for Linux",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", 'fix; python_full_version < "3.12.4"'),
            wheel("demo 1.0 cp312-cp312-win_amd64"),
            *pure("fix 1.0"),
        ),
        targets=(LINUX, WINDOWS),
        patches=(0, 3, 4, 9),
    ),
    Scenario(
        name="patch-spec",
        about="below a patch release an older library is asked for, by the wheel for Windows",
        files=(
            wheel(
                "demo 1.0 cp312-cp312-win_amd64",
                'lib<2; python_full_version < "3.12.3"',
                'lib>=2; python_full_version >= "3.12.3"',
            ),
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib"),
            *pure("lib 1.0 2.0"),
        ),
        targets=(LINUX, WINDOWS),
        patches=(2, 3),
    ),
    Scenario(
        name="python-minor",
        about="the wheels of two Pythons ask for different things",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib12"),
            wheel(f"demo 1.0 cp313-cp313-{OLD}", "lib13"),
            *pure("lib12 1.0", "lib13 1.0"),
        ),
        targets=(LINUX, PY313),
    ),
    Scenario(
        name="python-newest",
        about="the newest release has no wheel for Python 3.13",
        files=(
            wheel(f"demo 2.0 cp312-cp312-{OLD}", "newlib"),
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "oldlib"),
            wheel(f"demo 1.0 cp313-cp313-{OLD}", "oldlib"),
            *pure("oldlib 1.0", "newlib 1.0"),
        ),
        targets=(LINUX, PY313),
    ),
    Scenario(
        name="extra-differs",
        about="an extra brings different things on each system",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "linlib; extra == 'fast'", extras="fast"),
            wheel("demo 1.0 cp312-cp312-win_amd64", "winlib; extra == 'fast'", extras="fast"),
            *pure("linlib 1.0", "winlib 1.0"),
        ),
        roots=("demo[fast]",),
        targets=(LINUX, WINDOWS),
    ),
    Scenario(
        name="extra-chain",
        about="an extra asks for an extra of something whose wheels differ",
        files=(
            wheel("app 1.0 py3-none-any", "demo[fast]; extra == 'all'", extras="all"),
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib", "linlib; extra == 'fast'", extras="fast"),
            wheel("demo 1.0 cp312-cp312-win_amd64", "lib", extras="fast"),
            *pure("lib 1.0", "linlib 1.0"),
        ),
        roots=("app[all]",),
        targets=(LINUX, WINDOWS),
    ),
    Scenario(
        name="extra-self",
        about="an extra that asks for another extra of the same project",
        files=(
            wheel(
                f"demo 1.0 cp312-cp312-{OLD}",
                "demo[one]; extra == 'all'",
                "onelib; extra == 'one'",
                extras="all one",
            ),
            wheel("demo 1.0 cp312-cp312-win_amd64", "winlib; extra == 'all'", extras="all one"),
            *pure("onelib 1.0", "winlib 1.0"),
        ),
        roots=("demo[all]",),
        targets=(LINUX, WINDOWS),
    ),
    Scenario(
        name="extra-unused",
        about="wheels differ in an extra that nobody asks for",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib", "x; extra == 'docs'", extras="docs"),
            wheel("demo 1.0 cp312-cp312-win_amd64", "lib"),
            *pure("lib 1.0"),
        ),
        targets=(LINUX, WINDOWS),
        agrees=True,
    ),
    Scenario(
        name="sdist-static",
        about="macOS has only the sdist, which is static and agrees with the wheel",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib"),
            sdist("demo 1.0", "lib"),
            *pure("lib 1.0"),
        ),
        targets=(LINUX, MACOS),
        agrees=True,
    ),
    Scenario(
        name="sdist-append",
        about="an append-only sdist (metadata 2.6): wheels may add, and the wheel does",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib", "openblas"),
            sdist("demo 1.0", "lib", dynamic=("Requires-Dist",), metadata="2.6"),
            *pure("lib 1.0", "openblas 1.0"),
        ),
        targets=(LINUX, MACOS),
        unbuilt=frozenset({MACOS}),
    ),
    Scenario(
        name="sdist-legacy",
        about="an sdist of metadata 2.1 promises nothing",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib"),
            wheel("demo 1.0 cp312-cp312-win_amd64", "lib", "winlib"),
            sdist("demo 1.0", metadata="2.1"),
            *pure("lib 1.0", "winlib 1.0"),
        ),
        targets=(LINUX, WINDOWS, MACOS),
        unbuilt=frozenset({MACOS}),
    ),
    Scenario(
        name="sdist-older",
        about="macOS has no wheel of the newest release, but one of the release before",
        files=(
            wheel(f"demo 2.0 cp312-cp312-{OLD}", "newlib"),
            sdist("demo 2.0", "newlib", "buildlib", dynamic=("Requires-Dist",)),
            wheel(f"demo 1.0 cp312-cp312-{MAC}", "oldlib"),
            *pure("oldlib 1.0", "newlib 1.0", "buildlib 1.0"),
        ),
        targets=(LINUX, MACOS),
    ),
    Scenario(
        name="python-per-file",
        about="the newest release's wheel for Linux does not admit Python 3.12, the one for Windows does",
        files=(
            wheel(f"demo 2.0 py3-none-{OLD}", "newlib", python=">=3.13"),
            wheel("demo 2.0 py3-none-win_amd64", "newlib", python=">=3.9"),
            wheel("demo 1.0 py3-none-any", "oldlib", python=">=3.9"),
            *pure("oldlib 1.0", "newlib 1.0"),
        ),
        targets=(LINUX, WINDOWS, PY313),
    ),
    Scenario(
        name="python-hidden",
        about="the page does not say that a wheel requires a newer Python",
        files=(
            wheel("demo 2.0 cp312-cp312-win_amd64", python=">=3.13", page_python=">=3.9"),
            wheel(f"demo 2.0 cp312-cp312-{OLD}", python=">=3.9"),
            *pure("demo 1.0"),
        ),
        targets=(LINUX, WINDOWS),
    ),
    Scenario(
        name="newest-missing",
        about="the newest release has no wheel for Windows and no sdist",
        files=(
            wheel(f"demo 2.0 cp312-cp312-{OLD}", "lib>=2"),
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib"),
            wheel("demo 1.0 cp312-cp312-win_amd64", "lib<2"),
            *pure("lib 1.0 2.0"),
        ),
        targets=(LINUX, WINDOWS),
    ),
    Scenario(
        name="deep-missing",
        about="a dependency of the wheel for Linux has no file for musl, which does not need it",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "gpulib"),
            wheel("demo 1.0 cp312-cp312-musllinux_1_2_x86_64"),
            wheel(f"demo 1.0 cp312-cp312-{MAC}"),
            wheel(f"gpulib 1.0 py3-none-{OLD}"),
        ),
        targets=(LINUX, MUSL, MACOS),
    ),
    Scenario(
        name="yanked-file",
        about="the one wheel of the newest release that asked for too much was yanked",
        files=(
            wheel(f"demo 2.0 cp312-cp312-{OLD}", "wronglib", yanked="asks for too much"),
            wheel("demo 2.0 cp312-cp312-win_amd64", "lib"),
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib"),
            *pure("lib 1.0", "wronglib 1.0"),
        ),
        targets=(LINUX, WINDOWS),
    ),
    Scenario(
        name="yanked-better",
        about="the best wheel of a release was yanked, a lesser one of it was not",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "badlib", yanked="broken build"),
            wheel("demo 1.0 py3-none-any", "lib"),
            *pure("lib 1.0", "badlib 1.0"),
        ),
        targets=(LINUX, WINDOWS),
    ),
    Scenario(
        name="unserved",
        about="nothing at all serves macOS, not even an older release",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "linlib"),
            wheel("demo 1.0 cp312-cp312-win_amd64", "winlib"),
            *pure("linlib 1.0", "winlib 1.0"),
        ),
        targets=(LINUX, MACOS, WINDOWS),
        unserved=frozenset({MACOS}),
    ),
    Scenario(
        name="unserved-deep",
        about="what the wheel for Windows asks for does not exist",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib"),
            wheel("demo 1.0 cp312-cp312-win_amd64", "lib", "ghost"),
            *pure("lib 1.0"),
        ),
        targets=(LINUX, WINDOWS),
        unserved=frozenset({WINDOWS}),
    ),
    Scenario(
        name="control-plain",
        about="pure wheels with markers, no differences",
        files=(
            wheel("demo 1.0 py3-none-any", "lib", 'winlib; sys_platform == "win32"'),
            sdist("demo 1.0", "lib", 'winlib; sys_platform == "win32"'),
            *pure("lib 1.0", "winlib 1.0"),
        ),
        agrees=True,
    ),
    Scenario(
        name="control-root-marker",
        about="the user asks for something on Windows only",
        files=(*pure("demo 1.0", "lib 1.0"),),
        roots=("demo", 'lib; sys_platform == "win32"'),
        agrees=True,
    ),
)
