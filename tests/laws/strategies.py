"""What Hypothesis draws releases from: few words, so that they meet often."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.releases import wheel
from trueup.model.release import ReleaseFile

__all__ = ["ATOMS", "markers", "releases", "requirement_lists"]

ATOMS = (
    'python_version < "3.9"',
    'python_version >= "3.11"',
    'python_version == "3.10"',
    'python_version in "3.8 3.9"',
    'python_full_version < "3.11.4"',
    'sys_platform == "linux"',
    'sys_platform != "win32"',
    'platform_system == "Darwin"',
    'os_name == "nt"',
    'platform_machine == "x86_64"',
    'platform_machine in "x86_64 AMD64 aarch64"',
    'platform_machine != "arm64"',
    'implementation_name == "cpython"',
    'platform_python_implementation != "PyPy"',
    '"3.8" <= python_version',
    'platform_release >= "5"',
    '"Ubuntu" in platform_version',
    'extra == "fast"',
    'extra == "docs"',
)

_TAGS = (
    "py3-none-any",
    "py2.py3-none-any",
    "cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp310-cp310-manylinux_2_28_x86_64",
    "cp310-cp310-win_amd64",
    "cp310-cp310-win32",
    "cp310-cp310-macosx_11_0_arm64",
    "cp310-cp310-macosx_10_9_universal2",
    "cp311-cp311-manylinux_2_17_x86_64",
    "cp311-cp311-musllinux_1_2_x86_64",
    "cp313-cp313-manylinux_2_17_x86_64",
    "cp313-cp313t-manylinux_2_17_x86_64",
    "cp39-abi3-manylinux_2_17_x86_64",
    "cp39-abi3-win_amd64",
    "pp310-pypy310_pp73-manylinux_2_17_x86_64",
    "py3-none-manylinux_2_17_aarch64",
    "py3-none-manylinux_2_28_x86_64",
    "py3-none-manylinux2014_x86_64",
    "py3-none-win_amd64",
    "cp27-cp27mu-manylinux1_x86_64",
    "cp27-cp27m-win_amd64",
)


@st.composite
def markers(draw: st.DrawFn, atoms: tuple[str, ...] = ATOMS) -> str:
    """A marker of up to three comparisons."""
    parts = draw(st.lists(st.sampled_from(atoms), min_size=1, max_size=3))
    text = parts[0]
    for part in parts[1:]:
        text = f"({text}) {draw(st.sampled_from(['and', 'or']))} {part}"
    return text


@st.composite
def requirement_lists(draw: st.DrawFn, atoms: tuple[str, ...] = ATOMS) -> list[str]:
    """Up to three requirements on two projects."""
    lines = []
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(["alpha", "beta"]))
        bound = draw(st.sampled_from(["", ">=1", "<2", "[x]", "==1.*"]))
        marker = draw(st.one_of(st.none(), markers(atoms)))
        lines.append(f"{name}{bound}; {marker}" if marker else f"{name}{bound}")
    return lines


@st.composite
def releases(draw: st.DrawFn, atoms: tuple[str, ...] = ATOMS) -> tuple[ReleaseFile, ...]:
    """Two to five wheels that share few lists of requirements."""
    lists = draw(st.lists(requirement_lists(atoms), min_size=1, max_size=3))
    tags = draw(st.lists(st.sampled_from(_TAGS), min_size=2, max_size=5, unique=True))
    files = [
        wheel(
            tag,
            draw(st.sampled_from(lists)),
            extras=draw(st.sampled_from([(), (), ("fast",), ("fast", "docs")])),
            python=draw(st.sampled_from([None, None, None, ">=3.9"])),
            build=draw(st.sampled_from(["", "", "", "1"])),
        )
        for tag in tags
    ]
    return tuple(files)
