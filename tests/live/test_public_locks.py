"""Locks as known projects published them get the verdicts that docs/reference/public-locks.md tells.

`TRUEUP_LOCKS=FOLDER just live tests/live/test_public_locks.py`; without it they are looked for in
`../shared/locks`. They stay where they are: nothing is copied or written.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from trueup.sources.config import index_config
from trueup.sources.index import open_index

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("TRUEUP_LOCKS", ROOT.parent / "shared" / "locks"))
LOCKS = {
    "PDM, pdm": "pdm-pdm/pdm.lock",
    "PDM, lmstudio-python": "pdm-lmstudio/pdm.lock",
    "PDM, fish-diffusion": "pdm-fish-diffusion/pdm.lock",
    "Pipenv, clusterfuzz": "pipfile-clusterfuzz/Pipfile.lock",
    "Pipenv's own `pylock.toml`": "pylock-pipenv/pylock.toml",
    "Poetry, poetry": "poetry-poetry/poetry.lock",
    "Poetry, textual": "poetry-textual/poetry.lock",
    "Poetry, zeroconf": "poetry-zeroconf/poetry.lock",
    "Poetry, private-gpt": "poetry-private-gpt/poetry.lock",
    "pip-compile, warehouse": "requirements-warehouse/main.txt",
    "uv, packse": "uv-packse/uv.lock",
    "uv, full-stack-fastapi-template": "uv-full-stack-fastapi-template/uv.lock",
    "uv, pydantic": "uv-pydantic/uv.lock",
    "uv, openpi": "uv-openpi/uv.lock",
    "uv, paperless-ngx": "uv-paperless-ngx/uv.lock",
    "uv, invokeai": "uv-invokeai/uv.lock",
}
"""As the page names them."""

_ROW = re.compile(
    r"^\| (?P<name>[^|]+) \| (?P<entries>\d+) \| (?P<targets>\d+) \| \d+ of \d+ \|"
    r" (?P<verdict>[a-z ]+) \| (?P<errors>[^|]+) \|",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the page tells of a lock; ``errors`` by the code of the rule."""

    entries: int
    targets: int
    verdict: str
    errors: Mapping[str, int]


def recorded() -> dict[str, Row]:
    """The rows of the page, by name."""
    text = (ROOT / "docs" / "reference" / "public-locks.md").read_text(encoding="utf-8")
    return {
        row["name"]: Row(
            entries=int(row["entries"]),
            targets=int(row["targets"]),
            verdict=row["verdict"],
            errors={
                code: int(count) for code, count in re.findall(r"([a-z-]+) (\d+)", row["errors"])
            },
        )
        for row in _ROW.finditer(text)
    }


@pytest.fixture(scope="module")
def mapping() -> list[str]:
    """Options that put the configured index where `index.test` stands in the locks."""
    with open_index(index_config(environ=os.environ), environ=os.environ) as source:
        listing = source.listing(canonicalize_name("certifi"))
    simple = listing.origin.removesuffix("/").removesuffix("/certifi")
    files = listing.files[0].url.partition("/packages/")[0] + "/packages"
    return [
        f"--index-map=https://index.test/simple={simple}",
        f"--index-map=https://index.test/packages={files}",
    ]


def test_the_page_tells_of_these_locks() -> None:
    assert set(recorded()) == set(LOCKS)


@pytest.mark.parametrize("name", LOCKS)
def test_a_public_lock_gets_the_recorded_verdict(name: str, mapping: list[str]) -> None:
    program = Path(sys.executable).with_name("trueup")
    done = subprocess.run(
        [program, "verify", FOLDER / LOCKS[name], *mapping, "--format", "json"],
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    row = recorded()[name]
    # 2: some of its files lie in places that cannot be reached from everywhere.
    assert done.returncode in ((1, 2) if row.errors else (0, 2)), done.stderr
    (lock,) = json.loads(done.stdout)["locks"]
    errors = Counter(
        finding["code"] for finding in lock["findings"] if finding["severity"] == "error"
    )
    assert (lock["verdict"], lock["entries"]) == (row.verdict, row.entries)
    assert len(lock["targets"]) == row.targets
    assert errors == row.errors
