"""`serve.toml`: where it is found, what it may say, what wins over it, and how it refuses."""

from __future__ import annotations

import pickle
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import NormalizedName

from trueup.features.serve.policies import (
    Declarations,
    Irreconcilable,
    Policy,
    PolicyTable,
    ProjectPolicy,
    Readers,
    ReadRules,
    Sdists,
    ViewPolicy,
)
from trueup.interfaces.serveconfig import KEYS, ServeOptions, read_options
from trueup.interfaces.servepolicy import POLICY_KEYS
from trueup.interfaces.web.rates import Limits, Rate
from trueup.judge.rule import RuleSettings
from trueup.model.errors import UsageError
from trueup.model.finding import ReleaseClass, Severity

DEMO = NormalizedName("demo")


def read(
    folder: Path,
    text: str,
    given: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    default: ProjectPolicy | None = None,
) -> ServeOptions:
    path = folder / "serve.toml"
    path.write_text(text)
    return read_options(
        given or {}, path, environ={"HOME": str(folder), **(environ or {})}, default=default
    )


def test_nothing_has_to_be_set(tmp_path: Path) -> None:
    options = read_options({}, environ={"XDG_DATA_HOME": str(tmp_path)})
    assert options == ServeOptions(data=tmp_path / "trueup" / "index")


def test_every_key_at_the_top(tmp_path: Path) -> None:
    options = read(
        tmp_path,
        """
        data = "kept"
        database = "postgresql://index@db.test/index"
        blobs = "s3://bucket/prefix"
        index = ["https://index.test/simple/", "mirror"]
        host = "::"
        port = 80
        workers = 4
        patience = 5
        log = "requests"
        log-format = "json"
        metrics = false
        sessions = true
        ledger = "patches.toml"
        largest = 3
        """,
    )
    assert options == ServeOptions(
        path=tmp_path / "serve.toml",
        data=tmp_path / "kept",
        database="postgresql://index@db.test/index",
        blobs="s3://bucket/prefix",
        index=("https://index.test/simple/", str(tmp_path / "mirror")),
        host="::",
        port=80,
        workers=4,
        patience=5,
        log="requests",
        log_format="json",
        metrics=False,
        sessions=True,
        ledger=str(tmp_path / "patches.toml"),
        largest=3 * 1024**3,
        policies=options.policies,
    )


def test_the_file_in_the_data_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "serve.toml").write_text("port = 1\n")
    given: dict[str, object] = {"data": str(tmp_path)}
    assert read_options(given, environ={}).port == 1
    (tmp_path / "serve.toml").write_text('data = "x"\n')
    with pytest.raises(UsageError, match="`data` is where this file was found"):
        read_options(given, environ={})


@pytest.mark.parametrize(
    ("text", "given", "values"),
    [
        ("port = 1\nhost = 'a'", {"port": 2}, {"port": 2, "host": "a"}),
        ("hosted-only = true", {"index": ["https://index.test/"]}, {"hosted_only": False}),
        ("index = 'https://index.test/'", {"hosted-only": True}, {"index": ()}),
        ("index = 'aa:1'", {"index": ["bb:2"]}, {"index": ("bb:2",)}),
        ("metrics = true", {"metrics": False}, {"metrics": False}),
        ("blobs = 'x'", {"blobs": "here", "data": "d"}, {"blobs": "here", "data": Path("d")}),
    ],
)
def test_what_is_given_wins(
    text: str, given: Mapping[str, object], values: Mapping[str, Any], tmp_path: Path
) -> None:
    options = read(tmp_path, text, given)
    assert {name: getattr(options, name) for name in values} == values


@pytest.mark.parametrize(
    ("text", "environ", "database"),
    [
        ('"env:DATABASE_URL"', {"DATABASE_URL": "postgresql://u:p@h/d"}, "postgresql://u:p@h/d"),
        ('"env:DATABASE_URL"', {"DATABASE_URL": "postgres://u:p@h/d"}, "postgresql://u:p@h/d"),
        ('"sqlite:///a.db"', {}, "sqlite:///a.db"),
    ],
)
def test_secrets_may_stand_in_the_environment(
    text: str, environ: Mapping[str, str], database: str, tmp_path: Path
) -> None:
    assert read(tmp_path, f"database = {text}", environ=environ).database == database


