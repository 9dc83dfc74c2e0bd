"""`trueup split --shared` and `--onto`: libraries that several projects use."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.interfaces.cli.errors import COULD_NOT, HOLDS
from trueup.model.errors import TrueupError, UsageError

if TYPE_CHECKING:
    from trueup.interfaces.wanted import Places
    from trueup.model.abi import AbiFile
    from trueup.model.split import Refusal
    from trueup.model.watcher import Watcher

__all__ = ["SharedOptions", "refused", "run_shared"]

_ABI = "abi.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedOptions:
    """What the command line says of the shared tier."""

    libraries: tuple[str, ...]
    onto: tuple[str, ...]
    abi: Path | None
    owners: Mapping[str, str]
    label: str
    output: Path
    unexecuted: bool
    plan_only: bool
    quiet: bool


def refused(refusals: Sequence[Refusal]) -> int:
    """Every reason, each with its files and its way out."""
    from trueup.interfaces.cli.answer import width_of
    from trueup.interfaces.report.splittext import render_refusals

    click.echo(render_refusals(refusals, width=width_of(os.environ)), nl=False, err=True)
    return COULD_NOT


def run_shared(
    options: SharedOptions,
    paths: Sequence[Path],
    places: Places,
    scratch: Path,
    watcher: Watcher,
) -> int:
    """Plan, tell, write; returns the exit code."""
    from trueup.features.split import check_executed, write_shared
    from trueup.interfaces.cli.answer import width_of
    from trueup.interfaces.report.splittext import render_shared, render_shared_written
    from trueup.interfaces.splitinput import read_distributions, type_tables, wheel_paths
    from trueup.judge.repoint import plan_onto
    from trueup.judge.sharing import plan_shared

    wheels = read_distributions(paths, watcher)
    if options.onto:
        folder = scratch / "onto"
        folder.mkdir()
        providers = read_distributions(wheel_paths(options.onto, places, folder), watcher)
        planned = plan_onto(wheels, providers, label=options.label)
    else:
        planned = plan_shared(
            wheels,
            options.libraries,
            abi=_abi(options.abi),
            owners=options.owners,
            types=type_tables(wheels, options.libraries),
            label=options.label,
        )
    if isinstance(planned, tuple):
        return refused(planned)
    check_executed(planned, unexecuted=options.unexecuted)
    if options.plan_only:
        click.echo(render_shared(planned, width=width_of(os.environ)), nl=False)
        return HOLDS
    written = write_shared(planned, options.output, watcher=watcher)
    if options.quiet:
        for one in written:
            click.echo(one.path)
    else:
        click.echo(render_shared_written(planned, written, width=width_of(os.environ)), nl=False)
    return HOLDS


def _abi(path: Path | None) -> AbiFile | None:
    from trueup.model.abi import parse_abi

    if path is None:
        path = Path(_ABI)
        if not path.is_file():
            return None
    try:
        return parse_abi(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}", place=(str(path),)) from error
    except TrueupError as error:
        raise error.within(str(path)) from error
