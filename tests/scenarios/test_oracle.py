"""The oracle says of hand-written locks what a reader says of them."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.scenarios import machines as machines_module
from tests.scenarios import oracle as oracle_module
from tests.scenarios.every import SCENARIOS
from tests.scenarios.letters import OLD
from tests.scenarios.machines import Machine, machines
from tests.scenarios.oracle import Judgement, Verdict, answerable, judge
from tests.scenarios.scenario import LINUX, MACOS, MUSL, WINDOWS, Scenario
from tests.scenarios.written import Entry, entry, write_lock

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
GNU = f"cp312-cp312-{OLD}"
NEW = "cp312-cp312-manylinux_2_28_x86_64"
MUSL_WHEEL = "cp312-cp312-musllinux_1_2_x86_64"
MAC_WHEEL = "cp312-cp312-macosx_11_0_arm64"
WIN_WHEEL = "cp312-cp312-win_amd64"
ON_LINUX = 'sys_platform == "linux"'
ON_MAC = 'sys_platform == "darwin"'
ON_WINDOWS = 'sys_platform == "win32"'


@pytest.mark.parametrize("module", [oracle_module, machines_module], ids=lambda m: m.__name__)
def test_it_imports_nothing_of_the_project(module: object) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))  # type: ignore[attr-defined]
    names = {
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    own = {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name for name in own if name.split(".")[0] != "packaging"} <= {
        "tests.scenarios.machines"
    }
    assert all(not node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))


# --- sound and unsound locks --------------------------------------------------------------------

SOUND: dict[str, list[Entry]] = {
    "a-plat": [
        entry("demo 1.0", GNU, MUSL_WHEEL, MAC_WHEEL, WIN_WHEEL),
        entry("linlib 1.0", marker=ON_LINUX),
        entry("maclib 1.0", marker=ON_MAC),
        entry("winlib 1.0", marker=ON_WINDOWS),
    ],
    "b-glibc": [entry("base 1.0"), entry("demo 1.0", GNU), entry("oldlib 1.0")],
    "e-sdist": [
        entry("demo 1.0", sdist=True),
        entry("sourcelib 1.0"),
    ],
    "g-extra": [
        entry("demo 1.0", GNU, MUSL_WHEEL, MAC_WHEEL, WIN_WHEEL),
        entry("cuda 1.0", marker=ON_LINUX),
        entry("wincuda 1.0", marker=ON_WINDOWS),
    ],
    "h-reqpy": [
        entry(
            "demo 2.0", f"py3-none-{OLD}", "py3-none-musllinux_1_2_x86_64",
            "py3-none-macosx_11_0_arm64", marker='sys_platform != "win32"',
        ),
        entry("demo 1.0", marker=ON_WINDOWS),
    ],
    "i-tie": [entry("demo 1.0"), entry("threelib 1.0")],
    "j-mac": [
        entry("demo 1.0", MAC_WHEEL, marker=ON_MAC),
        entry("demo 1.0", marker='sys_platform != "darwin"'),
        entry("oldmaclib 1.0", marker=ON_MAC),
        entry("purelib 1.0", marker='sys_platform != "darwin"'),
    ],
    "k-spec": [
        entry("demo 1.0", GNU, MUSL_WHEEL, MAC_WHEEL, WIN_WHEEL),
        entry("lib 1.0", marker=ON_WINDOWS),
        entry("lib 2.0", marker='sys_platform != "win32"'),
    ],
    "chain-two": [
        entry("app 1.0"),
        entry("middle 1.0"),
        entry("demo 1.0", GNU, MAC_WHEEL, WIN_WHEEL),
        entry("linlib 1.0", marker=ON_LINUX),
        entry("deep 1.0", marker=ON_LINUX),
        entry("maclib 1.0", marker=ON_MAC),
        entry("winlib 1.0", marker=ON_WINDOWS),
    ],
    "patch-level": [
        entry("demo 1.0", GNU, WIN_WHEEL),
        entry("fix 1.0", marker=f'{ON_LINUX} and python_full_version < "3.12.4"'),
    ],
    "extra-chain": [
        entry("app 1.0"),
        entry("demo 1.0", GNU, WIN_WHEEL),
        entry("lib 1.0"),
        entry("linlib 1.0", marker=ON_LINUX),
    ],
    "yanked-better": [entry("demo 1.0"), entry("lib 1.0")],
}  # fmt: skip


@dataclass(frozen=True)
class Built:
    scenario: Scenario
    folder: Path

    @property
    def files(self) -> Path:
        return self.folder / "files"

    def judge(self, entries: list[Entry], machine: Machine, *environments: str) -> Judgement:
        lock = write_lock(
            self.folder / "pylock.toml", self.files, entries, environments=environments
        )
        return judge(
            lock, self.files, self.scenario.roots, machine, withdrawn=self.scenario.withdrawn
        )


def build(name: str, folder: Path) -> Built:
    built = Built(BY_NAME[name], folder)
    built.scenario.write(built.files)
    return built


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_lock(name: str, tmp_path: Path) -> None:
    built = build(name, tmp_path)
    for machine in built.scenario.machines:
        assert built.judge(SOUND[name], machine).reasons == ()


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_lock_needs_every_entry(name: str, tmp_path: Path) -> None:
    built = build(name, tmp_path)
    for gone in SOUND[name]:
        rest = [item for item in SOUND[name] if item is not gone]
        verdicts = [built.judge(rest, machine) for machine in built.scenario.machines]
        assert any(
            found.verdict is Verdict.WRONG and any(gone.name in reason for reason in found.reasons)
            for found in verdicts
        ), gone


def changed(name: str, project: str, **fields: object) -> list[Entry]:
    """The sound lock of a scenario with one entry changed."""
    return [
        replace(item, **fields) if item.name == project else item  # type: ignore[arg-type]
        for item in SOUND[name]
    ]


UNSOUND: list[tuple[str, str, list[Entry], str, str]] = [
    (
        "a-plat", WINDOWS, changed("a-plat", "winlib", marker=ON_MAC),
        WINDOWS, "asks for `winlib`, which is not there",
    ),
    (
        "b-glibc", LINUX,
        [*SOUND["b-glibc"][:1], entry("demo 1.0", GNU, NEW), entry("oldlib 1.0")],
        "cp312-linux-x86_64-glibc2.28", "asks for `newlib`, which is not there",
    ),
    (
        "k-spec", WINDOWS, [SOUND["k-spec"][0], entry("lib 2.0")],
        WINDOWS, "asks for `lib<2`, not 2.0",
    ),
    (
        "k-spec", LINUX, [*SOUND["k-spec"], entry("lib 1.0", marker=ON_LINUX)],
        LINUX, "`lib` has 2 live entries",
    ),
    (
        "h-reqpy", WINDOWS, [entry("demo 2.0", f"py3-none-{OLD}", "py3-none-win_amd64")],
        WINDOWS, "requires Python >=3.13",
    ),
    (
        "i-tie", LINUX, [entry("demo 1.0", "py3-none-any", "py2.py3-none-any"), entry("bothlib 1.0")],
        LINUX, "asks for `threelib`, which is not there",
    ),
    (
        "e-sdist", MUSL, [entry("demo 1.0", GNU, sdist=True), entry("wheellib 1.0")],
        MUSL, "asks for `sourcelib`, which is not there",
    ),
    (
        "g-extra", LINUX, changed("g-extra", "cuda", marker=ON_WINDOWS),
        LINUX, "asks for `cuda; extra == \"gpu\"`, which is not there",
    ),
    (
        "yanked-better", LINUX, [entry("demo 1.0", GNU), entry("badlib 1.0")],
        LINUX, "was yanked",
    ),
    (
        "n-good", LINUX, [entry("lib 1.0")],
        LINUX, "the user asks for `demo`, which is not there",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "target", "entries", "machine", "reason"), UNSOUND)
def test_an_unsound_lock(
    name: str, target: str, entries: list[Entry], machine: str, reason: str, tmp_path: Path
) -> None:
    built = build(name, tmp_path)
    (found,) = (built.judge(entries, one) for one in machines(target) if one.name == machine)
    assert found.verdict is Verdict.WRONG
    assert any(reason in text for text in found.reasons), found.reasons


def test_a_changed_file_is_wrong(tmp_path: Path) -> None:
    built = build("n-good", tmp_path)
    (machine, *_) = machines(WINDOWS)
    entries = [entry("demo 1.0", WIN_WHEEL), entry("lib 2.0")]
    assert built.judge(entries, machine).verdict is Verdict.OK
    lock = tmp_path / "pylock.toml"
    found = judge_changed(built, lock, machine)
    assert found.reasons == (f"`demo-1.0-{WIN_WHEEL}.whl` has another sha256 than the lock says",)


def judge_changed(built: Built, lock: Path, machine: Machine) -> Judgement:
    """Judge the lock after its first digest was changed."""
    head, mark, rest = lock.read_text("utf-8").partition('sha256 = "')
    lock.write_text(f"{head}{mark}{'0' * 64}{rest[64:]}", "utf-8")
    return judge(lock, built.files, built.scenario.roots, machine)


@pytest.mark.parametrize(
    ("entries", "environments", "reason"),
    [
        ([entry("demo 1.0", WIN_WHEEL), entry("winlib 1.0")], (), "No wheel found"),
        (SOUND["a-plat"], (ON_WINDOWS,), "does not satisfy any of the environments"),
    ],
    ids=["no wheel", "not claimed"],
)
def test_what_select_refuses_is_refused(
    entries: list[Entry], environments: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    built = build("a-plat", tmp_path)
    (machine, *_) = machines(MACOS)
    found = built.judge(entries, machine, *environments)
    assert found.verdict is Verdict.REFUSED
    assert reason in " ".join(found.reasons)


@pytest.mark.parametrize("text", ["", 'lock-version = "1.0"', "packages = ["])
def test_what_is_no_lock_is_refused(text: str, tmp_path: Path) -> None:
    lock = tmp_path / "pylock.toml"
    lock.write_text(text, "utf-8")
    (machine, *_) = machines(WINDOWS)
    found = judge(lock, tmp_path, ("demo",), machine)
    assert found.verdict is Verdict.REFUSED
    assert found.reasons[0].startswith("no valid lock: ")


def test_an_extra_that_the_file_does_not_provide_is_no_fault(tmp_path: Path) -> None:
    built = build("g-extra", tmp_path)
    (machine, *_) = machines(MACOS)
    assert built.judge([entry("demo 1.0", MAC_WHEEL)], machine).verdict is Verdict.OK


def test_a_machine_that_the_lock_is_not_for_is_refused_whatever_it_holds(tmp_path: Path) -> None:
    built = build("k-spec", tmp_path)
    (machine, *_) = machines(LINUX)
    entries = [*SOUND["k-spec"], entry("lib 1.0", marker=ON_LINUX)]
    assert built.judge(entries, machine).verdict is Verdict.WRONG
    assert built.judge(entries, machine, ON_MAC).verdict is Verdict.REFUSED


def test_the_best_file_without_an_equal_is_a_stricter_question(tmp_path: Path) -> None:
    tie = build("i-tie", tmp_path / "tie")
    (machine, *_) = machines(LINUX)
    assert answerable(tie.files, ("demo",), machine)
    assert not answerable(tie.files, ("demo",), machine, best=True)
    glibc = build("b-glibc", tmp_path / "glibc")
    assert answerable(glibc.files, ("demo",), machine, best=True)
