"""The options of verbs that judge, and what they amount to together with the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from trueup.interfaces.config import FAIL_ON, CheckConfig, RuleConfig, parse_severity
from trueup.judge.rule import RuleSettings
from trueup.model.finding import Severity

__all__ = [
    "FORMATS",
    "INDEX",
    "JUDGING",
    "NO_CACHE",
    "OUTPUT",
    "REFRESH",
    "REPORT",
    "RULES",
    "TALK",
    "CheckOptions",
    "Combined",
    "JudgingOptions",
    "check_options",
    "combine",
    "combined_fields",
]

FORMATS = ("text", "json", "github", "sarif", "html")

INDEX = click.Option(
    ["index", "--index"],
    metavar="URL",
    multiple=True,
    help="Look releases up here, in this order; otherwise where uv and pip are set to look.",
)
REFRESH = click.Option(
    ["refresh", "--refresh"],
    is_flag=True,
    help="Ask the index for every page again, also for those of the last ten minutes.",
)
NO_CACHE = click.Option(
    ["no_cache", "--no-cache"],
    is_flag=True,
    help="Use nothing from earlier runs, keep nothing.",
)
JUDGING = (
    click.Option(
        ["fail_on", "--fail-on"],
        type=click.Choice(FAIL_ON),
        help="Exit with 1 from this severity on (default: `error`).",
    ),
    click.Option(
        ["select", "--select"], metavar="CODE,…", multiple=True, help="Apply these rules only."
    ),
    click.Option(
        ["ignore", "--ignore"], metavar="CODE,…", multiple=True, help="Leave these rules out."
    ),
    click.Option(
        ["severity", "--severity"],
        metavar="CODE=LEVEL",
        multiple=True,
        help="Give a rule another severity: `error`, `warning` or `info`.",
    ),
)
"""Which rules apply, and how much their findings weigh."""

RULES = (
    *JUDGING,
    click.Option(
        ["baseline", "--baseline"], metavar="FILE", help="Leave out the findings that FILE knows."
    ),
    click.Option(
        ["write_baseline", "--write-baseline"],
        metavar="FILE",
        help="Write all findings of today to FILE, as known, and exit with 0.",
    ),
)
"""Which rules apply, and which of their findings count."""

OUTPUT = click.Option(
    ["output", "-o", "--output"],
    metavar="FILE",
    help="Write the report to FILE, in one step, instead of standard output.",
)
REPORT = (
    click.Option(
        ["form", "--format"],
        type=click.Choice(FORMATS),
        default="text",
        show_default=True,
        help="How the report is written.",
    ),
    OUTPUT,
)
TALK = (
    click.Option(
        ["colour", "--color", "--colour"],
        type=click.Choice(("auto", "always", "never")),
        default="auto",
        show_default=True,
        help="Colour in text; `auto` means on a terminal, unless `NO_COLOR` is set.",
    ),
    click.Option(["verbose", "-v", "--verbose"], is_flag=True, help="Say all that is known."),
    click.Option(["quiet", "-q", "--quiet"], is_flag=True, help="The report only: no talk."),
)

_OPTIONS = (
    click.Argument(["target"], nargs=-1),
    click.Option(
        ["listed", "-r", "--requirements", "--lock"],
        metavar="FILE",
        multiple=True,
        help="Check every release that FILE names: a requirements file, `uv.lock`, `poetry.lock`, "
        "`pdm.lock`, `pylock.toml` or `Pipfile.lock`.",
    ),
    INDEX,
    click.Option(
        ["environments", "--for"],
        metavar="ENV",
        multiple=True,
        help="Judge for these environments only: `cp312-linux-x86_64-glibc2.28`, "
        "`cp311..cp314-macos-arm64`, `linux`.",
    ),
    click.Option(
        ["fields", "--fields"],
        metavar="FIELD,…",
        multiple=True,
        help="Compare these core metadata fields only, such as `Requires-Dist`.",
    ),
    click.Option(
        ["deep", "--deep"],
        is_flag=True,
        help="Download whole files, verify their hashes, and compare them with what the index "
        "says about them.",
    ),
    *RULES,
    *REPORT,
    click.Option(
        ["suggest", "--suggest"],
        is_flag=True,
        help="Print, ready to paste, the metadata that serves all files and work-arounds for "
        "users.",
    ),
    click.Option(
        ["fix_hint", "--fix-hint"], is_flag=True, help="Say how such a release is put right."
    ),
    NO_CACHE,
    click.Option(
        ["jobs", "-j", "--jobs"],
        type=click.IntRange(1, 64),
        default=8,
        show_default=True,
        help="How many releases to read at a time.",
    ),
    *TALK,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingOptions:
    """What the command lines of verbs that judge have in common, named as the options are."""

    index: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    fail_on: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    baseline: str | None = None
    write_baseline: str | None = None
    form: str = "text"
    output: str | None = None
    no_cache: bool = False
    colour: str = "auto"
    verbose: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions(JudgingOptions):
    """The command line of `trueup check`, field by field as its options are named."""

    target: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    deep: bool = False
    suggest: bool = False
    fix_hint: bool = False
    jobs: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined:
    """What the options and the project's settings amount to; ``fail_on`` None means never."""

    rules: RuleSettings
    fail_on: Severity | None
    environments: tuple[str, ...]
    index: tuple[str, ...]
    baseline: Path | None


def check_options() -> list[click.Parameter]:
    """The parameters of the command, in the order in which help shows them."""
    return list(_OPTIONS)


def combine(options: JudgingOptions, config: RuleConfig) -> Combined:
    """Options win over settings, key by key; severities are combined code by code.

    Raises UsageError for a malformed severity.
    """
    select = _codes(options.select or config.select or ())
    fail_on = options.fail_on or config.fail_on or Severity.ERROR.value
    return Combined(
        rules=RuleSettings(
            select=select if options.select or config.select is not None else None,
            ignore=_codes(options.ignore or config.ignore),
            severity={**config.severity, **dict(map(parse_severity, options.severity))},
        ),
        fail_on=None if fail_on == "never" else Severity(fail_on),
        environments=options.environments or config.targets,
        index=options.index or config.index,
        baseline=Path(options.baseline) if options.baseline else config.baseline,
    )


def combined_fields(options: CheckOptions, config: CheckConfig) -> frozenset[str] | None:
    """The fields to compare, lower-cased; None: all."""
    names = _codes(options.fields or config.fields)
    return frozenset(name.lower() for name in names) or None


def _codes(values: tuple[str, ...]) -> frozenset[str]:
    """Values that may each be a comma list."""
    return frozenset(part.strip() for value in values for part in value.split(",") if part.strip())
