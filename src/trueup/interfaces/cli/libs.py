"""`trueup libs`: the native map of wheels, releases, locks and environments."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trueup.interfaces.cli.errors import COULD_NOT, HOLDS
from trueup.interfaces.cli.options import (
    INDEX,
    JUDGING,
    NO_CACHE,
    OUTPUT,
    TALK,
    JudgingOptions,
    combine,
)
from trueup.interfaces.config import find_libs_config
from trueup.model.errors import UsageError
from trueup.model.gpu import parse_gpu

if TYPE_CHECKING:
    from trueup.interfaces.nativeinput import Gathered
    from trueup.model.nativereport import NativeReport

__all__ = ["command"]

_EPILOG = """\b
Examples:
  trueup libs dist/                        the wheels before an upload
  trueup libs numpy==2.1.0 scipy           as this Python would install them
  trueup libs --python .venv --who openblas
  trueup libs wheelhouse/ --format html -o libs.html
  trueup libs --python .venv --check       are the libraries those that packages were made against

Settings can also stand in `[tool.trueup.libs]` of the nearest `pyproject.toml`; options win.

\b
Exit code 0: nothing at or above `--fail-on`. 1: findings. 2: misuse, or something could not be
read (what could is reported all the same).
"""
_PINS = frozenset({"pin-broken"})
_FORMATS = ("text", "json", "html")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options(JudgingOptions):
    """The command line, field by field as its options are named."""

    target: tuple[str, ...] = ()
    python: str | None = None
    lock: tuple[str, ...] = ()
    everything: bool = False
    who: str | None = None
    gpu: str | None = None
    pins: bool = False
    library_path: tuple[str, ...] = ()


@click.command(
    name="libs",
    epilog=_EPILOG,
    params=[
        click.Argument(["target"], nargs=-1),
        click.Option(
            ["python", "--python"],
            metavar="PATH",
            help="Look at what is installed beside this Python, or in this virtual environment.",
        ),
        click.Option(
            ["lock", "--lock"],
            metavar="FILE",
            multiple=True,
            help="Look at the wheels that this lock installs.",
        ),
        INDEX,
        click.Option(
            ["environments", "--for"],
            metavar="ENV",
            multiple=True,
            help="Take the wheels of a release or a lock for these environments, such as "
            "`cp312-linux-x86_64` (default: this one).",
        ),
        click.Option(
            ["everything", "--all-wheels"],
            is_flag=True,
            help="Take all wheels of a release.",
        ),
        click.Option(
            ["who", "--who"],
            metavar="LIBRARY",
            help="Show each copy of a library, such as `openblas`, and who loads it; nothing else.",
        ),
        click.Option(
            ["gpu", "--gpu"],
            metavar="TARGET",
            help="Say how many bytes of GPU code a user of this device needs: `sm_90`, `gfx90a`.",
        ),
        click.Option(
            ["pins", "--check"],
            is_flag=True,
            help="Compare what distributions were made against (`nativelib.json`) with what is "
            "there; apply no other rule.",
        ),
        click.Option(
            ["library_path", "--library-path"],
            metavar="FOLDER",
            multiple=True,
            help="Resolve as if LD_LIBRARY_PATH named this folder, relative to site-packages.",
        ),
        *JUDGING,
        click.Option(
            ["form", "--format"],
            type=click.Choice(_FORMATS),
            default="text",
            show_default=True,
            help="How the report is written.",
        ),
        OUTPUT,
        NO_CACHE,
        *TALK,
    ],
)
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """See the native code in wheels: who loads which copy, what is there twice, what may break.

    TARGET is a wheel, a folder of wheels, `NAME==VERSION`, `NAME` for the newest version, the
    address of a wheel, or a folder of installed packages. Without any, it is what is installed in
    the active virtual environment, or else beside the Python that runs this. Nothing is imported
    or run.
    """
    context.exit(_run(_Options(**options)))


def _run(options: _Options) -> int:
    from trueup.interfaces.cli.answer import deliver, exit_code, tell_failures

    combined = combine(options, find_libs_config(Path.cwd()))
    if options.gpu is not None:
        parse_gpu(options.gpu)
    if options.who is not None and options.form != "text":
        raise UsageError(
            "`--who` answers in text",
            found=f"`--format {options.form}`",
            hint="without `--who`, JSON and HTML tell who loads each library",
        )
    gathered = _gathered(options, combined.environments, combined.index)
    from trueup.features.libs import libs

    report = libs(
        gathered.distributions,
        layouts=gathered.layouts or None,
        library_path=options.library_path,
        settings=replace(combined.rules, select=_PINS) if options.pins else combined.rules,
        failures=gathered.failures,
    )
    deliver(
        lambda colour, width: _render(report, options, colour=colour, width=width),
        options,
        failures=report.failures,
        environ=os.environ,
    )
    if options.who is not None:
        if options.output in (None, "-"):  # Else they were told when the file was written.
            tell_failures(report.failures)
        return COULD_NOT if report.failures else HOLDS
    return exit_code(report, combined.fail_on)


def _gathered(options: _Options, environments: Sequence[str], index: Sequence[str]) -> Gathered:
    from trueup.interfaces.progress import watching
    from trueup.interfaces.wanted import PAGE_AGE, Places
    from trueup.model.target import parse_targets

    try:
        from trueup.interfaces.nativeinput import NativeInput
    except ModuleNotFoundError as error:
        raise UsageError(
            "`libs` needs the extra `native`", hint="install it with `pip install 'trueup[native]'`"
        ) from error
    targets = tuple(target for text in environments for target in parse_targets(text))
    bar = sys.stderr.isatty() and not options.quiet
    with (
        watching(sys.stderr, bar=bar, notes=options.verbose and not options.quiet) as watcher,
        Places(
            index=index,
            environ=os.environ,
            directory=Path.cwd(),
            keep=not options.no_cache,
            page_age=PAGE_AGE,
            watcher=watcher,
        ) as places,
    ):
        native = NativeInput(
            places, targets=targets, everything=options.everything, watcher=watcher
        )
        for text in options.target:
            native.add(text)
        for text in options.lock:
            native.add_lock(Path(text), os.environ)
        if options.python is not None:
            native.add_environment(Path(options.python))
        elif not (options.target or options.lock):
            native.add_environment(Path(os.environ.get("VIRTUAL_ENV") or sys.prefix))
    return native.gathered


def _render(report: NativeReport, options: _Options, *, colour: bool, width: int) -> str:
    """Each format is imported when it is asked for: HTML alone needs a template engine."""
    gpu = None if options.gpu is None else parse_gpu(options.gpu)
    if options.who is not None:
        from trueup.interfaces.report.nativewho import render_who

        return render_who(
            report.maps, options.who, colour=colour, width=width, verbose=options.verbose
        )
    if options.form == "json":
        from trueup.interfaces.report.nativejson import render_native_json

        return render_native_json(report, gpu=gpu)
    if options.form == "html":
        from trueup.interfaces.report.nativehtml import render_native_html

        return render_native_html(report)
    from trueup.interfaces.report.nativetext import render_native_text

    return render_native_text(
        report,
        colour=colour,
        width=width,
        verbose=options.verbose,
        gpu=gpu,
        pins=options.pins,
    )
