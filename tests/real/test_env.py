"""Real environments, made by pip and uv: whole ones, broken ones, and what others say of them."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.build import make_wheel
from trueup.features.env import env
from trueup.interfaces.cli.main import main
from trueup.model.installedreport import InstalledReport
from trueup.sources.installed import read_environment
from trueup.sources.place import Place, place_of_python, place_of_root, place_of_sites

ENVIRONMENTS = int(os.environ.get("TRUEUP_ENVIRONMENTS", "8"))
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


def run(*command: object, code: int | None = 0) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=300, check=False
    )
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def uv(*arguments: object, code: int | None = 0) -> str:
    return run(find_uv_bin(), "--offline", "--no-config", *arguments, code=code)


def venv(folder: Path, *options: str) -> Path:
    uv("venv", "--quiet", "--python", sys.executable, *options, folder)
    return folder


def install(folder: Path, *wheels: Path, options: tuple[str, ...] = ()) -> None:
    python = folder / "bin" / "python"
    uv(
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        *options,
        "--python",
        python,
        *wheels,
    )


def judged(place: Place, *, deep: bool = False) -> InstalledReport:
    environment = read_environment(
        place.where, place.sites, place.runtime, prefix=place.prefix, deep=deep
    )
    return env(environment)


def of(folder: Path, *, deep: bool = False) -> InstalledReport:
    return judged(place_of_python(folder, {}), deep=deep)


def codes(report: InstalledReport) -> list[tuple[str, str]]:
    return [(one.code, one.project) for one in report.findings]


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


_BACKEND = """
import os, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "editable-1.0-py3-none-any.whl"
    info = "editable-1.0.dist-info"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("editable.pth", os.getcwd())
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: editable\\nVersion: 1.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", f"editable.pth,,\\n{info}/METADATA,,\\n{info}/WHEEL,,\\n")
    return name
