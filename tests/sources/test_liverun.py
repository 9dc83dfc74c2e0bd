"""What `--run` needs before it runs anything."""

from __future__ import annotations

import venv
from pathlib import Path

import pytest

from trueup.interfaces.cli.main import main


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "env"
    venv.create(folder, with_pip=False)
    return folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--python", "env", "--run"], "`--run` confirms what `--native` says"),
        (["--python", "env", "--native", "--run"], "asks `threadpoolctl`, which is not installed"),
        (["--path", "env", "--native", "--run"], "`--run` needs the Python of the environment"),
    ],
)
def test_what_is_missing_is_said(
    environment: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    (site,) = environment.glob("lib/python3*/site-packages")
    where = {"--python": str(environment), "--path": str(site)}[arguments[0]]
    assert main(["env", arguments[0], where, *arguments[2:]]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_an_interpreter(
    environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A prefix whose Python was taken away, as in an image."""
    for path in [*environment.glob("bin/python*"), *environment.glob("Scripts/python*")]:
        path.unlink()
    assert main(["env", "--python", str(environment), "--native", "--run"]) == 2
    assert "needs the Python of the environment: found none in" in capsys.readouterr().err
