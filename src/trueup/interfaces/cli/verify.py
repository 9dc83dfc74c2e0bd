"""`trueup verify`: does a lock, whoever wrote it, install what its files ask for."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from packaging.utils import InvalidName, canonicalize_name

from trueup.interfaces.cli.errors import FINDINGS, HOLDS
from trueup.interfaces.cli.options import Combined, combine
from trueup.interfaces.cli.verifyoptions import VerifyOptions, verify_options
from trueup.interfaces.config import VerifyConfig, find_verify_config, parse_mapping
from trueup.model.errors import UsageError

if TYPE_CHECKING:
    from trueup.features.verify import Verified
    from trueup.interfaces.lockaudit import Auditor
    from trueup.interfaces.lockplaces import LockPlaces
    from trueup.model.lockreport import VerifyReport
    from trueup.model.watcher import Watcher

__all__ = ["command"]

_EPILOG = """\b
Examples:
  trueup verify                                the locks of this project
  trueup verify uv.lock --for linux            for these targets only
  trueup verify uv.lock --since old/uv.lock    what a change brings
  trueup verify --explain numpy                why it is there, target by target

Settings can also stand in `[tool.trueup.verify]` of the nearest `pyproject.toml`; options win.

\b
Exit code 0: nothing at or above `--fail-on`; what is not proven is told. 1: findings. 2: misuse,
or something could not be judged (what could is reported all the same).
"""


@click.command(name="verify", params=verify_options(), epilog=_EPILOG)
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Audit locks against the real files: does every target get what its files ask for.

    LOCK is a `pylock.toml`, `uv.lock`, `poetry.lock`, `pdm.lock`, `Pipfile.lock` or a requirements
    file, best one with hashes. Without LOCK the locks of the project are judged.
    """
    context.exit(_run(VerifyOptions(**options)))


def _run(options: VerifyOptions) -> int:
    from trueup.interfaces.progress import watching

    directory = Path.cwd()
    config = find_verify_config(directory)
    combined = combine(options, config)
    paths = _paths(options, config, directory)
    bar = sys.stderr.isatty() and not options.quiet
    with (
        watching(sys.stderr, bar=bar, notes=options.verbose and not options.quiet) as watcher,
        _places(options, combined, config, directory, watcher) as places,
    ):
        auditor = _auditor(options, combined, config, places, watcher)
        if options.explain is not None:
            return _explain(auditor, paths, options.explain)
        since = None if options.since is None else Path(options.since)
        report, verified = auditor.report(paths, since=since)
        if options.fix is not None:
            _fix(verified, options, places, _mapping(options, config), watcher)
    return _told(options, combined, report, verified)


def _told(
    options: VerifyOptions,
    combined: Combined,
    report: VerifyReport,
    verified: Sequence[Verified],
) -> int:
    from trueup.interfaces.cli.answer import deliver, exit_code, make_known

    if options.export_uv_metadata is not None:
        _export(verified, options.export_uv_metadata, quiet=options.quiet)
    if options.write_baseline is not None:
        return make_known(report, options.write_baseline, quiet=options.quiet)

    def step_summary() -> str:
        from trueup.interfaces.report.lockgithub import render_lock_summary

        return render_lock_summary(report)

    deliver(
        lambda colour, width: _render(report, options, colour=colour, width=width),
        options,
        failures=report.failures,
        step_summary=step_summary,
        environ=os.environ,
    )
    to_file = options.output is not None and options.output != "-"
    if (options.form != "text" or to_file) and not options.quiet:
        _tell_unproven(report)
    return exit_code(report, combined.fail_on)


def _paths(options: VerifyOptions, config: VerifyConfig, directory: Path) -> tuple[Path, ...]:
    """The locks to judge: those that are named, set, or found, in this order of precedence."""
    from trueup.interfaces.foundlocks import find_locks

    named = tuple(Path(text) for text in options.lock) or config.locks
    paths = named or tuple(_short(path, directory) for path in find_locks(directory))
    if options.since is not None and len(paths) > 1:
        raise UsageError(
            "`--since` compares one lock with an older one",
            found=", ".join(f"`{path}`" for path in paths),
            hint=f"name it: `trueup verify {paths[0]} --since {options.since}`",
        )
    return paths


def _short(path: Path, directory: Path) -> Path:
    return path.relative_to(directory) if path.is_relative_to(directory) else path


def _mapping(options: VerifyOptions, config: VerifyConfig) -> Mapping[str, str]:
    return {**config.index_map, **dict(map(parse_mapping, options.index_map))}


def _places(
    options: VerifyOptions,
    combined: Combined,
    config: VerifyConfig,
    directory: Path,
    watcher: Watcher,
) -> LockPlaces:
    from trueup.interfaces.lockplaces import LockPlaces
    from trueup.interfaces.wanted import PAGE_AGE

    return LockPlaces(
        index=combined.index,
        find_links=[Path(text) for text in options.find_links],
        mapping=_mapping(options, config),
        offline=options.offline,
        environ=os.environ,
        directory=directory,
        keep=not options.no_cache,
        page_age=0 if options.refresh else PAGE_AGE,
        watcher=watcher,
    )


