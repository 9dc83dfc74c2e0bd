"""The grammar of environments: it parses, prints and compares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.model.errors import UsageError
from trueup.model.target import Target, parse_targets

PRINTS = [
    ("cp312-linux-x86_64-glibc2.28", ["cp312-linux-x86_64-glibc2.28"]),
    ("cp313t-linux-aarch64-musl1.2", ["cp313t-linux-aarch64-musl1.2"]),
    ("cp311-macos-arm64-14.0", ["cp311-macos-arm64-14.0"]),
    ("cp312-windows-amd64", ["cp312-windows-amd64"]),
    ("pp311-linux-x86_64-glibc2.17", ["pp311-linux-x86_64-glibc2.17"]),
    # No floor means the oldest maintained one.
    ("cp312-linux-x86_64", ["cp312-linux-x86_64-glibc2.17"]),
    ("cp312-linux-x86_64-musl", ["cp312-linux-x86_64-musl1.2"]),
    ("cp312-macos-arm64", ["cp312-macos-arm64-14.0"]),
    ("cp312-macos-arm64-15", ["cp312-macos-arm64-15.0"]),
    (
        "cp311..cp312-{linux-x86_64,macos-arm64}",
        [
            "cp311-linux-x86_64-glibc2.17",
            "cp311-macos-arm64-14.0",
            "cp312-linux-x86_64-glibc2.17",
            "cp312-macos-arm64-14.0",
        ],
    ),
    (
        "cp39..cp311-windows-amd64",
        ["cp39-windows-amd64", "cp310-windows-amd64", "cp311-windows-amd64"],
    ),
    ("cp27-windows-amd64", ["cp27-windows-amd64"]),
    # Pythons to come may be named already.
    ("cp317-windows-amd64", ["cp317-windows-amd64"]),
    (
        "cp312-windows-x86, cp312-windows-arm64",
        ["cp312-windows-arm64", "cp312-windows-x86"],
    ),
]


@pytest.mark.parametrize(("text", "printed"), PRINTS)
def test_parse_and_print(text: str, printed: list[str]) -> None:
    assert [str(target) for target in parse_targets(text)] == printed


@pytest.mark.parametrize(("preset", "systems"), [
    ("linux", {"linux"}),
    ("musl", {"linux"}),
    ("macos", {"macos"}),
    ("windows", {"windows"}),
    ("all", {"linux", "macos", "windows"}),
])  # fmt: skip
def test_presets(preset: str, systems: set[str]) -> None:
    targets = parse_targets(preset)
    assert {target.system for target in targets} == systems
    assert len({target.python for target in targets}) == 6


WRONG = [
    (
        "linux-x86_64",
        "`linux-x86_64` names no environment",
    ),
    (
        "cp312-beos-x86_64",
        "`cp312-beos-x86_64` names an unknown system: found `beos`, "
        "expected `linux`, `macos`, `windows`",
    ),
    (
        "cp312-windows-aarch64",
        "`cp312-windows-aarch64` names an unknown machine: found `aarch64`, "
        "expected `amd64`, `x86`, `arm64`",
    ),
    ("cp312-windows-amd64-10.0", "`cp312-windows-amd64-10.0`: windows has no such floor"),
    ("cp312-macos-arm64-glibc2.17", "`cp312-macos-arm64-glibc2.17`: macos has no such floor"),
    ("", "names no environment"),
    (
        "cp399-linux-x86_64",
        "`cp399-linux-x86_64` names an unknown Python: found `3.99`, "
        "expected a version such as `3.15`, the newest known",
    ),
    ("cp313..cp391-windows-amd64", "`cp321-windows-amd64` names an unknown Python: found `3.21`"),
    ("cp28-windows-amd64", "names an unknown Python: found `2.8`"),
    ("pp412-linux-x86_64", "names an unknown Python: found `4.12`"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_mistake_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_targets(text)
    assert message in str(caught.value)


@given(text=st.text(alphabet="cp3120t.{},-linuxmacosglibc_64 ", max_size=40))
def test_any_text_is_targets_or_a_usage_error(text: str) -> None:
    try:
        targets = parse_targets(text)
    except UsageError:
        return
    for target in targets:
        assert parse_targets(str(target)) == (target,)
        assert isinstance(target, Target)
