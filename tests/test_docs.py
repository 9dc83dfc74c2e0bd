"""The documents cannot drift: what they show is run, what they name exists, what is generated is new.

A `console` block is a session: lines that start with `$ ` are run in bash, all blocks of a page in
one folder, and everything else is their output. `UPDATE_DOCS=1` writes the real output into the
page instead of comparing it. `<!-- not run: REASON -->` before a block exempts it.
"""

from __future__ import annotations

import doctest
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import textwrap
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import trueup
from tests.index_server import IndexServer
from trueup.interfaces.cli.main import cli
from trueup.interfaces.config import ENV_KEYS, KEYS, LIBS_KEYS, VERIFY_KEYS
from trueup.interfaces.reference import outdated, pages
from trueup.judge.installedrules import INSTALLED_RULES
from trueup.judge.lockrules import LOCK_RULES
from trueup.judge.nativerules import NATIVE_RULES
from trueup.judge.rules import RULES
from trueup.model.artifact import WheelName, parse_filename
from trueup.model.declaration import parse_declaration
from trueup.model.target import parse_targets

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
IDS = [page.relative_to(ROOT).as_posix() for page in PAGES]
every_page = pytest.mark.parametrize("page", PAGES, ids=IDS)

FIRST = (
    "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/trueup check nmslib==2.1.1"
)
TEST = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[all,test]' && .venv/bin/pytest"

ALL_RULES = (*RULES, *LOCK_RULES, *NATIVE_RULES, *INSTALLED_RULES)

