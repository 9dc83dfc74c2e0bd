"""`trueup check` on real wheels, in folders and on a real HTTP server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer, Status
from trueup.interfaces.cli.main import cli
from trueup.interfaces.cli.options import FORMATS

LINUX, MACOS = "cp312-cp312-manylinux_2_28_x86_64", "cp312-cp312-macosx_14_0_arm64"


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with a cache and settings of its own."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("TRUEUP_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("NO_COLOR", "FORCE_COLOR", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return work


@pytest.fixture
def agreeing(workspace: Path) -> Path:
    dist = workspace / "agreeing"
    dist.mkdir()
    for tag in (LINUX, MACOS):
        make_wheel(dist, "sound", "1.0", tags=tag, requires=["numpy>=1"])
    make_sdist(dist, "sound", "1.0", requires=["numpy>=1"])
    return dist


@pytest.fixture
def dist(workspace: Path) -> Path:
    """A release whose Linux wheel alone needs one thing more."""
    dist = workspace / "dist"
    dist.mkdir()
    make_wheel(dist, "demo", "1.0", tags=LINUX, requires=["numpy>=1", "uvloop"])
    make_wheel(dist, "demo", "1.0", tags=MACOS, requires=["numpy>=1"])
    return dist


@pytest.fixture
def index(dist: Path, agreeing: Path) -> Iterator[IndexServer]:
    with IndexServer() as server:
        server.add_folder(dist)
        server.add_folder(agreeing)
        yield server


def check(*arguments: str) -> Result:
    """The verb as a user calls it; errors come back as exceptions (`main` words them)."""
    return CliRunner().invoke(cli, ["check", *arguments])


class TestWhatIsChecked:
    def test_a_folder_that_holds(self, agreeing: Path) -> None:
        result = check("agreeing")
        assert result.exit_code == 0, result.output
        assert "sound 1.0: identical" in result.stdout
        assert result.stderr == ""

    def test_a_folder_with_findings(self, dist: Path) -> None:
        result = check("dist/")
        assert result.exit_code == 1
        assert "error[dependencies-differ]" in result.stdout
        assert 'Requires-Dist: uvloop; sys_platform == "linux"' in result.stdout

    def test_files(self, dist: Path) -> None:
        wheels = sorted(str(path) for path in dist.iterdir())
        assert check(*wheels).exit_code == 1
        assert check(wheels[0]).exit_code == 0

    def test_a_release_spread_over_folders_is_one(self, dist: Path, workspace: Path) -> None:
        for number, path in enumerate(sorted(dist.iterdir())):
            (workspace / f"part{number}").mkdir()
            path.rename(workspace / f"part{number}" / path.name)
        assert check("part0").exit_code == 0
        assert check("part1").exit_code == 0
        assert check("part0", "part1").exit_code == 1

    def test_several_releases_in_a_folder(self, dist: Path, agreeing: Path) -> None:
        for path in agreeing.iterdir():
            path.rename(dist / path.name)
        report = json.loads(check("dist", "--format", "json").stdout)
        assert [(item["project"], item["class"]) for item in report["releases"]] == [
            ("demo", "mergeable"),
            ("sound", "identical"),
        ]

    def test_a_release_on_an_index(self, index: IndexServer) -> None:
        result = check("demo==1.0", "--index", index.url)
        assert result.exit_code == 1, result.output
        assert "demo 1.0: mergeable" in result.stdout
        assert check("sound", "--index", index.url).exit_code == 0

    def test_a_bare_name_is_told_to_be_no_folder(self, index: IndexServer) -> None:
        told = "note: no folder `sound` here; judging the newest `sound` on the index\n"
        assert check("sound", "sound", "--index", index.url).stderr == told
        assert check("sound", "--index", index.url, "-q").stderr == ""
        assert check("sound==1.0", "--index", index.url).stderr == ""

    def test_a_folder_that_was_not_built_is_not_looked_up(self, index: IndexServer) -> None:
        result = check("wheelhouse", "--index", index.url)
        assert str(result.exception) == "there is no file or folder `wheelhouse`"
        assert index.log == []

    def test_the_address_of_files(self, index: IndexServer) -> None:
        linux, macos = (index.file_url(f"demo-1.0-{tag}.whl") for tag in (LINUX, MACOS))
        assert check(linux).exit_code == 0
        assert check(linux, macos).exit_code == 1

    def test_every_release_that_a_file_names(self, index: IndexServer, workspace: Path) -> None:
        (workspace / "requirements.txt").write_text(
            f"--index-url {index.url}\nsound==1.0\ndemo==1.0\nnumpy>=1\n"
        )
        result = check("-r", "requirements.txt", "--format", "json")
        assert result.exit_code == 1
        assert [item["project"] for item in json.loads(result.stdout)["releases"]] == [
            "sound",
            "demo",
        ]
        assert result.stderr == (
            "note: not checked: `numpy>=1`: is not pinned to one version (requirements.txt:4)\n"
        )
        assert check("-r", "requirements.txt", "-q").stderr == ""

    def test_a_lock_names_its_index_and_the_option_wins(
        self, index: IndexServer, workspace: Path
    ) -> None:
        (workspace / "uv.lock").write_text(
            "version = 1\n[[package]]\nname = 'sound'\nversion = '1.0'\n"
            "source = { registry = 'http://127.0.0.1:9/simple' }\n"
        )
        assert check("--lock", "uv.lock", "--index", index.url).exit_code == 0


class TestWhatCannotBeDone:
    def test_one_failure_among_releases(self, index: IndexServer) -> None:
        result = check("sound", "nonesuch==1.0", "sound==9", "--index", index.url)
        assert result.exit_code == 2
        assert "sound 1.0: identical" in result.stdout
        assert "could not judge `nonesuch==1.0`" in result.stdout
        assert "its only version is 1.0" in " ".join(result.stdout.split())

    def test_failures_are_told_beside_data(self, index: IndexServer) -> None:
        result = check("nonesuch", "--index", index.url, "--format", "json")
        assert result.exit_code == 2
        assert len(json.loads(result.stdout)["failures"]) == 1
        assert "\nerror: could not judge `nonesuch`: " in result.stderr

    def test_an_index_that_does_not_answer(self, index: IndexServer) -> None:
        index.fault("/simple/demo", Status(403), times=9)
        result = check("demo", "sound", "--index", index.url)
        assert result.exit_code == 2
        assert "sound 1.0: identical" in result.stdout

    @pytest.mark.parametrize(
        ("name", "text", "reason"),
        [
            ("requirements.txt", "# nothing\n", "it has no entries"),
            (
                "requirements.txt",
                "numpy>=1\n./here\n",
                "`./here` comes from a path, not from an index, "
                "`numpy>=1` is not pinned to one version",
            ),
            ("uv.lock", "version = 1\n", "it has no entries"),
        ],
    )
    def test_a_list_that_names_no_release(
        self, workspace: Path, name: str, text: str, reason: str
    ) -> None:
        (workspace / name).write_text(text)
        result = check("-r", name, "--format", "json", "-q")
        assert result.exit_code == 2
        assert json.loads(result.stdout)["failures"] == [
            {"target": name, "reason": f"names no release that could be judged: {reason}"}
        ]

    def test_many_entries_that_are_no_releases(self, agreeing: Path, workspace: Path) -> None:
        (workspace / "all.txt").write_text("".join(f"project{n}\n" for n in range(8)))
        result = check("agreeing", "-r", "all.txt")
        assert result.exit_code == 2
        assert "sound 1.0: identical" in result.stdout
        assert "`project4` is not pinned to one version, and 3 more" in " ".join(
            result.stdout.split()
        )

    def test_an_index_that_is_not_there_is_told_once(self, workspace: Path) -> None:
        with IndexServer() as server:
            url, origin = server.url, server.origin.rstrip("/")
        (workspace / "requirements.txt").write_text(
            "".join(f"project{n}==1.0\n" for n in range(40))
        )
        result = check("-r", "requirements.txt", "--index", url, "--format", "json")
        assert result.exit_code == 2
        (failure,) = json.loads(result.stdout)["failures"]
        assert failure["target"] == origin
        assert failure["reason"].startswith(
            "the server gave no usable answer: found no connection ("
        )
        assert "; 40 releases not judged; try again later, " in failure["reason"]
        assert failure["reason"].endswith("name another index with `--index`")
        assert result.stderr.count("error: ") == 1
        alone = check("project0==1.0", "--index", url, "--format", "json")
        assert json.loads(alone.stdout)["failures"][0]["target"] == "project0==1.0"

    def test_a_folder_without_releases(self, workspace: Path) -> None:
        (workspace / "empty").mkdir()
        (workspace / "empty" / "README.txt").touch()
        result = check("empty")
        assert result.exception is not None
        assert str(result.exception) == "`empty`: holds no wheel and no sdist: found 1 other file"

    def test_a_file_that_cannot_be_placed(self, agreeing: Path) -> None:
        (agreeing / "not_a-wheel.whl").touch()
        result = check("agreeing")
        assert result.exit_code == 2
        assert "sound 1.0: identical" in result.stdout
        assert "not_a-wheel.whl" in result.stdout

    def test_an_egg_that_belongs_to_nothing_is_only_told(self, agreeing: Path) -> None:
        (agreeing / "stray-1.0-py3.7.egg").touch()
        result = check("agreeing")
        assert result.exit_code == 0
        assert result.stderr == (
            "note: not checked: `stray-1.0-py3.7.egg`: eggs are no longer installed by any "
            "installer (agreeing/stray-1.0-py3.7.egg)\n"
        )


class TestOptions:
    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["--fail-on", "never"], 0),
            (["--fail-on", "info"], 1),
            (["--severity", "dependencies-differ=warning"], 0),
            (["--severity", "dependencies-differ=warning", "--fail-on", "warning"], 1),
            (["--ignore", "dependencies-differ,undeclared-difference"], 0),
            (["--select", "late-upload"], 0),
            (["--for", "cp312-linux-x86_64"], 0),
            (["--for", "cp312-linux-x86_64", "--for", "cp312-macos-arm64"], 1),
            (["--fields", "Requires-Python"], 0),
            (["--fields", "requires-dist,requires-python"], 1),
            (["--deep"], 1),
            (["--no-cache"], 1),
            (["--jobs", "1"], 1),
        ],
    )
    def test_what_decides_the_exit_code(self, dist: Path, arguments: list[str], code: int) -> None:
        result = check("dist", *arguments)
        assert result.exit_code == code, result.output

    def test_unknown_codes_and_fields_are_refused(self, dist: Path) -> None:
        for arguments, message in (
            (["--select", "nonesuch"], "no rule has the code `nonesuch`"),
            (["--fields", "Requires"], None),
            (["--fields", "nonesuch"], "there is no core metadata field `nonesuch`"),
        ):
            result = check("dist", *arguments)
            assert (str(result.exception) if result.exception else None) == message or (
                message is None and result.exit_code == 0
            )

    def test_suggest_and_fix_hint_and_verbose(self, dist: Path) -> None:
        plain = check("dist").stdout
        assert "[project]" not in plain
        assert "[project]" in check("dist", "--suggest").stdout
        assert "fix:" in check("dist", "--fix-hint").stdout
        assert len(check("dist", "-v").stdout) > len(plain)

    @pytest.mark.parametrize(
        ("environ", "arguments", "coloured"),
        [
            ({}, [], False),
            ({}, ["--color", "always"], True),
            ({"FORCE_COLOR": "1"}, [], True),
            ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
            ({"NO_COLOR": "1"}, ["--colour", "always"], True),
            ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
        ],
    )
    def test_colour(
        self,
        dist: Path,
        monkeypatch: pytest.MonkeyPatch,
        environ: dict[str, str],
        arguments: list[str],
        coloured: bool,
    ) -> None:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        assert ("\x1b[" in check("dist", *arguments).stdout) is coloured

    @pytest.mark.parametrize(
        ("columns", "width"), [("60", 60), ("", 100), ("wide", 100), ("0", 100)]
    )
    def test_columns(
        self, dist: Path, monkeypatch: pytest.MonkeyPatch, columns: str, width: int
    ) -> None:
        monkeypatch.setenv("COLUMNS", columns)
        prose = [line for line in check("dist").stdout.splitlines() if "demo-1.0" not in line]
        longest = max(len(line) for line in prose if "Requires-Dist" not in line)
        assert width - 25 < longest <= width


class TestSettings:
    def test_from_pyproject_and_the_command_line_wins(self, dist: Path, workspace: Path) -> None:
        (workspace / "pyproject.toml").write_text('[tool.trueup.check]\nfail-on = "never"\n')
        assert check("dist").exit_code == 0
        assert check("dist", "--fail-on", "error").exit_code == 1

    def test_every_key_counts(self, index: IndexServer, workspace: Path) -> None:
        (workspace / "pyproject.toml").write_text(
            f'[tool.trueup.check]\nindex = "{index.url}"\nfields = ["Requires-Dist"]\n'
            'for = ["cp312-linux-x86_64", "cp312-macos-arm64"]\nfail-on = "warning"\n'
            'ignore = ["undeclared-difference"]\n'
            'severity = { dependencies-differ = "warning" }\n'
        )
        report = json.loads(check("demo", "--format", "json").stdout)
        assert [item["severity"] for item in report["releases"][0]["findings"]] == ["warning"]
        assert check("demo").exit_code == 1

    def test_a_mistake_is_no_silence(self, dist: Path, workspace: Path) -> None:
        (workspace / "pyproject.toml").write_text('[tool.trueup.check]\nfail_on = "never"\n')
        assert "has no key `fail_on`" in str(check("dist").exception)


class TestBaseline:
    def test_known_today_fails_on_new_ones(self, dist: Path, workspace: Path) -> None:
        written = check("dist", "--write-baseline", "known.json")
        assert (written.exit_code, written.stdout) == (0, "")
        assert written.stderr.startswith("wrote `known.json`: ")
        known = check("dist", "--baseline", "known.json")
        assert known.exit_code == 0, known.output
        make_wheel(dist, "demo", "1.0", tags="cp312-cp312-win_amd64", requires=["colorama"])
        assert check("dist", "--baseline", "known.json").exit_code == 1

    def test_known_at_one_version_is_known_at_the_next(self, dist: Path, workspace: Path) -> None:
        check("dist", "--write-baseline", "known.json")
        (workspace / "pyproject.toml").write_text('[tool.trueup.check]\nbaseline = "known.json"\n')
        after = workspace / "next"
        after.mkdir()
        make_wheel(after, "demo", "1.1", tags=LINUX, requires=["numpy>=1", "uvloop"])
        make_wheel(after, "demo", "1.1", tags=MACOS, requires=["numpy>=1"])
        assert check("next").exit_code == 0

    def test_nothing_is_written_of_what_could_not_be_judged(
        self, index: IndexServer, workspace: Path
    ) -> None:
        result = check("nonesuch", "--index", index.url, "--write-baseline", "known.json")
        assert result.exit_code != 0
        assert "is not written, because not everything could be judged" in str(result.exception)
        assert not (workspace / "known.json").exists()


class TestAnswer:
    @pytest.mark.parametrize("form", FORMATS)
    def test_every_format_in_a_file(self, dist: Path, workspace: Path, form: str) -> None:
        result = check("dist", "--format", form, "--output", "report")
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", "wrote `report`\n")
        written = (workspace / "report").read_text()
        assert "dependencies-differ" in written
        assert "\x1b[" not in written
        assert sorted(path.name for path in workspace.iterdir()) == ["dist", "report"]
        on_stdout = check("dist", "--format", form)
        assert on_stdout.stdout == written

    def test_a_file_that_cannot_be_written(self, dist: Path) -> None:
        result = check("dist", "-o", "no/report")
        assert str(result.exception).startswith("`no/report`: cannot be written: ")

    def test_the_step_summary_is_appended(
        self, dist: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        summary = workspace / "summary.md"
        summary.write_text("before\n")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
        result = check("dist", "--format", "github")
        assert result.stdout.startswith("::error ")
        assert summary.read_text().startswith("before\n## trueup")
        check("dist", "--format", "text")
        assert summary.read_text().count("## trueup") == 1

    @pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX pipe")
    def test_a_reader_that_has_seen_enough(self, dist: Path) -> None:
        code = "import sys; from trueup.interfaces.cli.main import main; sys.exit(main())"
        reader, writer = os.pipe()
        os.close(reader)
        result = subprocess.run(
            [sys.executable, "-c", code, "check", "dist", "--format", "html"],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(writer)
        assert (result.returncode, result.stderr) == (1, "")