def test_policies(tmp_path: Path) -> None:
    options = read(
        tmp_path,
        """
        contradictions = "quarantine"
        quiet-period = 300
        ignore = ["late-upload"]

        [[policy]]
        projects = "Lattice.Core"
        channels = ["mpi", "nightly-*"]
        contradictions = "warn"
        classes = "irreconcilable"
        severity = { late-upload = "error" }
        ignore = []
        fail-on = "warning"
        declarations = "ignored"
        largest = "300 MiB"
        closed-after-days = 14

        [[policy]]
        projects = ["demo", "demo-*"]
        fail-on = "never"
        """,
    )
    book = options.policies
    assert book.default == ProjectPolicy(
        contradictions=Policy.QUARANTINE,
        rules=RuleSettings(ignore=frozenset({"late-upload"})),
        quiet=300,
    )
    assert book.tables[0] == PolicyTable(
        projects=("lattice-core",),
        channels=("mpi", "nightly-*"),
        policy=ProjectPolicy(
            contradictions=Policy.WARN,
            classes=frozenset({ReleaseClass.IRRECONCILABLE}),
            rules=RuleSettings(severity={"late-upload": Severity.ERROR}),
            fail_on=Severity.WARNING,
            declarations=Declarations.IGNORED,
            quiet=300,
            largest=300 * 1024**2,
            closed_after=14 * 86400,
        ),
    )
    second = book.for_project("main", DEMO)
    assert second.fail_on is None
    assert (second.contradictions, second.quiet) == (Policy.QUARANTINE, 300)
    assert book.table("mpi", NormalizedName("lattice")) is None


def test_policies_of_views(tmp_path: Path) -> None:
    book = read(
        tmp_path,
        """
        irreconcilable = "yank"
        [[policy]]
        projects = "demo"
        contradicting-sdists = "keep"
        """,
    ).policies
    assert book.default.views == ViewPolicy(irreconcilable=Irreconcilable.YANK)
    assert book.for_project("main", DEMO).views == ViewPolicy(
        irreconcilable=Irreconcilable.YANK, sdists=Sdists.KEEP
    )


def test_what_is_given_is_the_default_of_the_tables(tmp_path: Path) -> None:
    text = '[[policy]]\nprojects = "demo"\nquiet-period = 1\n'
    options = read(tmp_path, text, {"contradictions": "warn", "quiet-period": 2.5})
    assert options.policies.default.quiet == 2.5
    found = options.policies.for_project("main", DEMO)
    assert (found.contradictions, found.quiet) == (Policy.WARN, 1)


def test_readers_and_limits(tmp_path: Path) -> None:
    options = read(
        tmp_path,
        """
        read = "token"
        channel.open.read = "public"
        channel.mpi = {}
        limits = { requests = "10/second", uploads = false }
        """,
    )
    assert options.readers == ReadRules(default=Readers.TOKEN, channels={"open": Readers.PUBLIC})
    assert options.limits == Limits(
        requests=Rate(count=10, seconds=1), uploads=None, failures=Limits().failures
    )


@pytest.mark.parametrize(
    ("rules", "needed"),
    [
        ("", {"main": (), "mpi": ()}),
        ("channel.mpi.read = 'token'", {"main": (), "mpi": ("mpi",)}),
        # A channel shows what the main one has, so that it cannot be more open.
        ("channel.main.read = 'token'", {"main": ("main",), "mpi": ("main",)}),
        ("read = 'token'\nchannel.mpi.read = 'public'", {"main": ("main",), "mpi": ("main",)}),
        ("read = 'token'\nchannel.main.read = 'public'", {"main": (), "mpi": ("mpi",)}),
        ("read = 'token'", {"main": ("main",), "mpi": ("mpi", "main")}),
    ],
)
def test_what_a_channel_needs(
    rules: str, needed: Mapping[str, tuple[str, ...]], tmp_path: Path
) -> None:
    found = read(tmp_path, rules).readers
    assert {channel: found.needed(channel) for channel in needed} == needed
    assert found.all_public is (rules == "")


def test_settings_go_to_the_processes_of_workers(tmp_path: Path) -> None:
    options = read(
        tmp_path,
        "read = 'token'\n[limits]\nuploads = '1/day'\n[[policy]]\nignore = 'late-upload'",
    )
    assert pickle.loads(pickle.dumps(options)) == options


