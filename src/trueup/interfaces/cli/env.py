"""`trueup env`: judge what is installed, running nothing of it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from packaging.utils import canonicalize_name

from trueup.interfaces.cli.errors import FINDINGS, HOLDS
from trueup.interfaces.cli.options import (
    INDEX,
    NO_CACHE,
    REPORT,
    RULES,
    TALK,
    JudgingOptions,
    combine,
)
from trueup.interfaces.config import find_env_config
from trueup.model.condition import OptionKind, Selection
from trueup.model.errors import UsageError

if TYPE_CHECKING:
    from trueup.interfaces.cli.options import Combined
    from trueup.model.installed import InstalledEnvironment
    from trueup.model.installedreport import InstalledReport, Origin
    from trueup.model.liverun import LiveRun
    from trueup.model.lock import Lock
    from trueup.model.nativereport import NativeReport
    from trueup.model.watcher import Watcher
    from trueup.sources.place import Place
    from trueup.sources.published import PublishedSource

__all__ = ["command"]

_EPILOG = """\b
Examples:
  trueup env                               the active environment, or that of this Python
  trueup env --python .venv --deep         hash every file that RECORD lists
  trueup env --lock uv.lock                is it what was locked
  trueup env --published                   compare with the files on the index
  trueup env --wheel-cache                 what pip and uv built here and will install again
  trueup env --native --run                who loads which library, confirmed in a process
  trueup env --explain numpy               who brought it, why, from which file
  trueup env --path site-packages          a folder of installed packages
  trueup env --root build/stage            a system below a folder

Settings can also stand in `[tool.trueup.env]` of the nearest `pyproject.toml`; options win.

\b
Exit code 0: nothing at or above `--fail-on`. 1: findings. 2: misuse, or something could not be
read (what could is reported all the same).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options(JudgingOptions):
    """The command line, field by field as its options are named."""

    python: str | None = None
    path: tuple[str, ...] = ()
    root: str | None = None
    deep: bool = False
    native: bool = False
    run: bool = False
    lock: str | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    published: bool = False
    wheelhouse: str | None = None
    ledger: str | None = None
    explain: str | None = None
    wheel_cache: str | None = None


