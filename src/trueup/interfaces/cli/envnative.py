"""`env --native` and `--run`: what loads which library, by the files and in a process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.model.errors import UsageError

if TYPE_CHECKING:
    from trueup.model.liverun import LiveRun
    from trueup.model.nativereport import NativeReport
    from trueup.sources.place import Place

__all__ = ["live_run", "native_report"]


def native_report(place: Place) -> NativeReport:
    """What `libs` says of the same folders; raises UsageError without the extra `native`."""
    try:
        from trueup.features.libs import libs
        from trueup.sources.nativeinstalled import read_installed
    except ModuleNotFoundError as error:
        raise UsageError(
            "`--native` needs the extra `native`",
            hint="install it with `pip install 'trueup[native]'`",
        ) from error
    from trueup.model.loading import Layout

    found = [one for site in place.sites for one in read_installed(site)]
    layout = Layout(label=place.where, distributions=tuple(found))
    return libs(found, layouts=[layout])


def live_run(native: NativeReport, place: Place, python: str | None) -> LiveRun:
    """What a process of this Python loads of that; the only part that runs code of it.

    ``python`` is the interpreter or the folder that was asked for. Raises UsageError where there is
    none, TrueupError for a run that fails.
    """
    from trueup.judge.probes import probes_of
    from trueup.sources.liverun import python_of, run_probes

    if python is None:
        raise UsageError(
            "`--run` needs the Python of the environment", hint="name it with `--python`"
        )
    probes = [probe for loaded in native.maps for probe in probes_of(loaded)]
    return run_probes(python_of(Path(python)), probes, place.sites, os.environ)