WRONG = {
    "read = 'nobody'": "`read`: found `nobody`, expected `public` or `token`",
    "[channel.MPI]": "`[channel.MPI]`: found `MPI`, expected the name of a channel",
    "[channel.mpi]\nreads = 'token'": "`[channel.mpi]` has no key `reads`",
    "[channel.mpi]\nread = 1": "`[channel.mpi] read`: found `1`",
    "limits = 1": "`limits`: found `1`, expected a table",
    "limits.request = '1/day'": "`[limits]` has no key `request`",
    "limits.requests = 5": "`[limits] requests`: found `5`, expected a rate such as `600/minute`",
    "limits.requests = '0/day'": "`[limits] requests`: found `0/day`",
    "limits.requests = true": "`[limits] requests`: found `true`",
    "prot = 1": "has no key `prot`",
    "port = 65536": "`port`: found `65536`, expected a whole number from 0 to 65535",
    "port = true": "`port`: found `true`",
    "port = 1.5": "`port`: found `1.5`",
    "port = '1'": "`port`: found `1`",
    "workers = 0": "`workers`: found `0`, expected a whole number from 1 to 256",
    "log = 'all'": "`log`: found `all`, expected `changes`, `requests` or `none`",
    "metrics = 1": "`metrics`: found `1`, expected `true` or `false`",
    "index = 1": "`index`: found `1`, expected an address, or a list of addresses",
    "index = 'x:1'\nhosted-only = true": "`index` stands beside `hosted-only = true`",
    "database = 'env:NOT_THERE'": "found `env:NOT_THERE`, expected a variable that holds it; "
    "`NOT_THERE` is not set",
    "largest = '3 GB'": "`largest`: found `3 GB`, expected GiB as a number, or a size such as",
    "largest = 0": "`largest`: found `0`",
    "quiet-period = -1": "`quiet-period`: found `-1`, expected seconds, such as `300`",
    "quiet-period = nan": "`quiet-period`: found `NaN`",
    "contradictions = 'allow'": "`contradictions`: found `allow`, expected `reject`, `quarantine`",
    "fail-on = 'errors'": "`fail-on`: found `errors`, expected `error`, `warning`, `info` or",
    "ignore = ['lateupload']": "`ignore`: found `lateupload`, expected the code of a rule, such as "
    "`late-upload`",
    "severity = { late-upload = 'bad' }": "`severity`: found `bad`, expected `error`",
    "irreconcilable = 'hide'": "`irreconcilable`: found `hide`, expected `leave`, `hide-minority`",
    "contradicting-sdists = true": "`contradicting-sdists`: found `true`, expected `hide` or",
    "classes = ['mergeable']": '`classes`: found `["mergeable"]`, expected `irreconcilable` beside',
    "classes = ['identical']": "`classes`: found `identical`, expected `mergeable`, `irrecon",
    "policy = 'reject'": "`policy`: found `reject`, expected a list of tables",
    "[[policy]]\nproject = 'x'": "`[policy 1]` has no key `project`",
    "[[policy]]\n[[policy]]\nfail-on = 1": "`[policy 2] fail-on`: found `1`",
    "[[policy]]\nprojects = []": "`[policy 1] projects`: found `[]`, expected at least one",
    "[[policy]]\nprojects = 'a b'": "`[policy 1] projects`: found `a b`, expected names of projects",
    "[[policy]]\nchannels = 'MPI'": "`[policy 1] channels`: found `MPI`, expected names of channels",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_with_file_and_key(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(WRONG[text])) as caught:
        read(tmp_path, text)
    assert caught.value.place == (str(tmp_path / "serve.toml"),)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("prot = 1", "port"),
        ("quiet = 1", "quiet-period"),
        ("hosted_only = true", "hosted-only"),
        ("[[policy]]\nproject = 'x'", "projects"),
        ("[[policy]]\ncontradiction = 'x'", "contradictions"),
    ],
)
def test_the_nearest_key_is_named(text: str, meant: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert str(caught.value.hint).startswith(f"did you mean `{meant}`? the keys are: ")


def test_the_keys_are_all_documented() -> None:
    page = Path(__file__).parents[2] / "docs/reference/serve-settings.md"
    text = page.read_text("utf-8")
    keys = {*KEYS, *POLICY_KEYS, "projects", "channels"}
    assert {key for key in keys if f"`{key}`" not in text} == set()
    for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        assert tomllib.loads(block)