_BLOCK = re.compile(
    r"(?P<exempt><!-- not run: [^\n]+ -->\n)?"
    r"(?P<indent> *)```(?P<kind>[a-z]+)\n(?P<text>.*?)\n(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class Block:
    kind: str
    text: str
    exempt: bool
    start: int
    end: int


def blocks(page: Path, *kinds: str) -> list[Block]:
    """The fenced blocks of these kinds; ``start`` and ``end`` limit the text in the page."""
    return [
        Block(
            kind=match["kind"],
            text=match["text"],
            exempt=match["exempt"] is not None,
            start=match.start("text"),
            end=match.end("text"),
        )
        for match in _BLOCK.finditer(page.read_text("utf-8"))
        if match["kind"] in kinds
    ]


# --- sessions ---------------------------------------------------------------------------------


def run_session(text: str, folder: Path) -> str:
    """Run the commands of one block in bash; returns the block as it really is."""
    lines = []
    for command in commands(text):
        lines.append(f"cat <<'END_OF_COMMAND'\n$ {command}\nEND_OF_COMMAND")
        # `$?` of the next command is that of this one.
        lines.append(f"(exit $code)\n{command}\ncode=$?")
    done = subprocess.run(
        ["bash", "-c", "code=0\n" + "\n".join(lines)],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    return done.stdout.decode().rstrip("\n")


def commands(text: str) -> list[str]:
    """What follows `$ `; a backslash at the end of a line continues it."""
    return re.findall(r"^\$ ((?:.*\\\n)*.*)$", text, re.MULTILINE)


def environment(folder: Path) -> dict[str, str]:
    """An environment in which no setting of the developer's machine has a say."""
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    tools = Path(sys.executable).parent
    return {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "TRUEUP_CACHE_DIR": str(home / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "LC_ALL": "C.UTF-8",
    }


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "console")], ids=str)
def test_sessions_are_real(page: Path, tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    shutil.copy(DOCS / "tutorial/factory.py", folder)
    text = page.read_text("utf-8")
    real = [
        (block, run_session(block.text, folder))
        for block in blocks(page, "console")
        if not block.exempt
    ]
    if os.environ.get("UPDATE_DOCS"):
        for block, output in reversed(real):
            text = text[: block.start] + output + text[block.end :]
        page.write_text(text, "utf-8")
    for block, output in real:
        assert output == block.text or os.environ.get("UPDATE_DOCS")


# --- the README's commands ----------------------------------------------------------------------


def test_the_readme_shows_both_commands() -> None:
    shown = [block.text for block in blocks(README, "bash")]
    assert shown[:2] == [FIRST, TEST]


def test_ci_runs_the_readme_command_first() -> None:
    script = (ROOT / ".ci/run").read_text("utf-8")
    steps = re.findall(r'^step (\w+) "(.*)"$', script, re.MULTILINE)
    assert steps[0] == ("test", TEST)
    assert [name for name, _ in steps] == ["test", "lint", "types", "layers", "docs"]


def test_recipes_are_known_to_ci() -> None:
    recipes = re.findall(r"^(\w[\w-]*)(?: \*\w+)?:$", (ROOT / "justfile").read_text(), re.MULTILINE)
    expected = [
        "default",
        "test",
        "lint",
        "types",
        "layers",
        "docs",
        "bench",
        "bench-split",
        "bench-survey",
        "bench-survey-crawl",
        "bench-env",
        "bench-serve",
        "live",
        "live-prove",
        "live-split",
        "soak",
        "compare-lockers",
        "packse",
        "fix",
        "ci",
    ]
    assert recipes == expected
    script = (ROOT / ".ci/run").read_text("utf-8")
    assert set(re.findall(r"bin/just (\w+)", script)) <= set(recipes)


def test_the_readme_lists_the_verbs_that_exist() -> None:
    table = re.findall(r"^\|[^|]*\| `(\w+)` \| (\w+) \|", README.read_text("utf-8"), re.MULTILINE)
    states = dict(table)
    verbs = {verb for verb, state in states.items() if state == "works"}
    assert verbs == set(cli.list_commands(None))  # type: ignore[arg-type]
    assert set(states.values()) == {"works"}


# --- the README's release -----------------------------------------------------------------------


def test_the_readme_shows_what_check_says_of_nmslib(tmp_path: Path) -> None:
    """The release as it is on the index, rebuilt from what was recorded of it."""
    (shown,) = blocks(README, "console")
    assert commands(shown.text) == [FIRST.rsplit(" && ", 1)[1]]
    recorded = json.loads((ROOT / "tests/cases/corpus/nmslib-2.1.1.json").read_text("utf-8"))
    with IndexServer() as server:
        for file in recorded["files"]:
            # Of descriptions only a hash was recorded, so that equal ones would look different,
            # and of the lines that they spilled into the headers nothing but the colon.
            metadata = recorded["metadata"][file["metadata"]]
            text = re.sub(r"^(Description)?: .*\n", "", metadata, flags=re.MULTILINE)
            add_recorded(server, file, text)
        done = subprocess.run(
            [Path(sys.executable).with_name("trueup"), "check", "nmslib==2.1.1"],
            cwd=tmp_path,
            env={**environment(tmp_path / "session"), "PIP_INDEX_URL": server.url},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1, done.stderr
    real = shown.text.splitlines()[0] + "\n" + done.stdout.rstrip("\n")
    if os.environ.get("UPDATE_DOCS"):
        page = README.read_text("utf-8")
        README.write_text(page[: shown.start] + real + page[shown.end :], "utf-8")
    else:
        assert real == shown.text


def add_recorded(server: IndexServer, file: Mapping[str, Any], metadata: str) -> None:
    filename: str = file["filename"]
    stem = "-".join(filename.removesuffix(".tar.gz").split("-")[:2])
    buffer = io.BytesIO()
    name = parse_filename(filename)
    if isinstance(name, WheelName):
        with zipfile.ZipFile(buffer, "w") as wheel:
            tags = "".join(f"Tag: {tag}\n" for tag in sorted(map(str, name.tags)))
            wheel.writestr(f"{stem}.dist-info/METADATA", metadata)
            wheel.writestr(f"{stem}.dist-info/WHEEL", f"Wheel-Version: 1.0\n{tags}")
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as sdist:
            entry = tarfile.TarInfo(f"{stem}/PKG-INFO")
            entry.size = len(metadata.encode())
            sdist.addfile(entry, io.BytesIO(metadata.encode()))
    server.add(filename, buffer.getvalue(), upload_time=f"{file['upload_time']}Z")


# --- links --------------------------------------------------------------------------------------


def links(page: Path) -> Iterator[tuple[str, str]]:
    """The relative links of a page: path and anchor, either possibly empty."""
    text = re.sub(r"```.*?```|`[^`\n]+`", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosting sites make them."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"`{path}` does not exist"
        if anchor:
            assert anchor in anchors(target), f"`{path}` has no heading `#{anchor}`"


def test_every_page_can_be_reached() -> None:
    reached: set[Path] = set()
    ahead = [README.resolve()]
    while ahead:
        page = ahead.pop()
        if page not in reached and page.suffix == ".md" and page.exists():
            reached.add(page)
            ahead += [(page.parent / path).resolve() for path, _ in links(page) if path]
    assert [str(page) for page in PAGES if page.resolve() not in reached] == []


# --- what is generated, and what must agree with the code ---------------------------------------


def test_generated_pages_are_up_to_date() -> None:
    assert outdated(DOCS / "reference", pages(cli, ALL_RULES)) == [], "run `just docs`"


@pytest.mark.parametrize(
    ("verb", "keys"),
    [("check", KEYS), ("verify", VERIFY_KEYS), ("libs", LIBS_KEYS), ("env", ENV_KEYS)],
)
def test_every_setting_is_documented(verb: str, keys: tuple[str, ...]) -> None:
    text = (DOCS / "reference/configuration.md").read_text("utf-8")
    section = text.split(f"## Settings of `{verb}`")[1].split("\n## ")[0]
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)) == sorted(keys)


def test_documented_rule_codes_exist() -> None:
    codes = {rule.code for rule in ALL_RULES}
    for page in PAGES:
        text = page.read_text("utf-8")
        shown = re.findall(r"(?:error|warning|info)\[([\w-]+)\]", text)
        shown += [code for code in re.findall(r"rules/([\w-]+)\.md", text) if code != "README"]
        for block in blocks(page, "toml"):
            tables = tomllib.loads(block.text).get("tool", {}).get("trueup", {})
            for table in (tables.get(verb, {}) for verb in ("check", "verify", "libs", "env")):
                shown += [
                    *table.get("select", ()),
                    *table.get("ignore", ()),
                    *table.get("severity", {}),
                ]
        assert set(shown) <= codes, page


def test_documented_options_exist() -> None:
    known = {
        name
        for verb in cli.list_commands(None)  # type: ignore[arg-type]
        for parameter in cli.get_command(None, verb).params  # type: ignore[arg-type,union-attr]
        for name in parameter.opts
    }
    for page in [README, *DOCS.rglob("*.md")]:
        for command in re.findall(r"trueup (?:check|libs|verify) [^`\n]*", page.read_text("utf-8")):
            options = re.findall(r"(?<!\S)(--[a-z-]+)", command)
            assert set(options) <= known, f"{page}: {command}"


@every_page
def test_toml_and_yaml_examples_parse(page: Path) -> None:
    for block in blocks(page, "toml"):
        tomllib.loads(block.text)
        parse_declaration(block.text)
    for block in blocks(page, "yaml"):
        yaml.safe_load(block.text)


@every_page
def test_python_examples_compile(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(textwrap.dedent(block.text), str(page), "exec")


@every_page
def test_interactive_examples_are_real(page: Path) -> None:
    text = "\n".join(block.text for block in blocks(page, "pycon"))
    example = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    report = io.StringIO()
    doctest.DocTestRunner(verbose=False).run(example, out=report.write)
    assert report.getvalue() == ""


def test_every_public_name_is_documented() -> None:
    text = (DOCS / "reference/library.md").read_text("utf-8")
    names = {name for name in trueup.__all__ if not name.startswith("_")}
    assert {name for name in names if not re.search(rf"`{name}\b", text)} == set()


@every_page
def test_environments_in_examples_parse(page: Path) -> None:
    for text in re.findall(r"--for '?([^'\s`]+)'?", page.read_text("utf-8")):
        if text not in ("ENV", "ENV`"):
            assert parse_targets(text)


def test_the_map_names_what_exists() -> None:
    text = (DOCS / "explanation/map.md").read_text("utf-8")
    named = re.findall(r"`((?:model|judge|sources|features|interfaces)/[\w/]*(?:\.py)?)`", text)
    assert named
    assert [name for name in named if not (ROOT / "src/trueup" / name).exists()] == []
    folders = {path.parent.name for path in (ROOT / "src/trueup").glob("*/__init__.py")}
    assert {name.split("/")[0] for name in named} == folders
