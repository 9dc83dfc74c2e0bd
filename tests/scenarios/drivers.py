"""How each locker is asked for a lock of a scenario: its files, its commands, its `pylock.toml`."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from tests.scenarios.scenario import Scenario
from tests.tools import CLIENTS

__all__ = ["DRIVERS", "Answer", "Driver", "Installation", "lock_for"]

TIMEOUT = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where the commands of a tool are, and the Python that it is to lock with."""

    bin: Path
    python: str

    def command(self, name: str) -> str:
        return str(self.bin / name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a tool wrote.

    ``locks`` is the lock for each target, none for targets that no lock is for; ``why`` is the last
    thing the tool said if it wrote none; ``reduced`` says what it had to be spared.
    """

    locks: Mapping[str, Path] = field(default_factory=dict)
    why: str = ""
    reduced: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One column: ``packages`` is what installs the tool, ``lock`` asks it (scenario, url, folder).

    ``here_only``: the tool claims nothing but the machine it runs on.
    """

    name: str
    command: str
    packages: tuple[str, ...]
    lock: Callable[[Installation, Scenario, str, Path], Answer] = field(repr=False)
    how: str
    here_only: bool = False


class _ToolError(Exception):
    """The tool ended with an error; the text is what it said last."""


def _run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> None:
    """Run a tool without any of the settings of this machine; raises _ToolError."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    clean = {
        "PATH": f"{Path(command[0]).parent}{os.pathsep}{os.defpath}",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "PIP_CONFIG_FILE": os.devnull,
        **(environment or {}),
    }
    try:
        done = subprocess.run(
            command, cwd=folder, env=clean, capture_output=True, text=True,
            timeout=TIMEOUT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise _ToolError(f"no answer within {TIMEOUT} s") from error
    if done.returncode:
        raise _ToolError(_last_words(done.stderr or done.stdout))


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-3:])[:300] or "it said nothing"


def _lower(scenario: Scenario, python: str) -> str:
    """The range of Python of a project that the tool's own Python can belong to."""
    ends = [int(part.split("3.")[1]) for part in scenario.requires_python.split(",")]
    own = int(python.split(".")[1])
    return f">=3.{min(ends[0], own)},<3.{max(ends[1], own + 1)}"


def _project(installation: Installation, scenario: Scenario, folder: Path, settings: str) -> None:
    roots = ", ".join(f"'{root}'" for root in scenario.roots)
    folder.joinpath("pyproject.toml").write_text(
        "[project]\n"
        'name = "project"\n'
        'version = "0"\n'
        f'requires-python = "{_lower(scenario, installation.python)}"\n'
        f"dependencies = [{roots}]\n\n{settings}",
        "utf-8",
    )


def _uv(tool: Installation, scenario: Scenario, url: str, folder: Path) -> Answer:
    _project(tool, scenario, folder, f'[[tool.uv.index]]\nurl = "{url}"\ndefault = true\n')
    # The Python that runs this is one that uv may use; it downloads none.
    environment = {"UV_PYTHON_DOWNLOADS": "never", "UV_PYTHON": tool.command("python")}
    return _lock_and_export(
        scenario,
        folder,
        [tool.command("uv"), "lock", "--quiet"],
        [
            tool.command("uv"), "export", "--quiet", "--frozen", "--no-emit-project",
            "--format", "pylock.toml", "-o", "pylock.toml",
        ],
        environment,
    )  # fmt: skip


def _poetry(tool: Installation, scenario: Scenario, url: str, folder: Path) -> Answer:
    settings = (
        "[tool.poetry]\npackage-mode = false\n\n"
        f'[[tool.poetry.source]]\nname = "local"\nurl = "{url}"\npriority = "primary"\n'
    )
    _project(tool, scenario, folder, settings)
    return _lock_and_export(
        scenario,
        folder,
        [tool.command("poetry"), "lock", "--no-interaction"],
        [
            tool.command("poetry"), "export", "--no-interaction",
            "--format", "pylock.toml", "--output", "pylock.toml",
        ],
        {"POETRY_VIRTUALENVS_CREATE": "false"},
    )  # fmt: skip


def _pdm(tool: Installation, scenario: Scenario, url: str, folder: Path) -> Answer:
    settings = (
        "[tool.pdm]\ndistribution = false\n\n"
        f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{url}"\nverify_ssl = false\n'
    )
    _project(tool, scenario, folder, settings)
    python = ["use", "--first", "--ignore-remembered", tool.command("python")]
    environment = {"PDM_CHECK_UPDATE": "0", "PDM_IGNORE_ACTIVE_VENV": "1", "PDM_USE_VENV": "0"}
    try:
        _run([tool.command("pdm"), *python], folder, environment)
    except _ToolError as error:
        return Answer(why=str(error))
    return _lock_and_export(
        scenario,
        folder,
        [tool.command("pdm"), "lock"],
        [tool.command("pdm"), "export", "--format", "pylock", "--output", "pylock.toml"],
        environment,
    )


def _pip(tool: Installation, scenario: Scenario, url: str, folder: Path) -> Answer:
    command = [
        tool.command("python"), "-m", "pip", "--disable-pip-version-check", "lock", "--quiet",
        "--index-url", url, "--output", "pylock.toml", *scenario.roots,
    ]  # fmt: skip
    return _lock_and_export(scenario, folder, command, None, {})


def _trueup(tool: Installation, scenario: Scenario, url: str, folder: Path) -> Answer:
    targets = [argument for target in scenario.targets for argument in ("--for", target)]
    command = [
        tool.command("trueup"), "lock", "--index", url, *targets,
        "-o", "pylock.toml", *scenario.roots,
    ]  # fmt: skip
    environment = {"TRUEUP_CACHE_DIR": str(folder / "cache")}
    try:
        _run(command, folder, environment)
    except _ToolError as error:
        # Targets that cannot be served are told by the exit code, and the others are written.
        return Answer(locks=_locks(scenario, folder), why=str(error))
    return Answer(locks=_locks(scenario, folder))


def _lock_and_export(
    scenario: Scenario,
    folder: Path,
    lock: Sequence[str],
    export: Sequence[str] | None,
    environment: Mapping[str, str],
) -> Answer:
    try:
        _run(lock, folder, environment)
        if export is not None:
            _run(export, folder, environment)
    except _ToolError as error:
        return Answer(why=str(error))
    return Answer(locks=_locks(scenario, folder), why="it wrote no `pylock.toml`")


def _locks(scenario: Scenario, folder: Path) -> dict[str, Path]:
    found = {target: lock_for(folder, target) for target in scenario.targets}
    return {target: lock for target, lock in found.items() if lock is not None}


def lock_for(folder: Path, target: str) -> Path | None:
    """The lock that a user of the target takes: `pylock.PROFILE.toml` if there is one for it.

    A profile is what no marker shows (`musl`, `free-threaded`), or the whole name of the target.
    """
    words = ["musl"] if "-musl" in target else []
    words += ["free-threaded"] if re.match(r"cp\d+t-", target) else []
    names = [f".{'-'.join(words)}"] if words else []
    for name in (f".{target}", f".{target.replace('.', '_')}", *names, ""):
        lock = folder / f"pylock{name}.toml"
        if lock.exists():
            return lock
    return None


# --- nab, which wants a matrix --------------------------------------------------------------------

_NAB_SYSTEMS = {"linux": "linux", "macos": "macos", "windows": "windows"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Platform:
    """A platform of nab's matrix; a lock has one of each id."""

    id: str
    knobs: str

    @property
    def table(self) -> str:
        return f'{{ id = "{self.id}"{self.knobs} }}'


def _platform(target: str, *, floors: bool) -> _Platform:
    match = re.fullmatch(r"(\w+)-(\w+)-(\w+?)(?:-(glibc|musl)?([\d.]+))?", target)
    assert match is not None
    interpreter, system, machine, libc, floor = match.groups()
    knobs = ', libc = "musl"' if libc == "musl" else ""
    if floors and system in ("linux", "macos"):
        knobs += f', runs-on-{"libc" if libc else "macos"} = "{floor}"'
    if interpreter.endswith("t"):
        knobs += ", free-threaded = true"
    return _Platform(id=f"{_NAB_SYSTEMS[system]}_{machine}", knobs=knobs)


def _nab(tool: Installation, scenario: Scenario, url: str, folder: Path, *, floors: bool) -> Answer:
    """A lock for each libc and ABI, as a matrix takes a platform once; each as large as may be."""
    locks: dict[str, Path] = {}
    notes: list[str] = []
    why = ""
    groups = _groups(scenario, floors=floors)
    for number, group in enumerate(groups):
        inner = folder / str(number)
        inner.mkdir()
        for targets in _subsets(list(group)):
            answer = _nab_once(tool, scenario, url, inner, {t: group[t] for t in targets})
            if answer.locks:
                locks |= {target: answer.locks[target] for target in targets}
                notes += [f"without {target}" for target in group if target not in targets]
                break
            why = why or answer.why
        else:
            notes.append(
                "no lock at all" if len(groups) == 1 else f"no lock for {next(iter(group))}"
            )
    if len(groups) > 1:
        notes.append(f"{len(groups)} runs")
    return Answer(locks=locks, why=why, reduced="; ".join(notes) if locks else "")


def _groups(scenario: Scenario, *, floors: bool) -> list[dict[str, _Platform]]:
    """The targets and their platforms, split so that no group has two platforms of one id."""
    groups: list[dict[str, _Platform]] = []
    for target in scenario.targets:
        platform = _platform(target, floors=floors)
        for group in groups:
            if all(other == platform or other.id != platform.id for other in group.values()):
                group[target] = platform
                break
        else:
            groups.append({target: platform})
    return groups


def _nab_once(
    tool: Installation,
    scenario: Scenario,
    url: str,
    folder: Path,
    platforms: Mapping[str, _Platform],
) -> Answer:
    matrix = _matrix(list(platforms), url, sorted({item.table for item in platforms.values()}))
    _project(tool, scenario, folder, matrix)
    command = [tool.command("nab"), "lock", "pyproject.toml", "--no-cache"]
    return _lock_and_export(scenario, folder, command, None, {})


def _subsets(targets: list[str]) -> Iterator[tuple[str, ...]]:
    """All targets, then as many as possible."""
    for size in range(len(targets), 0, -1):
        yield from combinations(targets, size)


def _matrix(targets: Sequence[str], url: str, platforms: Sequence[str]) -> str:
    shorts = sorted({target[:2] for target in targets})
    names = ", ".join({"cp": '"cpython"', "pp": '"pypy"'}[short] for short in shorts)
    minors = sorted({int(target.split("-")[0].strip("cpt")[1:]) for target in targets})
    return (
        '[tool.nab]\nmode = "universal"\n\n'
        f'[[tool.nab.indexes]]\nname = "local"\nurl = "{url}"\n\n'
        f'[tool.nab.matrix]\npython = ">=3.{minors[0]},<3.{minors[-1] + 1}"\n'
        f"implementations = [{names}]\n"
        f"platforms = [{', '.join(platforms)}]\n"
    )


def _nab_plain(tool: Installation, scenario: Scenario, url: str, folder: Path) -> Answer:
    return _nab(tool, scenario, url, folder, floors=False)


def _nab_floors(tool: Installation, scenario: Scenario, url: str, folder: Path) -> Answer:
    return _nab(tool, scenario, url, folder, floors=True)


DRIVERS = (
    Driver(
        name="trueup", command="trueup", packages=(), lock=_trueup,
        how="`trueup lock --index URL --for ENV … -o pylock.toml REQUIREMENT…`",
    ),
    Driver(
        name="uv", command="uv", packages=("uv",), lock=_uv,
        how="`uv lock`, `uv export --format pylock.toml`",
    ),
    Driver(
        name="nab", command="nab", packages=("nab==0.0.23",), lock=_nab_plain,
        how="`nab lock` with `[tool.nab.matrix]` of the scenario's Pythons and platforms",
    ),
    Driver(
        name="nab, floors", command="nab", packages=("nab==0.0.23",), lock=_nab_floors,
        how="the same with `runs-on-libc` and `runs-on-macos` at the floors of the targets",
    ),
    Driver(
        name="Poetry", command="poetry", packages=CLIENTS["poetry"], lock=_poetry,
        how="`poetry lock`, `poetry export --format pylock.toml`, the index as a legacy source",
    ),
    Driver(
        name="PDM", command="pdm", packages=CLIENTS["pdm"], lock=_pdm,
        how="`pdm lock`, `pdm export --format pylock`",
    ),
    Driver(
        name="pip lock", command="pip", packages=("pip>=26.3",), lock=_pip, here_only=True,
        how="`pip lock`, which claims nothing but the machine it runs on",
    ),
)  # fmt: skip
"""The columns of the comparison."""