def _auditor(
    options: VerifyOptions,
    combined: Combined,
    config: VerifyConfig,
    places: LockPlaces,
    watcher: Watcher,
) -> Auditor:
    from trueup.interfaces.lockaudit import Auditor, Wish
    from trueup.judge.lockrules import LOCK_RULES
    from trueup.model.target import parse_targets
    from trueup.sources.baseline import read_baseline

    combined.rules.check_codes(rule.code for rule in LOCK_RULES)
    targets = {target for text in combined.environments for target in parse_targets(text)}
    known = frozenset[str]()
    if combined.baseline is not None and options.write_baseline is None:
        known = read_baseline(combined.baseline)
    wish = Wish(
        settings=combined.rules,
        targets=tuple(sorted(targets)),
        known=known,
        mapping=_mapping(options, config),
        offline=options.offline,
    )
    return Auditor(places, wish, environ=os.environ, watcher=watcher)


def _explain(auditor: Auditor, paths: Sequence[Path], package: str) -> int:
    """Print the ways to a package; 1 if no lock has one."""
    from trueup.interfaces.report.lockchain import render_chains
    from trueup.judge.lockchain import chains_to

    try:
        project = canonicalize_name(package, validate=True)
    except InvalidName as error:
        raise UsageError("`--explain`", found=f"`{package}`", expected="a project name") from error
    found = False
    for path in paths:
        ways = chains_to(auditor.verified(path).audit, project)
        found = found or any(ways.values())
        if len(paths) > 1:
            click.echo(f"{path}:")
        click.echo(render_chains(project, ways), nl=False)
    return HOLDS if found else FINDINGS


def _fix(
    verified: Sequence[Verified],
    options: VerifyOptions,
    places: LockPlaces,
    mapping: Mapping[str, str],
    watcher: Watcher,
) -> None:
    """Write a corrected lock for each; raises UsageError if a target cannot be served."""
    try:
        from trueup.interfaces.lockfix import fixed_path, fixed_text
    except ModuleNotFoundError as error:
        raise UsageError(
            "`--fix` needs the extra `lock`", hint="install it with `pip install 'trueup[lock]'`"
        ) from error
    from trueup.sources.output import write_atomically

    assert options.fix is not None
    if options.fix and len(verified) > 1:
        raise UsageError("`--fix=FILE` corrects one lock", found=f"{len(verified)} locks")
    for one in verified:
        path = fixed_path(Path(one.report.path), options.fix)
        text = fixed_text(one, places, path=path, mapping=mapping, watcher=watcher)
        write_atomically(path, text)
        if not options.quiet:
            click.echo(f"wrote `{path}`", err=True)


def _export(verified: Sequence[Verified], file: str, *, quiet: bool) -> None:
    """Write uv's metadata of all locks into one file."""
    from trueup.judge.lockways import dependency_metadata
    from trueup.sources.uvmetadata import write_uv_metadata

    tables = dict.fromkeys(
        text for one in verified for text in dependency_metadata(one.audit, one.readings)
    )
    try:
        changed = write_uv_metadata(Path(file), tuple(tables))
    except ModuleNotFoundError as error:
        raise UsageError(
            "`--export-uv-metadata` needs the extra `lock`",
            hint="install it with `pip install 'trueup[lock]'`",
        ) from error
    if quiet:
        return
    if changed:
        releases = "1 release" if changed == 1 else f"{changed:,} releases"
        click.echo(f"wrote `{file}`: metadata of {releases}", err=True)
    else:
        why = "it has all of it" if tables else "no release needs it"
        click.echo(f"nothing to write into `{file}`: {why}", err=True)


def _tell_unproven(report: VerifyReport) -> None:
    """What is not proven must not pass for what holds, wherever the report went."""
    from trueup.interfaces.report.lockwords import unproven_words

    for lock in report.locks:
        if lock.not_proven:
            click.echo(f"warning: `{lock.path}` is not proven: {unproven_words(lock)}", err=True)


def _render(report: VerifyReport, options: VerifyOptions, *, colour: bool, width: int) -> str:
    """Each format is imported when it is asked for: HTML alone needs a template engine."""
    if options.form == "json":
        from trueup.interfaces.report.lockjson import render_lock_json

        return render_lock_json(report)
    if options.form == "github":
        from trueup.interfaces.report.lockgithub import render_lock_github

        return render_lock_github(report)
    if options.form == "sarif":
        from trueup.interfaces.report.locksarif import render_lock_sarif
        from trueup.judge.lockrules import LOCK_RULES

        return render_lock_sarif(report, LOCK_RULES)
    if options.form == "html":
        from trueup.interfaces.report.lockhtml import render_lock_html

        return render_lock_html(report)
    from trueup.interfaces.report.locktext import render_lock_text

    return render_lock_text(report, colour=colour, width=width, verbose=options.verbose)
