"""The direction of imports is a test: `pyproject.toml` holds the contracts."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
LAYERS = ["interfaces", "features", "sources", "judge", "model"]


def lint_imports(
    folder: Path, *, pythonpath: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    environ = dict(os.environ)
    if pythonpath is not None:
        environ["PYTHONPATH"] = str(pythonpath)
    return subprocess.run(
        [command, "--no-cache"],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_imports_only_go_down() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contracts_are_the_architecture() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = document["tool"]["importlinter"]["contracts"]
    layers = next(contract for contract in contracts if contract["type"] == "layers")
    assert layers["layers"] == LAYERS
    assert layers["exhaustive"] is True
    pure = next(contract for contract in contracts if contract["type"] == "forbidden")
    assert pure["source_modules"] == ["trueup.model", "trueup.judge"]
    assert {"os", "pathlib", "socket", "subprocess", "urllib", "zipfile", "tarfile", "asyncio"} <= {
        *pure["forbidden_modules"]
    }


def test_the_layers_are_the_folders() -> None:
    package = ROOT / "src/trueup"
    folders = [path.parent.name for path in package.glob("*/__init__.py")]
    modules = [path.name for path in package.glob("*.py")]
    assert sorted(folders) == sorted(LAYERS)
    assert modules == ["__init__.py"]


def test_a_stray_module_breaks_the_build(tmp_path: Path) -> None:
    package = tmp_path / "trueup"
    for layer in LAYERS:
        (package / layer).mkdir(parents=True)
        (package / layer / "__init__.py").touch()
    (package / "__init__.py").write_text("from trueup import interfaces\n")  # the public surface
    text = (ROOT / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(text)
    assert lint_imports(tmp_path, pythonpath=tmp_path).returncode == 0

    (package / "utils.py").touch()
    done = lint_imports(tmp_path, pythonpath=tmp_path)
    assert done.returncode == 1
    assert "trueup.utils" in done.stdout

    (package / "utils.py").unlink()
    (package / "model/value.py").write_text("from trueup.judge import verdict\n")
    (package / "judge/verdict.py").touch()
    done = lint_imports(tmp_path, pythonpath=tmp_path)
    assert done.returncode == 1
    assert "trueup.model is not allowed to import trueup.judge" in done.stdout
