"""A patch ledger over real wheels and dist-info folders, through the command line."""

from __future__ import annotations

import csv
import hashlib
import json
import zipfile
from base64 import urlsafe_b64encode
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.build import make_sdist, make_wheel, metadata_text, record_text
from trueup.features.amend import Patches, open_subjects, plan
from trueup.interfaces.cli.amend import command
from trueup.interfaces.cli.main import main
from trueup.model.errors import UsageError
from trueup.sources.ledger import parse_ledger

LEDGER = """
[[patch]]
project = "demo"
reason = "we ship NumPy 2.5"
drop-upper = ["numpy"]

[[patch]]
project = "demo"
reason = "one name for one program"
entry-points = { set = { console_scripts = { demo = "demo.cli:run" } } }
description = { set = "Ours" }

[[patch]]
project = "other"
reason = "not this one"
remove = ["six"]
"""
POINTS = b"[console_scripts]\ndemo = demo:main\nmore = demo:more\n"
REQUIRES = ["numpy>=1.22.4,<2.3", "six ; os_name == 'nt'"]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "patches.toml"
    path.write_text(LEDGER)
    return path


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(
        tmp_path,
        "demo",
        "1.5",
        requires=REQUIRES,
        headers=[("X-Unknown", "kept\n as it is")],
        body="The  body\n",
        files={"demo/data.bin": b"x" * 999, "demo-1.5.dist-info/entry_points.txt": POINTS},
    )


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A dist-info folder as an installer leaves it."""
    folder = tmp_path / "site-packages/demo-1.5.dist-info"
    folder.mkdir(parents=True)
    metadata = metadata_text("demo", "1.5", requires=REQUIRES).encode()
    files = {"METADATA": metadata, "INSTALLER": b"pip\n", "entry_points.txt": POINTS}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    rows = [(f"{folder.name}/{name}", data) for name, data in files.items()]
    (folder / "RECORD").write_text(record_text(rows, f"{folder.name}/RECORD"))
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(item) for item in arguments])


def check_record(folder: Path) -> None:
    """Every file of a dist-info folder is in RECORD with its hash and size, and nothing else is."""
    with (folder / "RECORD").open(newline="") as file:
        rows = {Path(path).name: (digest, size) for path, digest, size in csv.reader(file)}
    assert rows.keys() == {path.name for path in folder.iterdir()}
    for name, (digest, size) in rows.items():
        data = (folder / name).read_bytes()
        wanted = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        expected = ("", "") if name == "RECORD" else (f"sha256={wanted}", str(len(data)))
        assert (digest, size) == expected


def test_a_wheel_is_patched_and_otherwise_the_same(ledger: Path, wheel: Path) -> None:
    output = wheel.parent / "patched"
    done = run("--ledger", ledger, "--apply", "--output", output, wheel)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{output / wheel.name}\n"
    assert "patch 1: we ship NumPy 2.5\n    drop-upper numpy\n" in done.stderr
    assert "1 patch is for other projects: `other`" in done.stderr
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(output / wheel.name) as new:
        assert old.namelist() == new.namelist()
        before, after = (
            {name: archive.read(name) for name in archive.namelist()} for archive in (old, new)
        )
    info = "demo-1.5.dist-info"
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"{info}/METADATA", f"{info}/entry_points.txt", f"{info}/RECORD"}
    assert after[f"{info}/METADATA"] == (
        before[f"{info}/METADATA"]
        .replace(b"numpy>=1.22.4,<2.3", b"numpy>=1.22.4")
        .replace(b"The  body\n", b"Ours\n")
    )
    assert after[f"{info}/entry_points.txt"] == POINTS.replace(b"demo:main", b"demo.cli:run")


def test_a_dist_info_folder_is_patched_in_place(ledger: Path, installed: Path) -> None:
    done = run("--ledger", ledger, "--apply", "--in-place", installed)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{installed}\n"
    assert "the scripts that an installer made out of its entry points stay" in done.stderr
    text = (installed / "METADATA").read_text()
    assert text == metadata_text("demo", "1.5", requires=["numpy>=1.22.4", REQUIRES[1]]) + (
        "\nOurs\n"
    )
    assert (installed / "INSTALLER").read_bytes() == b"pip\n"
    check_record(installed)


def test_the_diff_writes_nothing(ledger: Path, installed: Path) -> None:
    before = {path: path.read_bytes() for path in installed.iterdir()}
    done = run("--ledger", ledger, "--diff", "-q", installed)
    assert done.exit_code == 0
    assert done.stderr == ""
    lines = [line for line in done.stdout.splitlines() if line[0] in "-+" and line[:3] != "---"]
    assert [line for line in lines if line[:3] != "+++"] == [
        "-Requires-Dist: numpy>=1.22.4,<2.3",
        "+Requires-Dist: numpy>=1.22.4",
        "+Ours",
        "-demo = demo:main",
        "+demo = demo.cli:run",
    ]
    assert {path: path.read_bytes() for path in installed.iterdir()} == before


@pytest.mark.parametrize("action", ["--apply", "--drift", "--diff"])
def test_drift_is_an_error_and_writes_nothing(ledger: Path, installed: Path, action: str) -> None:
    ledger.write_text(LEDGER.replace('["numpy"]', '["numpi"]'))
    before = {path: path.read_bytes() for path in installed.iterdir()}
    done = run("--ledger", ledger, action, "--in-place", installed)
    assert done.exit_code == 1
    said = done.stdout if action == "--drift" else done.stderr
    assert "drift[no-match]: demo 1.5: patch 1: `drop-upper numpi`: nothing in upstream's" in said
    assert "\n  reason: we ship NumPy 2.5\n  hint: upstream changed, or a name is mistyped" in said
    assert {path: path.read_bytes() for path in installed.iterdir()} == before


def test_accepted_drift_applies_the_rest_and_is_said(ledger: Path, installed: Path) -> None:
    ledger.write_text(LEDGER.replace('["numpy"]', '["numpi"]'))
    done = run("--ledger", ledger, "--apply", "--in-place", "--accept-drift", installed)
    assert done.exit_code == 0
    assert "drift[no-match]: demo 1.5: patch 1:" in done.stderr
    assert "(accepted)" in done.stderr
    assert "Ours" in (installed / "METADATA").read_text()
    assert b"demo.cli:run" in (installed / "entry_points.txt").read_bytes()


def test_one_patch_may_run_idle(ledger: Path, installed: Path) -> None:
    ledger.write_text(LEDGER.replace('["numpy"]', '["numpi"]\naccept-drift = true'))
    assert run("--ledger", ledger, "--drift", installed).exit_code == 0


def test_all_targets_or_none(ledger: Path, installed: Path, wheel: Path, tmp_path: Path) -> None:
    newer = make_wheel(tmp_path, "demo", "1.6", requires=["numpy>=2"])
    done = run("--ledger", ledger, "--apply", "--in-place", installed, wheel, newer)
    assert done.exit_code == 1
    assert "<2.3" in (installed / "METADATA").read_text()


def test_applied_again_nothing_is_written(ledger: Path, installed: Path) -> None:
    run("--ledger", ledger, "--apply", "--in-place", installed)
    before = {path: path.read_bytes() for path in installed.iterdir()}
    done = run("--ledger", ledger, "--apply", "--in-place", "--accept-drift", installed)
    assert done.exit_code == 0
    assert "nothing to do" in done.stderr
    assert {path: path.read_bytes() for path in installed.iterdir()} == before


def test_the_report_as_json(ledger: Path, wheel: Path) -> None:
    done = run("--ledger", ledger, "--drift", "--format", "json", wheel)
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["schema"] == "trueup.ledger/1"
    assert document["other_projects"] == [3]
    (file,) = document["files"]
    assert (file["project"], file["version"], file["changes"], file["holds"]) == (
        "demo",
        "1.5",
        True,
        True,
    )
    assert file["operations"][0] == {
        "patch": 1,
        "reason": "we ship NumPy 2.5",
        "operation": "drop-upper numpy",
        "outcome": "changed",
        "before": ["numpy>=1.22.4,<2.3"],
        "after": ["numpy>=1.22.4"],
    }


def test_preemptive_bounds_come_from_upstreams_source(tmp_path: Path, wheel: Path) -> None:
    path = tmp_path / "patches.toml"
    path.write_text('[[patch]]\nproject = "demo"\nreason = "r"\ndrop-preemptive = true\n')
    assert run("--ledger", path, "--drift", wheel).exception is not None
    sdist = make_sdist(
        tmp_path, "demo", "1.5", pyproject='[tool.trueup.bounds]\npreemptive = ["NumPy"]\n'
    )
    done = run("--ledger", path, "--diff", "--from", sdist, wheel)
    assert "+Requires-Dist: numpy>=1.22.4\n" in done.stdout
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "pyproject.toml").write_text('[project]\nname = "demo"\n')
    done = run("--ledger", path, "--drift", "--from", tree, wheel)
    assert done.exit_code == 1
    assert "preemptive` names none of its requirements" in done.stdout


def test_a_local_version_for_the_redistributors_own_index(ledger: Path, wheel: Path) -> None:
    done = run("--ledger", ledger, "--apply", "--local", "nl.1", wheel)
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith("demo-1.5+nl.1-py3-none-any.whl\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ledger", "L", "W"], "`--ledger` says which patches, not what to do with them"),
        (["--ledger", "L", "--apply", "--drift", "W"], "exclude each other"),
        (["--ledger", "L", "--diff", "--format", "json", "W"], "`--diff` has no other form"),
        (["--ledger", "L", "--apply", "--declared", "W"], "`--ledger` and `--declared` exclude"),
        (["--drift", "W"], "`--drift` goes with `--ledger`"),
        (["--accept-drift", "W"], "`--accept-drift` goes with `--ledger`"),
        (
            ["--ledger", "L", "--apply", "S"],
            "is an sdist, and a ledger is applied to what is built",
        ),
        (["--ledger", "none.toml", "--apply", "W"], "`none.toml`: no such ledger"),
    ],
)
def test_what_makes_no_sense(
    arguments: list[str],
    message: str,
    ledger: Path,
    wheel: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sdist = make_sdist(wheel.parent, "demo", "1.5")
    real = {"L": str(ledger), "W": str(wheel), "S": str(sdist)}
    code = main(["amend", *(real.get(item, item) for item in arguments)])
    assert code == 2
    assert message in capsys.readouterr().err


def test_as_a_library_drift_is_refused(wheel: Path) -> None:
    text = '[[patch]]\nproject = "demo"\nreason = "r"\nremove = ["tomli"]\n'
    patches = Patches(ledger=parse_ledger(text), today=date(2026, 1, 1))
    with pytest.raises(UsageError, match="the ledger has drifted from it: `remove tomli`"):
        plan(open_subjects([wheel]), [patches])
