"""Poetry and PDM lock and install from the views of `trueup serve`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.build import make_wheel
from tests.real.test_serve_clients import (
    HERE,
    HERE_AND_THERE,
    LINUX,
    MACOS,
    WINDOWS,
    glibc,
    installed,
    passed,
)
from tests.serving import Server, serving
from tests.tools import client

SETTINGS = {
    "poetry": """\
[tool.poetry]
package-mode = false
[[tool.poetry.source]]
name = "own"
url = "{url}"
priority = "primary"
""",
    "pdm": """\
[tool.pdm]
distribution = false
[[tool.pdm.source]]
name = "pypi"
url = "{url}"
verify_ssl = false
""",
}
COMMANDS = {
    "poetry": (["lock", "--no-interaction"], ["install", "--no-interaction"]),
    "pdm": (["lock"], ["sync"]),
}
ENVIRONMENT = {"POETRY_VIRTUALENVS_IN_PROJECT": "true", "PDM_CHECK_UPDATE": "0"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A published release that asks for something else on each platform; macOS comes first."""
    folder = tmp_path / "dist"
    folder.mkdir()
    needs = {LINUX: ["linux-only"], MACOS: ["mac-only"], WINDOWS: ["win-only>=1"]}
    wheels = [
        make_wheel(folder, "demo", "1.0", tags=tag, requires=["one", *needs[tag]]) for tag in needs
    ]
    wheels += [make_wheel(folder, name, "1.0") for name in ("one", *HERE_AND_THERE)]
    with serving(tmp_path / "data", "--hosted-only", "--policy", "warn", cwd=tmp_path) as found:
        for path in wheels:
            assert found.upload(path).status_code == 200
        for name in ("demo", "one", *HERE_AND_THERE):
            assert found.post(f"/api/{name}/1.0/publish").status_code == 200
        yield found


@glibc
@pytest.mark.parametrize("name", COMMANDS)
def test_right_from_corrected_and_wrong_from_faithful(
    name: str, server: Server, tmp_path: Path
) -> None:
    command = client(name)
    lock, sync = COMMANDS[name]
    locked = {}
    for view in ("", "/corrected"):
        folder = tmp_path / f"project{view.replace('/', '-')}"
        folder.mkdir()
        (folder / "pyproject.toml").write_text(
            '[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.11,<4"\n'
            'dependencies = ["demo"]\n' + SETTINGS[name].format(url=f"{server.url}{view}/simple/"),
            "utf-8",
        )
        passed(folder, command, *lock, **ENVIRONMENT)
        text = (folder / f"{name}.lock").read_text("utf-8")
        locked[view] = {one for one in HERE_AND_THERE if f'name = "{one}"' in text}
    assert locked["/corrected"] == set(HERE_AND_THERE)
    assert locked[""] != set(HERE_AND_THERE), "it takes one wheel for all"
    passed(folder, command, *sync, **ENVIRONMENT)
    assert installed(folder, folder / ".venv/bin/python") - {"pip"} == HERE
