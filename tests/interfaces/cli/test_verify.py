"""`trueup verify` on real wheels, served by a real HTTP server."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer
from trueup.interfaces.cli.options import FORMATS
from trueup.interfaces.cli.verify import command
from trueup.model.errors import NotFoundError, TrueupError, UsageError

LINUX, MACOS = "cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-macosx_11_0_arm64"
BOTH = "cp312-{linux-x86_64,macos-arm64}"
HEAD = 'lock-version = "1.0"\ncreated-by = "by hand"\nrequires-python = "==3.12.*"\n'


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with a cache and settings of its own."""
    work = tmp_path / "work"
    (work / ".git").mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.setenv("TRUEUP_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("NO_COLOR", "FORCE_COLOR", "GITHUB_STEP_SUMMARY", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    # No test may ask what this machine is set to.
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    return work


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A project whose Linux wheel alone needs one thing more, that thing, and an old sdist."""
    dist = tmp_path / "dist"
    dist.mkdir()
    make_wheel(dist, "demo", "1.0", tags=LINUX, requires=["six", "extra-thing>=2"])
    make_wheel(dist, "demo", "1.0", tags=MACOS, requires=["six"])
    make_wheel(dist, "six", "1.16.0")
    make_wheel(dist, "extra-thing", "2.0")
    make_sdist(dist, "legacy", "1.0", metadata_version="2.1")
    return dist


@pytest.fixture
def index(dist: Path) -> Iterator[IndexServer]:
    with IndexServer() as server:
        server.add_folder(dist)
        yield server


def check(*arguments: str) -> Result:
    """The verb as a user calls it; errors come back as exceptions (`main` words them)."""
    return CliRunner().invoke(command, list(arguments))


def write_lock(path: Path, index: IndexServer, dist: Path, *names: str) -> Path:
    """A `pylock.toml` of these projects, with every file that there is of each."""
    parts = [HEAD]
    for name in names:
        files = sorted(dist.glob(f"{name.replace('-', '_')}-*"))
        version = files[0].name.removesuffix(".tar.gz").split("-")[1]
        parts.append(
            f'[[packages]]\nname = "{name}"\nversion = "{version}"\nindex = "{index.url}"\n'
        )
        for file in files:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            kind = "[packages.sdist]" if file.suffix == ".gz" else "[[packages.wheels]]"
            parts.append(
                f'{kind}\nname = "{file.name}"\nurl = "{index.file_url(file.name)}"\n'
                f'hashes = {{ sha256 = "{digest}" }}\n'
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts))
    return path


@pytest.fixture
def unsound(index: IndexServer, dist: Path) -> Path:
    return write_lock(Path("pylock.toml"), index, dist, "demo", "six")


@pytest.fixture
def sound(index: IndexServer, dist: Path) -> Path:
    return write_lock(Path("pylock.toml"), index, dist, "demo", "six", "extra-thing")


class TestVerdicts:
    def test_a_lock_that_lacks_a_requirement(self, unsound: Path) -> None:
        result = check("pylock.toml", "--for", BOTH)
        assert result.exit_code == 1, result.output
        assert "pylock.toml: unsound; 2 entries, 2 targets, 3 files read\n" in result.stdout
        assert "error[missing-requirement]: demo 1.0: " in result.stdout
        assert "extra-thing>=2" in result.stdout
        assert "Way out: " in result.stdout
        assert result.stderr == ""

    def test_for_targets_that_lack_nothing_it_is_sound(self, unsound: Path) -> None:
        result = check("pylock.toml", "--for", "cp312-macos-arm64")
        assert result.exit_code == 0, result.output
        assert "pylock.toml: sound; 2 entries, 1 target, 2 files read\n" in result.stdout

    def test_a_lock_that_has_all(self, sound: Path) -> None:
        result = check("pylock.toml", "--for", "cp312-linux-x86_64")
        assert result.exit_code == 0, result.output
        assert "pylock.toml: sound; " in result.stdout

    def test_what_is_not_proven_is_told_and_holds(self, index: IndexServer, dist: Path) -> None:
        write_lock(Path("pylock.toml"), index, dist, "legacy")
        result = check("pylock.toml", "--for", "cp312-linux-x86_64")
        assert result.exit_code == 0, result.output
        assert "pylock.toml: not proven; " in result.stdout
        assert "not proven: 1 file would be installed" in result.stdout
        assert "warning[" not in result.stdout
        assert check("pylock.toml", "--for", BOTH, "--fail-on", "warning").exit_code == 1
        told = check("pylock.toml", "--for", BOTH, "--format", "json")
        assert told.stderr.startswith("warning: `pylock.toml` is not proven: 1 file would be ")
        assert check("pylock.toml", "--for", BOTH, "--format", "json", "-q").stderr == ""

    @pytest.mark.parametrize(
        ("header", "targets"),
        [
            ("autogenerated by pip-compile with Python 3.12", 5),
            ("by pip-compile of another age", 10),
        ],
    )
    def test_requirements_are_judged_for_the_python_they_were_made_for(
        self, index: IndexServer, header: str, targets: int
    ) -> None:
        Path("pyproject.toml").write_text('[project]\nrequires-python = ">=3.12,<3.14"\n')
        Path("requirements.txt").write_text(f"# This file is {header}\nsix==1.16.0\n")
        result = check("requirements.txt", "--index", index.url)
        assert f"sound; 1 entry, {targets} targets, 1 file read" in result.stdout
        # Whoever names another Python has it judged.
        result = check("requirements.txt", "--index", index.url, "--for", "cp310-macos-arm64")
        assert "sound; 1 entry, 1 target, 1 file read" in result.stdout

    @pytest.mark.parametrize(
        ("version", "code", "verdict"),
        [
            ("1.1", 0, "every target gets all that its files ask for"),
            ("2.0", 1, "the lock is not what its format demands, so tools may refuse it"),
        ],
    )
    def test_a_newer_format(self, sound: Path, version: str, code: int, verdict: str) -> None:
        text = sound.read_text().replace('"1.0"', f'"{version}"', 1)
        sound.write_text(text)
        result = check("pylock.toml", "--for", BOTH)
        assert result.exit_code == code, result.output
        assert f"verdict:  {verdict}\n" in result.stdout
        assert "[invalid-lock]: `lock-version` is " in result.stdout

    def test_two_entries_without_markers(self, index: IndexServer) -> None:
        Path("requirements.txt").write_text("six==1.16.0\nsix==1.15.0\n")
        result = check("requirements.txt", "--index", index.url)
        assert "error[two-live-entries]" in result.stdout
        assert [line for line in result.stdout.splitlines() if line != line.rstrip()] == []

    def test_hashed_requirements(self, index: IndexServer, dist: Path) -> None:
        lines = [f"--index-url {index.url}"]
        for name, version in (("demo", "1.0"), ("six", "1.16.0")):
            hashes = [
                f" --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
                for file in sorted(dist.glob(f"{name}-*"))
            ]
            lines.append(f"{name}=={version}" + "".join(hashes))
        Path("requirements.txt").write_text("\n".join(lines) + "\n")
        result = check("--for", BOTH, "--format", "json")
        assert result.exit_code == 1, result.output
        (lock,) = json.loads(result.stdout)["locks"]
        assert [item["code"] for item in lock["findings"]] == ["missing-requirement"]
        assert lock["findings"][0]["line"] == 2

    def test_a_project_that_no_index_has_is_not_judged(self, index: IndexServer) -> None:
        Path("requirements.txt").write_text(
            f"--index-url {index.url}\nabsent==1.0 --hash=sha256:{'0' * 64}\n"
        )
        result = check("--for", BOTH)
        assert result.exit_code == 2
        assert "error: could not judge `absent`: no such project on the index" in result.stdout
        assert "no-file-for-target" not in result.stdout


class TestWhichLocks:
    def test_that_of_the_project_is_found(self, unsound: Path, workspace: Path) -> None:
        (workspace / "src").mkdir()
        result = check("--for", BOTH)
        assert result.exit_code == 1
        assert result.stdout.startswith("pylock.toml: unsound")

    def test_it_is_looked_for_upward(
        self, unsound: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (workspace / "src").mkdir()
        monkeypatch.chdir(workspace / "src")
        assert "pylock.toml: unsound" in check("--for", BOTH).stdout

    def test_none(self) -> None:
        result = check()
        assert isinstance(result.exception, UsageError)
        assert "there is no lock here" in str(result.exception)

    def test_several(self, index: IndexServer, dist: Path, unsound: Path) -> None:
        write_lock(Path("pylock.dev.toml"), index, dist, "six")
        result = check("--for", BOTH)
        assert result.exit_code == 1
        assert "pylock.dev.toml (pylock.toml): sound; " in result.stdout
        assert "pylock.toml: unsound; " in result.stdout
        assert " in 2 locks" in result.stdout

    def test_settings_name_them(self, index: IndexServer, dist: Path, unsound: Path) -> None:
        write_lock(Path("locks/pylock.toml"), index, dist, "six")
        Path("pyproject.toml").write_text(
            "[tool.trueup.verify]\nlock = 'locks/pylock.toml'\nfor = 'cp312-linux-x86_64'\n"
        )
        result = check()
        assert result.exit_code == 0, result.output
        assert json.loads(check("--format", "json").stdout)["locks"][0]["targets"] == [
            "cp312-linux-x86_64-glibc2.17"
        ]

    def test_one_that_cannot_be_read_stops_no_other(self, unsound: Path) -> None:
        Path("broken.toml").write_text("lock-version = [")
        result = check("broken.toml", "pylock.toml", "--for", BOTH)
        assert result.exit_code == 2
        assert "error[missing-requirement]" in result.stdout
        assert "error: could not judge `broken.toml`: " in result.stdout


class TestWhatIsToldApart:
    def test_rules_can_be_left_out(self, unsound: Path) -> None:
        arguments = ("--for", BOTH, "--ignore", "missing-requirement,files-differ")
        assert check(*arguments).exit_code == 0
        assert check("--for", BOTH, "--fail-on", "never").exit_code == 0
        level = check("--for", BOTH, "--severity", "missing-requirement=warning", "-q")
        assert level.exit_code == 0
        assert "warning[missing-requirement]" in level.stdout

    def test_a_code_that_does_not_exist(self, unsound: Path) -> None:
        result = check("--select", "dependencies-differ")
        assert str(result.exception) == "no rule has the code `dependencies-differ`"

    def test_a_baseline(self, unsound: Path) -> None:
        written = check("--for", BOTH, "--write-baseline", "known.json")
        assert written.exit_code == 0, written.output
        result = check("--for", BOTH, "--baseline", "known.json")
        assert result.exit_code == 0
        assert "known finding" in result.stdout

    def test_what_a_change_brings(self, index: IndexServer, dist: Path, unsound: Path) -> None:
        write_lock(Path("old/pylock.toml"), index, dist, "demo", "six")
        result = check("pylock.toml", "--for", BOTH, "--since", "old/pylock.toml")
        assert result.exit_code == 0, result.output
        assert "error[" not in result.stdout
        write_lock(Path("old/pylock.toml"), index, dist, "six")
        result = check("pylock.toml", "--for", BOTH, "--since", "old/pylock.toml")
        assert result.exit_code == 1

    def test_not_proven_before(self, index: IndexServer, dist: Path) -> None:
        write_lock(Path("old/pylock.toml"), index, dist, "legacy")
        write_lock(Path("pylock.toml"), index, dist, "legacy", "six")
        result = check("--for", BOTH, "--since", "old/pylock.toml")
        assert "not proven" not in result.stdout
        result = check("--for", BOTH)
        assert "not proven" in result.stdout

    def test_since_compares_one_lock(self, unsound: Path, index: IndexServer, dist: Path) -> None:
        write_lock(Path("pylock.dev.toml"), index, dist, "six")
        result = check("--since", "old.toml")
        assert str(result.exception).startswith("`--since` compares one lock with an older one")
        missing = check("pylock.toml", "--since", "old.toml")
        assert isinstance(missing.exception, NotFoundError)


class TestPlaces:
    def test_an_index_in_the_place_of_the_locks(self, dist: Path, unsound: Path) -> None:
        with IndexServer() as other:
            other.add_folder(dist)
            result = check("--for", BOTH, "--index", other.url)
            assert result.exit_code == 1
            assert other.log

    def test_addresses_moved_to_a_mirror(self, index: IndexServer, unsound: Path) -> None:
        base = index.url.partition("/simple")[0]
        text = unsound.read_text().replace(base, "https://index.test")
        unsound.write_text(text)
        result = check("--for", BOTH, "--index-map", f"https://index.test={base}")
        assert result.exit_code == 1, result.output
        assert "pylock.toml: unsound; 2 entries, 2 targets, 3 files read\n" in result.stdout

    def test_offline_from_the_cache(self, index: IndexServer, unsound: Path) -> None:
        first = check("--for", BOTH)
        sent = len(index.log)
        again = check("--for", BOTH, "--offline")
        assert again.stdout == first.stdout
        assert len(index.log) == sent

    def test_offline_without_a_cache(self, index: IndexServer, unsound: Path) -> None:
        result = check("--for", BOTH, "--offline", "--no-cache")
        assert result.exit_code == 0, result.output
        assert index.log == []
        assert "not proven: 3 files would be installed" in result.stdout
        assert "is not in the cache" in result.stdout

    def test_offline_from_a_folder(self, index: IndexServer, dist: Path, unsound: Path) -> None:
        result = check("--for", BOTH, "--offline", "--no-cache", "--find-links", str(dist))
        assert result.exit_code == 1, result.output
        assert "error[missing-requirement]" in result.stdout
        assert index.log == []


class TestWhatIsWritten:
    @pytest.mark.parametrize("form", FORMATS)
    def test_every_format(self, unsound: Path, form: str) -> None:
        result = check("--for", BOTH, "--format", form, "-o", "report")
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr == "wrote `report`\n"
        assert "missing-requirement" in Path("report").read_text("utf-8")

    def test_the_summary_of_a_step(self, unsound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
        result = check("--for", BOTH, "--format", "github")
        assert result.stdout.startswith("::error title=missing-requirement%3A demo 1.0,")
        assert ",file=pylock.toml,line=5::" in result.stdout
        assert Path("summary.md").read_text("utf-8").startswith("## trueup: 1 error")

    def test_metadata_for_uv(self, unsound: Path) -> None:
        Path("pyproject.toml").write_text("[project]\nname = 'app'\n")
        result = check("--for", BOTH, "--export-uv-metadata", "pyproject.toml")
        assert result.stderr == "wrote `pyproject.toml`: metadata of 1 release\n"
        (table,) = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["uv"][
            "dependency-metadata"
        ]
        assert (table["name"], table["version"]) == ("demo", "1.0")
        assert any(line.startswith("extra-thing>=2;") for line in table["requires-dist"])
        again = check("--for", BOTH, "--export-uv-metadata", "pyproject.toml")
        assert again.stderr == "nothing to write into `pyproject.toml`: it has all of it\n"

    def test_no_metadata_for_uv(self, index: IndexServer, dist: Path) -> None:
        write_lock(Path("pylock.toml"), index, dist, "six")
        result = check("--for", BOTH, "--export-uv-metadata", "uv.toml")
        assert result.stderr == "nothing to write into `uv.toml`: no release needs it\n"
        assert not Path("uv.toml").exists()


class TestExplain:
    def test_the_way_per_target(self, sound: Path) -> None:
        result = check("--for", BOTH, "--explain", "Extra_Thing")
        assert result.exit_code == 0, result.output
        assert result.stdout == (
            "extra-thing is asked for on\n"
            "  cp312-linux-x86_64-glibc2.17\n"
            f"  demo 1.0   (demo-1.0-{LINUX}.whl)\n"
            "    asks for `extra-thing>=2`\n"
            "\n"
            "extra-thing is asked for by nothing on\n"
            "  cp312-macos-arm64-14.0\n"
        )

    def test_a_way_over_an_extra(self, index: IndexServer, dist: Path) -> None:
        make_wheel(dist, "top", "1", requires=["middle[fast]"])
        make_wheel(dist, "middle", "2", requires=["six; extra == 'fast'"], extras=["fast"])
        index.add_folder(dist)
        write_lock(Path("pylock.toml"), index, dist, "top", "middle", "six")
        result = check("--for", "cp312-linux-x86_64", "--explain", "six")
        assert result.stdout == (
            "six is asked for on\n"
            "  cp312-linux-x86_64-glibc2.17\n"
            "  top 1   (top-1-py3-none-any.whl)\n"
            "    asks for `middle[fast]`\n"
            "    middle 2 with extra `fast`   (middle-2-py3-none-any.whl)\n"
            '      asks for `six; extra == "fast"`\n'
        )

    def test_several_locks(self, index: IndexServer, dist: Path, sound: Path) -> None:
        write_lock(Path("pylock.dev.toml"), index, dist, "demo")
        lines = check("--for", BOTH, "--explain", "six").stdout.splitlines()
        assert [line for line in lines if line.endswith(":")] == [
            "pylock.dev.toml:",
            "pylock.toml:",
        ]

    def test_a_requirement_that_the_lock_lacks(self, unsound: Path) -> None:
        result = check("--for", "cp312-linux-x86_64", "--explain", "extra-thing")
        assert "asks for `extra-thing>=2`" in result.stdout

    def test_nothing_asks_for_it(self, unsound: Path) -> None:
        assert check("--for", BOTH, "--explain", "nobody").exit_code == 1

    def test_no_name(self, unsound: Path) -> None:
        result = check("--explain", "a b")
        assert isinstance(result.exception, TrueupError)
        assert str(result.exception) == "`--explain`: found `a b`, expected a project name"


class TestFix:
    def test_what_lacks_is_added_beside_the_lock(self, unsound: Path) -> None:
        before = unsound.read_bytes()
        result = check("pylock.toml", "--for", BOTH, "--fix")
        assert result.exit_code == 1
        assert result.stderr == "wrote `pylock.fixed.toml`\n"
        assert unsound.read_bytes() == before
        again = check("pylock.fixed.toml", "--for", BOTH)
        assert again.exit_code == 0, again.output
        packages = tomllib.loads(Path("pylock.fixed.toml").read_text())["packages"]
        assert {package["name"]: package["version"] for package in packages} == {
            "demo": "1.0",
            "extra-thing": "2.0",
            "six": "1.16.0",
        }

    def test_versions_stay_although_there_are_newer_ones(
        self, index: IndexServer, dist: Path, unsound: Path
    ) -> None:
        make_wheel(dist, "six", "1.17.0")
        index.add_folder(dist)
        check("pylock.toml", "--for", BOTH, "--fix=pylock.new.toml")
        packages = tomllib.loads(Path("pylock.new.toml").read_text())["packages"]
        assert [p["version"] for p in packages if p["name"] == "six"] == ["1.16.0"]

    def test_addresses_are_those_of_the_lock_not_of_the_mirror(
        self, index: IndexServer, unsound: Path
    ) -> None:
        base = index.url.partition("/simple")[0]
        unsound.write_text(unsound.read_text().replace(base, "https://index.test"))
        check("--for", BOTH, "--index-map", f"https://index.test={base}", "--fix")
        text = Path("pylock.fixed.toml").read_text()
        assert base not in text
        assert "https://index.test/" in text

    def test_nothing_is_replaced_that_was_not_named(self, unsound: Path) -> None:
        Path("pylock.fixed.toml").write_text("# mine\n")
        result = check("pylock.toml", "--for", BOTH, "--fix")
        assert str(result.exception) == "`pylock.fixed.toml`: exists already"
        assert Path("pylock.fixed.toml").read_text() == "# mine\n"
        named = check("pylock.toml", "--for", BOTH, "--fix=pylock.fixed.toml")
        assert named.stderr == "wrote `pylock.fixed.toml`\n"

    def test_the_lock_itself_is_not_taken_for_the_file(self, unsound: Path) -> None:
        result = check("--for", BOTH, "--fix", "uv.lock")
        assert str(result.exception) == (
            "`--fix` writes a `pylock.toml`: found `uv.lock`, "
            "expected `pylock.toml` or `pylock.NAME.toml`"
        )

    def test_a_target_that_cannot_be_served(
        self, index: IndexServer, dist: Path, unsound: Path
    ) -> None:
        result = check("--for", "cp312-windows-amd64", "--fix")
        assert isinstance(result.exception, UsageError)
        assert str(result.exception).startswith(
            "`pylock.fixed.toml`: is not written: no answer for `cp312-windows-amd64`: "
        )
        assert not Path("pylock.fixed.toml").exists()
