"""The wheels that pip and uv build and keep: made by both, then looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from uv import find_uv_bin

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer
from tests.real.test_env_locked import _BACKEND
from trueup.interfaces.cli.main import main

_PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


class Machine:
    """An environment of its own, both installers with caches of their own, and an index."""

    def __init__(
        self, folder: Path, server: IndexServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self.server = server
        self.pip_cache, self.uv_cache = folder / "pip-cache", folder / "uv-cache"
        self._capsys = capsys
        self._environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "UV_"))
        } | {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}

    def sdist(self, *requires: str, **options: Any) -> Path:
        return make_sdist(
            self.folder,
            "demo",
            "1.0",
            requires=requires,
            pyproject=_PYPROJECT,
            files={"backend.py": _BACKEND.encode()},
            **options,
        )

    def pip(self, *arguments: str, wants: str = "") -> None:
        """`pip install` as this interpreter brings it, into the environment."""
        self._run(
            sys.executable, "-m", "pip", "--python", str(self.folder / "env"), "install",
            "--cache-dir", str(self.pip_cache), "--disable-pip-version-check", "--no-deps",
            "--force-reinstall", "--no-build-isolation", *arguments, wants=wants,
        )  # fmt: skip

    def uv(self, *arguments: str, wants: str = "") -> None:
        self._run(
            find_uv_bin(), "pip", "install", "--python", str(self.folder / "env"), "--cache-dir",
            str(self.uv_cache), "--no-deps", "--reinstall", *arguments, wants=wants,
        )  # fmt: skip

    def _run(self, *command: str, wants: str) -> None:
        done = subprocess.run(
            command, cwd=self.folder, env={**self._environ, "DEMO_WANTS": wants}, timeout=120,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def told(self, cache: Path, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        """What is said of the builds in a cache; ``findings`` are those of the rule."""
        where = ["env", "--python", str(self.folder / "env"), f"--wheel-cache={cache}"]
        select = ["--select", "cached-build-differs", "--format", "json", *arguments]
        found = main([*where, *select])
        captured = self._capsys.readouterr()
        assert found == code, captured.out + captured.err
        document = json.loads(captured.out)
        self.findings = [one["message"] for one in document["findings"]]
        builds: list[dict[str, Any]] = document["wheel_cache"]
        return builds


@pytest.fixture
def machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Machine]:
    venv.create(tmp_path / "env", with_pip=False)
    with IndexServer() as server:
        yield Machine(tmp_path, server, capsys)


def test_what_uv_built_is_compared_with_the_sdist_it_unpacked(machine: Machine) -> None:
    sdist = machine.sdist("six")
    machine.server.add(sdist.name, sdist.read_bytes())
    machine.uv("--default-index", machine.server.url, "demo", wants="six")
    (build,) = machine.told(machine.uv_cache)
    assert build["requires_dist"] == ["six"]
    assert build["differs"] == []
    assert build["built_from"]["known_by"] == "uv's unpacked sdist"
    assert build["built_from"]["place"].startswith("an index, with uv's key `")
    machine.uv(str(sdist), wants="mpi4py")
    other = next(one for one in machine.told(machine.uv_cache) if one["requires_dist"] != ["six"])
    assert other["differs"] == [
        {
            "field": "Requires-Dist",
            "with": [
                {"name": "its sdist", "only_build": ["mpi4py"], "only_there": ["six"]},
            ],
        }
    ]
    assert machine.findings == [
        "the wheel that uv built and keeps has another `Requires-Dist` than that of its sdist"
    ]


def test_uv_keeps_the_hash_of_what_it_fetched(machine: Machine) -> None:
    sdist = machine.sdist()
    machine.server.add(sdist.name, sdist.read_bytes())
    machine.uv("--default-index", machine.server.url, "demo")
    (build,) = machine.told(machine.uv_cache)
    assert len(build["built_from"]["sha256"]) == 64
    house = machine.folder / "house"
    house.mkdir()
    sdist.rename(house / sdist.name)
    (build,) = machine.told(machine.uv_cache, "--wheelhouse", str(house))
    assert (build["compared_with"], build["sdist_changes"]) == (["demo-1.0.tar.gz"], [])


def test_pip_takes_a_build_again_though_the_sdist_is_another_one(machine: Machine) -> None:
    sdist = machine.sdist()
    machine.pip("--no-index", str(sdist))
    (build,) = machine.told(machine.pip_cache)
    assert build["built_from"]["known_by"] == "the file at that address"
    assert build["sdist_changes"] == []
    machine.sdist("six")
    (build,) = machine.told(machine.pip_cache)
    assert build["built_from"]["sha256"] != build["built_from"]["now"]
    ((message,), found) = (build["sdist_changes"], machine.findings)
    assert message == f"`{sdist.as_uri()}` is another file now"
    assert found == [f"the wheel that pip keeps was built from another sdist: {message}"]


def test_the_sdist_is_found_in_pips_copy_of_the_download(machine: Machine) -> None:
    sdist = machine.sdist()
    machine.server.add(sdist.name, sdist.read_bytes())
    index = ["--index-url", machine.server.url, "--trusted-host", "127.0.0.1"]
    machine.pip(*index, "demo", wants="mpi4py")
    (build,) = machine.told(machine.pip_cache)
    assert build["built_from"]["known_by"] == "pip's copy of the download"
    ((entry,),) = [one["with"] for one in build["differs"]]
    assert entry == {"name": "its sdist", "only_build": ["mpi4py"], "only_there": []}


def test_a_dynamic_field_is_compared_with_published_wheels_only(machine: Machine) -> None:
    sdist = machine.sdist(headers=[("Dynamic", "Requires-Dist")])
    machine.pip("--no-index", str(sdist), wants="mpi4py")
    (build,) = machine.told(machine.pip_cache)
    assert build["differs"] == []
    house = machine.folder / "house"
    house.mkdir()
    make_wheel(house, "demo", "1.0", requires=["six"])
    (build,) = machine.told(machine.pip_cache, "--wheelhouse", str(house))
    ((entry,),) = [one["with"] for one in build["differs"]]
    assert entry == {
        "name": "demo-1.0-py3-none-any.whl", "only_build": ["mpi4py"], "only_there": ["six"],
    }  # fmt: skip


def test_both_caches_are_found_where_they_are(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sdist = machine.sdist()
    machine.pip("--no-index", str(sdist))
    machine.uv(str(sdist))
    monkeypatch.setenv("PIP_CACHE_DIR", str(machine.pip_cache))
    monkeypatch.setenv("UV_CACHE_DIR", str(machine.uv_cache))
    assert main(["env", "--python", str(machine.folder / "env"), "--wheel-cache"]) == 0
    text = capsys.readouterr().out
    assert "2 wheels built here and kept\n" in text
    assert "demo-1.0-py3-none-any.whl (pip)" in text
    assert "now: no difference to uv's unpacked sdist" in text


def test_what_is_no_cache_is_refused(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["env", "--python", str(machine.folder / "env")]
    assert main([*where, f"--wheel-cache={machine.folder / 'env'}"]) == 2
    assert "is no cache of pip or uv" in capsys.readouterr().err
    assert main([*where, f"--wheel-cache={machine.folder / 'nothing'}"]) == 2
    assert "cannot be listed: No such file or directory" in capsys.readouterr().err


def test_what_is_broken_in_a_cache_is_told(machine: Machine) -> None:
    machine.pip("--no-index", str(machine.sdist()))
    (wheel,) = machine.pip_cache.glob("wheels/*/*/*/*/*.whl")
    wheel.with_name("origin.json").write_text('{"url": 1}')
    wheel.with_name("other-1.0-py3-none-any.whl").write_bytes(b"PK")
    wheel.with_name("no wheel.whl").write_bytes(b"")
    broken, unread = sorted(machine.told(machine.pip_cache, code=2), key=lambda one: one["project"])
    assert broken["built_from"]["place"] == "not recorded"
    assert unread["unreadable"] is not None