"""
"""A build backend in the tree of its project, which needs nothing."""


# --- made by pip and uv ---------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["clone", "copy", "hardlink", "symlink"])
def test_every_link_mode_of_uv_is_whole(tmp_path: Path, wheels: Path, mode: str) -> None:
    folder = venv(tmp_path / "env")
    one = make_wheel(wheels, "one", "1.0", requires=["two>=1"])
    two = make_wheel(wheels, "two", "1.5")
    install(folder, one, two, options=("--link-mode", mode))
    report = of(folder, deep=True)
    assert codes(report) == [("not-from-an-index", "one"), ("not-from-an-index", "two")]
    assert {one.installer for one in report.environment.distributions} == {"uv"}


def test_pip_is_whole_until_a_file_changes(tmp_path: Path, wheels: Path) -> None:
    folder = venv(tmp_path / "env")
    make_wheel(wheels, "one", "1.0", files={"one/core.py": b"ONE = 1\n"})
    run(sys.executable, "-m", "pip", "--python", folder, "install", "--quiet", "--no-index",
        "--find-links", wheels, "one")  # fmt: skip
    assert of(folder, deep=True).findings == ()
    (one,) = of(folder).environment.distributions
    assert (one.installer, one.requested) == ("pip", True)
    module = next(folder.glob("lib/python*/site-packages/one/core.py"))
    data = module.read_bytes()
    module.write_bytes(data[:-1] + b"#")
    assert codes(of(folder)) == []
    assert codes(of(folder, deep=True)) == [("file-not-as-recorded", "one")]
    module.unlink()
    assert codes(of(folder)) == [("file-not-as-recorded", "one")]


def test_system_packages_stand_behind_those_of_the_environment(
    tmp_path: Path, wheels: Path
) -> None:
    # A base of our own: the folder of an interpreter, with packages beside it.
    base = tmp_path / "base"
    install_into = base / "lib" / f"python{MINOR}" / "site-packages"
    install_into.mkdir(parents=True)
    uv("pip", "install", "--quiet", "--no-index", "--no-deps", "--target", install_into,
       make_wheel(wheels, "one", "1.0"), make_wheel(wheels, "two", "1.0"))  # fmt: skip
    folder = venv(tmp_path / "env", "--system-site-packages")
    config = folder / "pyvenv.cfg"
    text = re.sub(r"home = .*", f"home = {base / 'bin'}", config.read_text())
    config.write_text(text)
    install(folder, make_wheel(wheels, "two", "2.0", requires=["one"]))
    report = of(folder)
    found = [(one.title, one.shadowed) for one in report.environment.distributions]
    assert found == [("two 2.0", False), ("one 1.0", False), ("two 1.0", True)]
    assert ("shadowed-distribution", "two") in codes(report)
    assert not any(one.severity.value == "error" for one in report.findings)


def test_a_target_folder(tmp_path: Path, wheels: Path) -> None:
    target = tmp_path / "target"
    uv("pip", "install", "--quiet", "--no-index", "--no-deps", "--target", target,
       make_wheel(wheels, "one", "1.0", requires=["two"]))  # fmt: skip
    report = judged(place_of_sites([target], where=str(target)))
    assert ("requirement-not-installed", "one") in codes(report)


def test_an_editable_install_is_told_as_one(tmp_path: Path, wheels: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "backend.py").write_text(_BACKEND)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    folder = venv(tmp_path / "env")
    uv("pip", "install", "--quiet", "--no-index", "--python", folder / "bin/python", "-e", project)
    report = of(folder)
    (finding,) = report.findings
    assert finding.message == f"is editable, from `{project.as_uri()}`"


def test_a_staged_root(tmp_path: Path, wheels: Path) -> None:
    target = tmp_path / "root" / "usr" / "lib" / "python3" / "dist-packages"
    uv("pip", "install", "--quiet", "--no-index", "--no-deps", "--target", target,
       make_wheel(wheels, "one", "1.0"))  # fmt: skip
    # What Debian does: no RECORD, and metadata in one file.
    next(target.glob("one-*.dist-info/RECORD")).unlink()
    (target / "six-1.16.0.egg-info").write_text(
        "Metadata-Version: 1.2\nName: six\nVersion: 1.16.0\n"
    )
    report = judged(place_of_root(tmp_path / "root"))
    found = [(one.title, one.layout.value) for one in report.environment.distributions]
    assert found == [("one 1.0", "dist-info"), ("six 1.16.0", "egg-info")]
    assert not any(one.severity.value == "error" for one in report.findings)


# --- bad input ------------------------------------------------------------------------------------


def test_nothing_that_is_broken_ends_in_a_traceback(
    tmp_path: Path, wheels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = venv(tmp_path / "env")
    names = ("whole", "bare", "escaping", "circular", "other", "latin", "garbled", "dark")
    install(folder, *(
        make_wheel(wheels, name, "1.0", requires=["other"] if name == "circular" else
                   ["circular"] if name == "other" else [])
        for name in names
    ))  # fmt: skip
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "bare-1.0.dist-info" / "METADATA").unlink()
    with (site / "escaping-1.0.dist-info" / "RECORD").open("a") as record:
        record.write("../../../../../../etc/passwd,,\n/etc/hostname,,\n")
    metadata = site / "latin-1.0.dist-info" / "METADATA"
    metadata.write_bytes(metadata.read_bytes() + b"Requires-Dist: caf\xe9\n")
    (site / "garbled-1.0.dist-info" / "RECORD").write_bytes(b'"unclosed,,\n')
    (site / "dark").mkdir(exist_ok=True)
    shutil.rmtree(site / "dark")
    (site / "dark-1.0.dist-info" / "direct_url.json").write_text("{]")
    (site / "~hole-1.0.dist-info").mkdir()
    (site / "empty.dist-info").mkdir()
    assert main(["env", "--python", str(folder)]) == 1
    text = capsys.readouterr().out
    for expected in (
        "error[unreadable-distribution]: bare 1.0: what it asks for is not known: has no `METADATA`",
        "error[unreadable-distribution]: empty",
        "error[unreadable-distribution]: latin 1.0:",
        "error[file-outside]: escaping 1.0:",
        "error[record-missing]: garbled 1.0: `RECORD` cannot be read",
        "error[file-not-as-recorded]: dark 1.0:",
        "warning[leftover]: ~hole-1.0.dist-info",
        "warning[not-from-an-index]: dark 1.0: `direct_url.json` is not as PEP 610 has it",
    ):
        assert expected in " ".join(text.split()) or expected in text, expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--python", "{nothing}"], "does not exist"),
        (["--python", "{empty}"], "has no site-packages"),
        (["--root", "{empty}"], "holds no Python packages"),
        (["--path", "{nothing}"], "is no folder"),
        (["--path", "{empty}", "--root", "{empty}"], "exclude each other"),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"nothing": tmp_path / "nothing", "empty": tmp_path / "empty"}
    assert main(["env", *(part.format_map(places) for part in arguments)]) == 2
    assert expected in capsys.readouterr().err


# --- what others say ------------------------------------------------------------------------------

_PIP = (
    re.compile(r"^(\S+) \S+ requires (\S+), which is not installed\.$", re.MULTILINE),
    re.compile(r"^(\S+) \S+ has requirement (.+), but you have (\S+) \S+\.$", re.MULTILINE),
)
_UV = (
    re.compile(r"^The package `(\S+?)` requires `([^`]+)`, but it's not installed", re.MULTILINE),
    re.compile(r"^The package `(\S+?)` requires `([^`]+)`, but `\S+` is installed", re.MULTILINE),
)


def generated(folder: Path, wheels: Path, seed: int) -> Path:
    """An environment of some packages of which some ask for what is not there."""
    chance = random.Random(seed)
    names = [f"p{number}" for number in range(chance.randint(4, 9))]
    built = []
    for name in names:
        requires = [
            chance.choice(
                (
                    other,
                    f"{other}>=2",
                    f"{other}<3",
                    f"{other}!=1.0",
                    f"{other}; os_name == 'nt'",
                    f"{other}; extra == 'x'",
                    f"absent-{other}",
                    f"{other}~=2.1",
                )
            )
            for other in chance.sample(names, chance.randint(0, 3))
        ]
        version = chance.choice(("1.0", "2.1", "3.0", "3.1rc1", "2.1.post1"))
        built.append(make_wheel(wheels, name, version, requires=requires))
    chance.shuffle(built)
    install(venv(folder), *built)
    return folder


@pytest.mark.parametrize("seed", range(ENVIRONMENTS))
def test_what_is_missing_or_too_old_is_what_pip_and_uv_say(
    tmp_path: Path, wheels: Path, seed: int
) -> None:
    folder = generated(tmp_path / "env", wheels, seed)
    report = of(folder)
    ours = {
        (one.code, one.project, name)
        for one in report.findings
        if one.field == "Requires-Dist" and "for its extra" not in one.message
        for name in re.findall(r"asks for `([\w-]+)", one.message)
    }
    said = run(sys.executable, "-m", "pip", "--python", folder, "check", code=None)
    theirs = {
        (code, match[0], re.split(r"[^\w-]", match[1])[0])
        for code, pattern in zip(
            ("requirement-not-installed", "version-not-allowed"), _PIP, strict=True
        )
        for match in pattern.findall(said)
    }
    assert ours == theirs, said
    said = uv("pip", "check", "--python", folder / "bin" / "python", code=None)
    theirs = {
        (code, match[0], re.split(r"[^\w-]", match[1])[0])
        for code, pattern in zip(
            ("requirement-not-installed", "version-not-allowed"), _UV, strict=True
        )
        for match in pattern.findall(said)
    }
    assert ours == theirs, said


def test_json_is_for_programs(
    tmp_path: Path, wheels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = venv(tmp_path / "env")
    install(folder, make_wheel(wheels, "one", "1.0", requires=["two"]))
    assert main(["env", "--python", str(folder), "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["summary"]["errors"]) == ("trueup.env-report/1", 1)
    (one,) = found["distributions"]
    assert (one["project"], one["installer"], one["faults"]) == ("one", "uv", [])
