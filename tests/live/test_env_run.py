"""`env --native --run` with NumPy, SciPy and threadpoolctl as they are published: `just live`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from uv import find_uv_bin

from trueup.interfaces.cli.main import main
from trueup.model.errors import TrueupError
from trueup.model.liverun import LiveRun, Probe
from trueup.sources.liverun import run_probes

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live") / "env"
    venv.create(folder, with_pip=False)
    command = [
        find_uv_bin(), "pip", "install", "--quiet", "--python", str(folder), "--only-binary", ":all:",
        "numpy", "scipy", "threadpoolctl",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def site_of(environment: Path) -> Path:
    (site,) = environment.glob("lib/python3*/site-packages")
    return site


def test_the_process_confirms_the_map(
    environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["env", "--python", str(environment), "--native", "--run"]
    assert main([*command, "--format", "json"]) == 0
    live = json.loads(capsys.readouterr().out)["live"]
    assert live["refused"] == []
    assert {"numpy._core._multiarray_umath", "scipy.linalg._fblas"} <= set(live["imported"])
    folders = {Path(path).parent.name for path in live["confirmed"]}
    assert folders == {"numpy.libs", "scipy.libs"}
    assert (live["not_loaded"], live["not_expected"]) == ([], [])
    assert {pool["internal_api"] for pool in live["pools"]} == {"openblas"}
    assert main(command) == 0
    text = capsys.readouterr().out
    assert text.count("; as the files say") == 2


def test_what_is_loaded_by_python_code_is_told(environment: Path) -> None:
    """A probe that predicts nothing: the library of NumPy is loaded, and not expected."""
    found = _run(environment, Probe(module="numpy", entry="numpy/__init__.py", libraries=()))
    (path,) = found.not_expected
    assert Path(path).parent.name == "numpy.libs"
    assert (found.confirmed, found.not_loaded) == ((), ())


def test_what_cannot_be_imported_is_told(environment: Path) -> None:
    library = "numpy.libs/libabsent.so"
    found = _run(environment, Probe(module="no_such", entry="no_such.so", libraries=(library,)))
    ((name, reason),) = found.refused
    assert (name, reason) == ("no_such", "ModuleNotFoundError: No module named 'no_such'")
    assert found.not_loaded == (library,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import time; time.sleep(60)", "was stopped after 2 seconds"),
        ("import os; os.abort()", "ended with signal 6 while it imported what loads libraries"),
        ("import os; os._exit(3)", "ended with status 3 while it imported what loads libraries"),
    ],
)
def test_a_run_that_does_not_end_well(environment: Path, text: str, message: str) -> None:
    (site_of(environment) / "unwell.py").write_text(text)
    probe = Probe(module="unwell", entry="unwell.py", libraries=())
    with pytest.raises(TrueupError, match=message):
        _run(environment, probe, seconds=2)


def _run(environment: Path, *probes: Probe, seconds: float = 60) -> LiveRun:
    python = environment / "bin" / Path(sys.executable).name
    python = python if python.exists() else environment / "bin" / "python"
    sites = [site_of(environment)]
    return run_probes(python, probes, sites, os.environ, seconds=seconds)
