"""Commands to copy: what pip, uv, Poetry and PDM are told."""

from __future__ import annotations

import pytest

from trueup.interfaces.web.install import commands


@pytest.mark.parametrize(
    ("base", "channel", "tool", "line"),
    [
        ("https://index.test", None, "pip",
         "pip install --index-url https://index.test/corrected/simple/ demo"),
        ("http://127.0.0.1:8600", None, "pip",
         "pip install --index-url http://127.0.0.1:8600/corrected/simple/ demo"),
        ("http://index.test:8600", None, "pip",
         "pip install --index-url http://index.test:8600/corrected/simple/ "
         "--trusted-host index.test:8600 demo"),
        ("https://index.test", "mpi", "uv",
         "uv add --default-index https://index.test/c/mpi/corrected/simple/ demo"),
        ("https://index.test", None, "Poetry",
         "poetry source add own https://index.test/corrected/simple/\n"
         "poetry add --source own demo"),
        ("https://index.test", None, "PDM",
         "pdm config --local pypi.url https://index.test/corrected/simple/\npdm add demo"),
    ],
)  # fmt: skip
def test_commands(base: str, channel: str | None, tool: str, line: str) -> None:
    corrected, faithful = commands(base, channel, "demo")
    assert dict(corrected.lines)[tool] == line
    assert dict(faithful.lines)[tool] == line.replace("/corrected/", "/")
