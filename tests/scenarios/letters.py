"""The fifteen cases that first showed what lockers do; other pages cite them by their letters."""

from __future__ import annotations

from tests.scenarios.scenario import LINUX, MACOS, MUSL, WINDOWS, Scenario, pure, sdist, wheel

__all__ = ["LETTERS"]

OLD = "manylinux_2_17_x86_64.manylinux2014_x86_64"
PY313 = LINUX.replace("cp312", "cp313")
FREE = LINUX.replace("cp312", "cp313t")

LETTERS = (
    Scenario(
        name="a-plat",
        about="the wheel of each system asks for a library of its own",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "linlib"),
            wheel("demo 1.0 cp312-cp312-musllinux_1_2_x86_64", "linlib"),
            wheel("demo 1.0 cp312-cp312-macosx_11_0_arm64", "maclib"),
            wheel("demo 1.0 cp312-cp312-win_amd64", "winlib"),
            *pure("linlib 1.0", "maclib 1.0", "winlib 1.0"),
        ),
    ),
    Scenario(
        name="b-glibc",
        about="the wheel for glibc 2.17 asks for more than the one for glibc 2.28",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "base", "oldlib"),
            wheel("demo 1.0 cp312-cp312-manylinux_2_28_x86_64", "base", "newlib"),
            *pure("base 1.0", "oldlib 1.0", "newlib 1.0"),
        ),
        targets=(LINUX,),
    ),
    Scenario(
        name="b2-glibc34",
        about="a wheel for glibc 2.34 beside one for 2.28",
        files=(
            wheel("demo 1.0 cp312-cp312-manylinux_2_28_x86_64", "base"),
            wheel("demo 1.0 cp312-cp312-manylinux_2_34_x86_64", "base", "newlib"),
            *pure("base 1.0", "newlib 1.0"),
        ),
        targets=(LINUX.replace("2.17", "2.28"),),
    ),
    Scenario(
        name="c-libc",
        about="the wheel for musl asks for something else than the one for glibc",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "gnulib"),
            wheel("demo 1.0 cp312-cp312-musllinux_1_2_x86_64", "musllib"),
            *pure("gnulib 1.0", "musllib 1.0"),
        ),
        targets=(LINUX, MUSL),
    ),
    Scenario(
        name="d-abi",
        about="version-specific, stable-ABI and pure wheels ask for different things",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "speedlib"),
            wheel(f"demo 1.0 cp39-abi3-{OLD}", "stablelib"),
            wheel("demo 1.0 cp39-abi3-win_amd64", "stablelib"),
            wheel("demo 1.0 py3-none-any", "slowlib"),
            *pure("speedlib 1.0", "stablelib 1.0", "slowlib 1.0"),
        ),
    ),
    Scenario(
        name="e-sdist",
        about="a static sdist asks for something else than the only wheel",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "wheellib"),
            sdist("demo 1.0", "sourcelib"),
            *pure("wheellib 1.0", "sourcelib 1.0"),
        ),
    ),
    Scenario(
        name="e2-dyn",
        about="the same with an sdist that says its dependencies are dynamic",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "wheellib"),
            sdist("demo 1.0", "sourcelib", dynamic=("Requires-Dist",)),
            *pure("wheellib 1.0", "sourcelib 1.0"),
        ),
        unbuilt=frozenset({MUSL, MACOS, WINDOWS}),
    ),
    Scenario(
        name="f-build",
        about="the wheel of a higher build number asks for more",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib", build="1"),
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib", "fixlib", build="2"),
            *pure("lib 1.0", "fixlib 1.0"),
        ),
        targets=(LINUX,),
    ),
    Scenario(
        name="g-extra",
        about="an extra that only the wheels for Linux and Windows provide",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "cuda; extra == 'gpu'", extras="gpu"),
            wheel(
                "demo 1.0 cp312-cp312-musllinux_1_2_x86_64", "cuda; extra == 'gpu'", extras="gpu"
            ),
            wheel("demo 1.0 cp312-cp312-win_amd64", "wincuda; extra == 'gpu'", extras="gpu"),
            wheel("demo 1.0 cp312-cp312-macosx_11_0_arm64"),
            *pure("cuda 1.0", "wincuda 1.0"),
        ),
        roots=("demo[gpu]",),
    ),
    Scenario(
        name="h-reqpy",
        about="the wheel for Windows of the newest release does not admit the Python",
        files=(
            wheel(f"demo 2.0 py3-none-{OLD}", python=">=3.9"),
            wheel("demo 2.0 py3-none-musllinux_1_2_x86_64", python=">=3.9"),
            wheel("demo 2.0 py3-none-macosx_11_0_arm64", python=">=3.9"),
            wheel("demo 2.0 py3-none-win_amd64", python=">=3.13"),
            *pure("demo 1.0"),
        ),
    ),
    Scenario(
        name="i-tie",
        about="two pure wheels of equal rank ask for different things",
        files=(
            wheel("demo 1.0 py3-none-any", "threelib"),
            wheel("demo 1.0 py2.py3-none-any", "bothlib"),
            *pure("threelib 1.0", "bothlib 1.0"),
        ),
    ),
    Scenario(
        name="j-mac",
        about="wheels for macOS 11 and 14 and a pure one ask for different things",
        files=(
            wheel("demo 1.0 cp312-cp312-macosx_11_0_arm64", "oldmaclib"),
            wheel("demo 1.0 cp312-cp312-macosx_14_0_arm64", "newmaclib"),
            wheel("demo 1.0 py3-none-any", "purelib"),
            *pure("oldmaclib 1.0", "newmaclib 1.0", "purelib 1.0"),
        ),
    ),
    Scenario(
        name="k-spec",
        about="the wheel for Windows asks for lib<2, the others for lib>=2",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib>=2"),
            wheel("demo 1.0 cp312-cp312-musllinux_1_2_x86_64", "lib>=2"),
            wheel("demo 1.0 cp312-cp312-macosx_11_0_arm64", "lib>=2"),
            wheel("demo 1.0 cp312-cp312-win_amd64", "lib<2"),
            *pure("lib 1.0 2.0"),
        ),
    ),
    Scenario(
        name="l-py",
        about="the wheels of Python 3.12, 3.13 and free-threaded 3.13 ask for different things",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib12"),
            wheel(f"demo 1.0 cp313-cp313-{OLD}", "lib13"),
            wheel(f"demo 1.0 cp313-cp313t-{OLD}", "freelib"),
            *pure("lib12 1.0", "lib13 1.0", "freelib 1.0"),
        ),
        targets=(LINUX, PY313, FREE),
    ),
    Scenario(
        name="n-good",
        about="all files ask for the same",
        files=(
            wheel(f"demo 1.0 cp312-cp312-{OLD}", "lib>=1"),
            wheel("demo 1.0 cp312-cp312-win_amd64", "lib >= 1"),
            wheel("demo 1.0 py3-none-any", "lib (>=1)"),
            sdist("demo 1.0", "lib>=1"),
            *pure("lib 1.0 2.0"),
        ),
        agrees=True,
    ),
)
