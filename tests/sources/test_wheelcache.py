"""Where installers keep what they build, by platform and by what the user says."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.sources.wheelcache import default_wheel_caches


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, ["home/.cache/pip", "home/.cache/uv"]),
        ("linux", {"XDG_CACHE_HOME": "xdg"}, ["xdg/pip", "xdg/uv"]),
        ("linux", {"PIP_CACHE_DIR": "one"}, ["one", "home/.cache/uv"]),
        ("linux", {"UV_CACHE_DIR": "one", "PIP_CACHE_DIR": "one"}, ["one"]),
        ("darwin", {}, ["home/Library/Caches/pip", "home/.cache/uv"]),
        ("win32", {"LOCALAPPDATA": "local"}, ["local/pip/Cache", "local/uv/cache"]),
        ("win32", {}, ["home/AppData/Local/pip/Cache", "home/AppData/Local/uv/cache"]),
        ("linux", {"PIP_CACHE_DIR": "absent", "UV_CACHE_DIR": "absent"}, []),
    ],
)
def test_default_caches(
    tmp_path: Path, platform: str, environ: dict[str, str], expected: list[str]
) -> None:
    for name in expected:
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    said = {name: str(tmp_path / value) for name, value in environ.items()}
    found = default_wheel_caches({"HOME": str(tmp_path / "home"), **said}, platform=platform)
    assert found == tuple(tmp_path / name for name in expected)
