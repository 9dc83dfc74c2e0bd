"""What `trueup lock` tells of words that have no effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.interfaces.lockconfig import find_lock_settings
from trueup.interfaces.locknotes import unheard_keys, unheard_projects, unheard_uv_settings

LOCK = """\
[[packages]]
name = "flask"
version = "3"
[[packages]]
name = "demo"
vcs = { type = "git", url = "https://git.test/demo", commit-id = "0123456789012345678901234567890123456789" }
"""


def test_names_to_upgrade_that_are_not_in_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    assert list(unheard_projects(path, ["flaks"])) == []  # there is no lock to keep anything of
    path.write_text(LOCK)
    (tmp_path / "pylock.musl.toml").write_text(LOCK.replace("flask", "musl-only"))
    assert list(unheard_projects(path, ["Flask", "demo", "Musl.Only", "flaks"])) == [
        "`--upgrade-package flaks`: `pylock.toml` has no version of it to forget"
    ]


@pytest.mark.parametrize(
    ("uv", "own", "keys"),
    [
        ("", "", []),
        ("override-dependencies = ['idna<3']", "", [("override-dependencies", "overrides")]),
        ("override-dependencies = ['idna<3']", "overrides = ['idna<3']", []),
        (
            "conflicts = [[{ extra = 'a' }, { extra = 'b' }]]\nexclude-newer = '2026-01-31'",
            "",
            [("conflicts", "conflicts"), ("exclude-newer", "exclude-newer")],
        ),
        ("dev-dependencies = []\npackage = false", "", []),
    ],
)
def test_what_only_uv_is_told(
    tmp_path: Path, uv: str, own: str, keys: list[tuple[str, str]]
) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(f"[tool.uv]\n{uv}\n[tool.trueup.lock]\n{own}\n")
    assert list(unheard_uv_settings(path, find_lock_settings(tmp_path))) == [
        f"`[tool.uv] {theirs}` has no say here; `[tool.trueup.lock] {ours}` would have the same"
        for theirs, ours in keys
    ]


def test_keys_of_a_project_that_nobody_reads(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text('[project]\nname = "a"\ndependncies = ["b"]\nflavour = "mild"\n', "utf-8")
    assert list(unheard_keys(path)) == [
        "`[project] dependncies` is no key of the specification, and has no say; "
        "did you mean `dependencies`?",
        "`[project] flavour` is no key of the specification, and has no say",
    ]
