"""`trueup verify` finds what a real Poetry leaves out of its locks, exactly that.

Poetry is installed from the configured index, as `just compare-lockers --install` does; what it
locks is a local index: `just live tests/live/test_lockers_audited.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.index_server import IndexServer
from tests.real.test_lock_clients import LOCK, Site, verified
from tests.real.test_lockers_audited import STYLES, every_style, lacking, projects, publish
from tests.scenarios.compare import default_cache, install, installed
from tests.scenarios.drivers import DRIVERS

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def poetry() -> str:
    """The command."""
    (driver,) = (driver for driver in DRIVERS if driver.command == "poetry")
    install(driver, default_cache(), sys.executable)
    tool = installed(driver, default_cache())
    assert tool is not None
    return tool.command("poetry")


@pytest.fixture
def project(name: str, poetry: str, tmp_path: Path) -> Iterator[Site]:
    """A project that asks for `demo`, locked by Poetry, whose lock is also exported."""
    files, home = tmp_path / "files", tmp_path / "home"
    files.mkdir()
    home.mkdir()
    publish(files, STYLES[name])
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    with IndexServer() as server:
        server.add_folder(files)
        (home / "poetry.toml").write_text("[virtualenvs]\ncreate = false\n", encoding="utf-8")
        (home / "pyproject.toml").write_text(
            '[project]\nname = "app"\nversion = "0"\ndependencies = ["demo"]\n'
            f'requires-python = "=={version}.*"\n\n[tool.poetry]\npackage-mode = false\n\n'
            f'[[tool.poetry.source]]\nname = "local"\nurl = "{server.url}"\npriority = "primary"\n',
            encoding="utf-8",
        )
        site = Site(folder=home, server=server, files=files)
        site.passed(poetry, "lock", "--no-interaction")
        site.passed(
            poetry, "export", "--no-interaction", "--format", "pylock.toml", "--output", LOCK
        )
        yield site


@every_style
@pytest.mark.parametrize("lock", ["poetry.lock", LOCK])
def test_a_lock_of_poetry(name: str, lock: str, project: Site) -> None:
    style = STYLES[name]
    report = verified(project, "--for", style.targets, lock=lock)
    assert lacking(report) == {("demo", one) for one in style.asked - projects(project, lock)}
