"""Poetry, PDM and Hatch publish to a real index, as twine, uv and flit do in `test_serve_clients`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.build import make_sdist, make_wheel
from tests.real.test_serve_clients import Done, pair, run, server, shown
from tests.serving import Server
from tests.tools import client

__all__ = ["server"]

PROJECT = '[project]\nname = "demo"\nversion = "1.0"\nrequires-python = ">=3.11"\n'


def poetry(server: Server, folder: Path) -> Done:
    return run(
        folder, client("poetry"), "publish", "--repository", "own", "--no-interaction",
        POETRY_REPOSITORIES_OWN_URL=f"{server.url}/legacy/",
        POETRY_HTTP_BASIC_OWN_USERNAME="__token__",
        POETRY_HTTP_BASIC_OWN_PASSWORD=server.token,
    )  # fmt: skip


def pdm(server: Server, folder: Path) -> Done:
    done = run(
        folder, client("pdm"), "publish", "--no-build",
        PDM_PUBLISH_REPO=f"{server.url}/legacy/",
        PDM_PUBLISH_USERNAME="__token__",
        PDM_PUBLISH_PASSWORD=server.token,
        PDM_CHECK_UPDATE="0",
    )  # fmt: skip
    # PDM shows the status of an answer; what it says is in the log whose name it prints.
    if found := re.search(r"See (\S+) for detailed debug log", done.stderr):
        done.stderr += Path(found[1]).read_text("utf-8")
    return done


def hatch(server: Server, folder: Path) -> Done:
    return run(
        folder, client("hatch"), "publish", "--no-prompt",
        HATCH_INDEX_REPO=f"{server.url}/legacy/",
        HATCH_INDEX_USER="__token__",
        HATCH_INDEX_AUTH=server.token,
    )  # fmt: skip


PUBLISHERS: dict[str, Callable[[Server, Path], Done]] = {
    "poetry": poetry,
    "pdm": pdm,
    "hatch": hatch,
}
"""Each uploads all files of `dist` in the folder of a project."""


@pytest.fixture(params=PUBLISHERS)
def publish(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Callable[[], Done]:
    """Have a client publish `dist`."""
    (tmp_path / "pyproject.toml").write_text(PROJECT, "utf-8")
    return lambda: PUBLISHERS[request.param](server, tmp_path)


def test_a_release_is_taken_whole_and_as_it_is(
    publish: Callable[[], Done], server: Server, tmp_path: Path
) -> None:
    (tmp_path / "dist").mkdir()
    files = [
        make_wheel(tmp_path / "dist", "demo", "1.0", tags=tag, requires=["one"])
        for tag in ("py3-none-manylinux_2_17_x86_64", "py3-none-win_amd64")
    ]
    files.append(make_sdist(tmp_path / "dist", "demo", "1.0", requires=["one"]))
    done = publish()
    assert done.returncode == 0, shown(done)
    assert server.post("/api/demo/1.0/publish").status_code == 200
    assert set(server.json("demo")) == {file.name for file in files}


def test_a_contradiction_is_told_to_the_user(
    publish: Callable[[], Done], server: Server, tmp_path: Path
) -> None:
    pair(tmp_path / "dist")
    done = publish()
    assert done.returncode != 0, shown(done)
    assert "Requires-Dist: " in shown(done), shown(done)
    assert len(server.release("demo", "1.0")["files"]) == 1
    assert "with the same bytes" in shown(publish())


def test_a_wrong_token_is_named_as_the_reason(
    publish: Callable[[], Done], server: Server, tmp_path: Path
) -> None:
    pair(tmp_path / "dist")
    server.token = "unknown"
    done = publish()
    assert done.returncode != 0
    assert "the token is not known" in shown(done), shown(done)