@click.command(
    name="env",
    epilog=_EPILOG,
    params=[
        click.Option(
            ["python", "--python"],
            metavar="PATH",
            help="The environment of this Python, or in this folder (a virtual environment, a "
            "prefix such as conda's).",
        ),
        click.Option(
            ["path", "--path"],
            metavar="FOLDER",
            multiple=True,
            help="This folder of installed packages; several in the order of `sys.path`.",
        ),
        click.Option(
            ["root", "--root"],
            metavar="FOLDER",
            help="The system below this folder: what a package build or a container stages.",
        ),
        click.Option(["deep", "--deep"], is_flag=True, help="Hash every file that RECORD lists."),
        click.Option(
            ["lock", "--lock"],
            metavar="FILE",
            help="Compare with what this lock installs here (uv, Poetry, PDM, Pipenv, `pylock.toml`, "
            "requirements).",
        ),
        click.Option(
            ["extras", "--extra"],
            metavar="NAME",
            multiple=True,
            help="This extra is installed, too.",
        ),
        click.Option(
            ["groups", "--group"], metavar="NAME", multiple=True, help="This dependency group, too."
        ),
        click.Option(
            ["published", "--published"],
            is_flag=True,
            help="Compare with the files on the index: what was changed, what was built here.",
        ),
        click.Option(
            ["wheelhouse", "--wheelhouse"],
            metavar="FOLDER",
            help="Compare with the files in this folder instead; nothing is fetched.",
        ),
        click.Option(
            ["ledger", "--ledger"],
            metavar="FILE",
            help="A patch ledger that accounts for changed metadata.",
        ),
        click.Option(
            ["explain", "--explain"],
            metavar="DISTRIBUTION",
            help="Tell the story of this one: who brought it, why, from which file; nothing else.",
        ),
        click.Option(
            ["wheel_cache", "--wheel-cache"],
            metavar="FOLDER",
            is_flag=False,
            flag_value="",
            help="Look at the wheels that pip and uv built here and keep, too: in their own caches, or "
            "in this one (`--wheel-cache=FOLDER`).",
        ),
        click.Option(
            ["native", "--native"],
            is_flag=True,
            help="Say what `libs` says of the environment, too: who loads which library.",
        ),
        click.Option(
            ["run", "--run"],
            is_flag=True,
            help="With `--native`: import what loads a BLAS or an OpenMP runtime, and have its "
            "`threadpoolctl` say what is loaded. Only this runs code of the environment.",
        ),
        INDEX,
        *RULES,
        *REPORT,
        NO_CACHE,
        *TALK,
    ],
)
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Judge an installed environment: is it whole, and does it match what was published.

    Nothing of it is imported or run. Without an option, it is the active virtual environment, or
    else what is installed beside the Python that runs this.
    """
    context.exit(_run(_Options(**options)))


def _run(options: _Options) -> int:
    from trueup.interfaces.cli.answer import deliver, exit_code, make_known
    from trueup.interfaces.cli.envnative import live_run, native_report

    if options.run and not options.native:
        raise UsageError("`--run` confirms what `--native` says", hint="add `--native`")
    combined = combine(options, find_env_config(Path.cwd()))
    place = _place(options)
    report = _judged(place, options, combined)
    if options.explain is not None:
        return _explain(report, options)
    native = native_report(place) if options.native else None
    live = None
    if options.run and native is not None:
        live = live_run(native, place, _python(options))
    if options.write_baseline is not None:
        return make_known(report, options.write_baseline, quiet=options.quiet)
    deliver(
        lambda colour, width: _render(report, native, live, options, colour=colour, width=width),
        options,
        failures=report.failures,
        step_summary=lambda: _step_summary(report),
        environ=os.environ,
    )
    code = exit_code(report, combined.fail_on)
    return code if native is None else max(code, exit_code(native, combined.fail_on))


def _judged(place: Place, options: _Options, combined: Combined) -> InstalledReport:
    """The report on what is there, and on the caches if that was asked."""
    from trueup.features.env import env
    from trueup.features.wheelcache import with_builds
    from trueup.interfaces.cli.envplaces import (
        compared_builds,
        published_files,
        read_wheel_caches,
    )
    from trueup.sources.baseline import read_baseline
    from trueup.sources.installed import read_environment
    from trueup.sources.owners import with_owners

    known = frozenset[str]()
    if combined.baseline is not None and options.write_baseline is None:
        known = read_baseline(combined.baseline)
    environment = with_owners(
        read_environment(
            place.where, place.sites, place.runtime, prefix=place.prefix, deep=options.deep
        ),
        root=Path(options.root or "/"),
        prefix=place.prefix,
    )
    caches = read_wheel_caches(options.wheel_cache)
    with published_files(options, combined) as (source, watcher):
        origins, failures = _origins(environment, source, watcher, options)
        builds, more = compared_builds(caches, source)
    lock = _lock(options)
    report = env(
        environment,
        settings=combined.rules,
        known=known,
        lock=lock,
        selection=None if lock is None else _selection(lock, options),
        origins=origins,
    )
    if builds is not None:
        report = with_builds(report, builds, settings=combined.rules, known=known)
    return replace(report, failures=(*report.failures, *failures, *more))


def _origins(
    environment: InstalledEnvironment,
    source: PublishedSource | None,
    watcher: Watcher,
    options: _Options,
) -> tuple[tuple[Origin, ...], tuple[tuple[str, str], ...]]:
    """Where distributions come from, if that was asked, and what could not be found out."""
    if source is None:
        return (), ()
    from trueup.sources.ledger import read_ledger
    from trueup.sources.published import origins_of

    ledger = None if options.ledger is None else read_ledger(Path(options.ledger))
    today = datetime.now(UTC).date()
    return origins_of(environment, source, ledger=ledger, today=today, watcher=watcher)


def _explain(report: InstalledReport, options: _Options) -> int:
    """Print the story of one distribution; 1 if there is none of that name."""
    from trueup.interfaces.cli.answer import say, use_colour, width_of
    from trueup.interfaces.report.installedexplain import render_explanation

    assert options.explain is not None
    colour = use_colour(options.colour, sys.stdout, os.environ)
    text = render_explanation(
        report,
        canonicalize_name(options.explain),
        colour=colour,
        width=width_of(os.environ),
    )
    say(text or f"`{options.explain}` is not installed in `{report.environment.where}`\n")
    return FINDINGS if text is None else HOLDS


def _lock(options: _Options) -> Lock | None:
    if options.lock is None:
        if options.extras or options.groups:
            raise UsageError(
                "`--extra` and `--group` are those of a lock", hint="add `--lock FILE`"
            )
        return None
    from trueup.sources.lockfiles.read import read_lock

    return read_lock(Path(options.lock), environ=os.environ)


def _selection(lock: Lock, options: _Options) -> Selection:
    """The default of the lock and what was asked for; raises UsageError for what it does not have."""
    chosen = set(lock.default)
    for kind, names in ((OptionKind.EXTRA, options.extras), (OptionKind.GROUP, options.groups)):
        for name in map(canonicalize_name, names):
            found = {one for one in lock.options if one.kind is kind and one.name == name}
            if not found:
                known = sorted({one.name for one in lock.options if one.kind is kind})
                raise UsageError(
                    f"`{lock.path}` has no {kind} `{name}`",
                    expected=f"one of {', '.join(known)}" if known else None,
                )
            chosen |= found
    return frozenset(chosen)


def _place(options: _Options) -> Place:
    from trueup.sources.place import place_of_python, place_of_root, place_of_sites
    from trueup.sources.running import active_python

    asked = [name for name in ("python", "path", "root") if getattr(options, name)]
    if len(asked) > 1:
        raise UsageError(" and ".join(f"`--{name}`" for name in asked) + " exclude each other")
    if options.path:
        return place_of_sites([Path(text) for text in options.path], where=options.path[0])
    if options.root:
        return place_of_root(Path(options.root))
    return place_of_python(Path(options.python or active_python(os.environ)), os.environ)


def _python(options: _Options) -> str | None:
    """The interpreter that was asked for, or the active one; None for folders without one."""
    from trueup.sources.running import active_python

    return None if options.path or options.root else options.python or active_python(os.environ)


def _render(
    report: InstalledReport,
    native: NativeReport | None,
    live: LiveRun | None,
    options: _Options,
    *,
    colour: bool,
    width: int,
) -> str:
    if options.form == "json":
        from trueup.interfaces.report.installedjson import render_installed_json

        return render_installed_json(report, native, live)
    if options.form == "html":
        from trueup.interfaces.report.installedhtml import render_installed_html

        return render_installed_html(report)
    if options.form == "github":
        from trueup.interfaces.report.installedgithub import render_installed_github

        return render_installed_github(report)
    if options.form == "sarif":
        from trueup.interfaces.report.sarif import sarif_document
        from trueup.judge.installedrules import INSTALLED_RULES

        return sarif_document(
            [(finding, None) for finding in report.findings], report.failures, INSTALLED_RULES
        )
    from trueup.interfaces.report.installedtext import render_installed_text

    text = render_installed_text(report, colour=colour, width=width, verbose=options.verbose)
    if native is not None:
        from trueup.interfaces.report.nativetext import render_native_text

        text += "\n" + render_native_text(
            native, colour=colour, width=width, verbose=options.verbose
        )
    if live is not None:
        from trueup.interfaces.report.liverun import render_live_text

        text += "\n" + render_live_text(live, report.environment.sites, colour=colour, width=width)
    return text


def _step_summary(report: InstalledReport) -> str:
    from trueup.interfaces.report.installedgithub import render_installed_step_summary

    return render_installed_step_summary(report)
