"""Scenarios of what no marker shows: levels of libc and macOS, ABIs, 32 bits, builds, ties."""

from __future__ import annotations

from tests.scenarios.scenario import LINUX, MACOS, MUSL, WINDOWS, Scenario, pure, wheel

__all__ = ["LEVELS"]

OLD = "manylinux_2_17_x86_64.manylinux2014_x86_64"
NEW = "manylinux_2_28_x86_64"
NEW_LINUX = LINUX.replace("2.17", "2.28")
OLD_MUSL = MUSL.replace("1.2", "1.1")
NEW_MACOS = MACOS.replace("11.0", "14.0")
PY313 = LINUX.replace("cp312", "cp313")
FREE = LINUX.replace("cp312", "cp313t")
PYPY = LINUX.replace("cp312", "pp311")
PY311 = LINUX.replace("cp312", "cp311")
LINUX32 = "cp312-linux-i686-glibc2.17"
WINDOWS32 = "cp312-windows-x86"

LEVELS = (
    Scenario(
        name="glibc-more",
        about="the wheel for the newer glibc asks for one thing more",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "base"),
            wheel(f"demo 1.0 cp312-cp312-{NEW}", "base", "newlib"),
            *pure("base 1.0", "newlib 1.0"),
        ),
        targets=(LINUX, WINDOWS),
        unserved=frozenset({WINDOWS}),
    ),
    Scenario(
        name="glibc-three",
        about="three levels of glibc, three lists, and a pure wheel for the rest",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "a"),
            wheel(f"demo 1.0 cp312-cp312-{NEW}", "b"),
            wheel("demo 1.0 cp312-cp312-manylinux_2_34_x86_64", "c"),
            wheel("demo 1.0 py3-none-any", "d"),
            *pure("a 1.0", "b 1.0", "c 1.0", "d 1.0"),
        ),
    ),
    Scenario(
        name="glibc-floors",
        about="two floors of glibc are asked for at once",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "oldlib"),
            wheel(f"demo 1.0 cp312-cp312-{NEW}", "newlib"),
            *pure("oldlib 1.0", "newlib 1.0"),
        ),
        targets=(LINUX, NEW_LINUX),
    ),
    Scenario(
        name="glibc-spec",
        about="the levels of glibc want versions of one library that exclude each other",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib<2"),
            wheel(f"demo 1.0 cp312-cp312-{NEW}", "lib>=2"),
            *pure("lib 1.0 2.0"),
        ),
        targets=(LINUX,),
    ),
    Scenario(
        name="glibc-too-new",
        about="the newest release has no wheel for the glibc asked for, the one before has",
        files=(
            wheel("demo 2.0 cp312-cp312-manylinux_2_39_x86_64", "newlib"),
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "oldlib"),
            *pure("oldlib 1.0", "newlib 1.0"),
        ),
        targets=(LINUX,),
    ),
    Scenario(
        name="musl-levels",
        about="wheels for musl 1.1 and 1.2 ask for different things",
        files=(
            wheel("demo 1.0 cp312-cp312-musllinux_1_1_x86_64", "oldlib"),
            wheel("demo 1.0 cp312-cp312-musllinux_1_2_x86_64", "newlib"),
            *pure("oldlib 1.0", "newlib 1.0"),
        ),
        targets=(OLD_MUSL,),
    ),
    Scenario(
        name="libc-equal",
        about="glibc and musl, two wheels, one list: one lock can hold both",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib"),
            wheel("demo 1.0 cp312-cp312-musllinux_1_2_x86_64", "lib"),
            *pure("lib 1.0"),
        ),
        targets=(LINUX, MUSL),
        agrees=True,
    ),
    Scenario(
        name="libc-versions",
        about="the newest release has no wheel for musl, so that musl wants an older one",
        files=(
            wheel(f"demo 2.0 cp312-cp312-{OLD}", "lib>=2"),
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib"),
            wheel("demo 1.0 cp312-cp312-musllinux_1_2_x86_64", "lib<2"),
            *pure("lib 1.0 2.0"),
        ),
        targets=(LINUX, MUSL),
    ),
    Scenario(
        name="libc-fallback",
        about="on musl only the pure wheel fits, and it asks for a slow substitute",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "fastlib"),
            wheel("demo 1.0 py3-none-any", "slowlib"),
            *pure("fastlib 1.0", "slowlib 1.0"),
        ),
        targets=(LINUX, MUSL),
    ),
    Scenario(
        name="macos-levels",
        about="the wheel for macOS 14 drops what the one for macOS 11 needs",
        files=(
            wheel("demo 1.0 cp312-cp312-macosx_11_0_arm64", "backport"),
            wheel("demo 1.0 cp312-cp312-macosx_14_0_arm64"),
            *pure("backport 1.0"),
        ),
        targets=(MACOS,),
    ),
    Scenario(
        name="macos-too-new",
        about="macOS 11 has no wheel at all, macOS 14 has",
        files=(wheel("demo 1.0 cp312-cp312-macosx_14_0_arm64", "lib"), *pure("lib 1.0")),
        targets=(MACOS, NEW_MACOS),
        unserved=frozenset({MACOS}),
    ),
    Scenario(
        name="macos-universal2",
        about="arm64 and universal2 wheels ask for different things; Intel has only the second",
        files=(
            wheel("demo 1.0 cp312-cp312-macosx_11_0_arm64", "armlib"),
            wheel("demo 1.0 cp312-cp312-macosx_11_0_universal2", "bothlib"),
            *pure("armlib 1.0", "bothlib 1.0"),
        ),
        targets=(MACOS, "cp312-macos-x86_64-11.0"),
    ),
    Scenario(
        name="windows-32",
        about="32-bit Windows asks for something else than 64-bit Windows",
        files=(
            wheel("demo 1.0 cp312-cp312-win_amd64", "biglib"),
            wheel("demo 1.0 cp312-cp312-win32", "smalllib"),
            *pure("biglib 1.0", "smalllib 1.0"),
        ),
        targets=(WINDOWS, WINDOWS32),
    ),
    Scenario(
        name="linux-32",
        about="Linux i686 has its own wheel, with a dependency less",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib", "biglib"),
            wheel("demo 1.0 cp312-cp312-manylinux_2_17_i686.manylinux2014_i686", "lib"),
            *pure("lib 1.0", "biglib 1.0"),
        ),
        targets=(LINUX, LINUX32),
    ),
    Scenario(
        name="free-threaded",
        about="free-threaded and usual Python 3.13 ask for different things: one marker part",
        files=(
            wheel(f"demo 1.0 cp313-cp313-{OLD}", "gillib"),
            wheel(f"demo 1.0 cp313-cp313t-{OLD}", "freelib"),
            *pure("gillib 1.0", "freelib 1.0"),
        ),
        targets=(PY313, FREE),
    ),
    Scenario(
        name="free-equal",
        about="free-threaded and usual Python 3.13 agree: one lock can hold both",
        files=(
            wheel(f"demo 1.0 cp313-cp313-{OLD}", "lib"),
            wheel(f"demo 1.0 cp313-cp313t-{OLD}", "lib"),
            *pure("lib 1.0"),
        ),
        targets=(PY313, FREE),
        agrees=True,
    ),
    Scenario(
        name="free-fallback",
        about="the stable ABI does not serve free-threaded Python, which takes the pure wheel",
        files=(
            wheel(f"demo 1.0 cp39-abi3-{OLD}", "stablelib"),
            wheel("demo 1.0 py3-none-any", "slowlib"),
            *pure("stablelib 1.0", "slowlib 1.0"),
        ),
        targets=(PY313, FREE),
    ),
    Scenario(
        name="pypy",
        about="PyPy asks for something else, which a marker can say",
        files=(
            wheel(f"demo 1.0 cp311-cp311-{OLD}", "clib"),
            wheel(f"demo 1.0 pp311-pypy311_pp73-{OLD}", "pypylib"),
            *pure("clib 1.0", "pypylib 1.0"),
        ),
        targets=(PY311, PYPY),
    ),
    Scenario(
        name="build-chain",
        about="the wheel with the highest build number asks for a newer library",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib<2"),
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib>=2", build="3"),
            *pure("lib 1.0 2.0"),
        ),
        targets=(LINUX,),
    ),
    Scenario(
        name="tie-platforms",
        about="a wheel of two platforms and one of three are equally good on Linux",
        files=(
            wheel("demo 1.0 py3-none-manylinux_2_17_x86_64.win_amd64", "one"),
            wheel("demo 1.0 py3-none-manylinux_2_17_x86_64.win_amd64.macosx_11_0_arm64", "two"),
            *pure("one 1.0", "two 1.0"),
        ),
        targets=(LINUX, MACOS, WINDOWS),
    ),
)
