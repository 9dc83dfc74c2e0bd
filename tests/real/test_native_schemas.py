"""What `libs` and `split` write about compiled code keeps to the documented shapes."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.compiler import needs_compiler
from tests.natives import native_wheel
from trueup.interfaces.cli.main import main
from trueup.sources.nativelibfile import nativelib_bytes, read_nativelib

pytestmark = [needs_compiler]

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
ABI = '[library.libdeep]\nversion = "1.2.3"\nfamily = "1"\nsoname-major = "1"\n'


def validator(name: str) -> Any:
    schema = json.loads((REFERENCE / name).read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def written(folder: Path) -> dict[str, bytes]:
    """Every `nativelib.json` in the wheels of a folder, by the wheel's project."""
    found = {}
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(".dist-info/nativelib.json"):
                    found[wheel.name.partition("-")[0]] = archive.read(name)
    return found


@pytest.mark.parametrize("tier", ["companion", "shared"])
def test_what_is_recorded_in_wheels(tier: str, tmp_path: Path) -> None:
    wheel = native_wheel(tmp_path / "dist")
    (tmp_path / "abi.toml").write_text(ABI, "utf-8")
    options = ["--shared", "libdeep", "--abi", str(tmp_path / "abi.toml")]
    command = ["split", str(wheel), *(options if tier == "shared" else [])]
    assert main([*command, "-o", str(tmp_path / "out"), "-q"]) == 0
    records = written(tmp_path / "out")
    assert len(records) == 2
    for data in records.values():
        validator("nativelib.schema.json").validate(json.loads(data))
        assert nativelib_bytes(read_nativelib(data)) == data
    (brought,) = (one for data in records.values() for one in json.loads(data)["provides"])
    (wanted,) = (one for data in records.values() for one in json.loads(data)["expects"])
    assert {key: brought[key] for key in ("path", "name", "sha256")} == {
        key: wanted[key] for key in ("path", "name", "sha256")
    }
    assert wanted["symbols"] == ["deep"]
    assert (brought["level"] is None, brought["abi"] is None) == (tier == "companion",) * 2


def test_what_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = native_wheel(tmp_path / "dist")
    site = tmp_path / "site"
    shutil.unpack_archive(wheel, site, "zip")
    for target in (wheel, site):
        main(["libs", str(target), "--format", "json", "--gpu", "sm_90"])
        document = json.loads(capsys.readouterr().out)
        validator("native-report.schema.json").validate(document)
        hashes = [one["sha256"] for item in document["distributions"] for one in item["files"]]
        assert [len(one) for one in hashes] == [64, 64]
