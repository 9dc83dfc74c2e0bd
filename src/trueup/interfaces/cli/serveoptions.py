"""The options of `trueup serve`, and which of them somebody really gave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

__all__ = ["given_options", "serve_options"]

_POLICIES = ("reject", "quarantine", "warn")
_KEYS = {"policy": "contradictions"}
"""Options that the file calls otherwise; all others have the same name there."""


def _option(*names: str, **more: Any) -> Callable[[Any], Any]:
    """An option that the environment may give as well: `--quiet-period` is
    `TRUEUP_SERVE_QUIET_PERIOD`.
    """
    long = max(names[0].split("/"), key=len).removeprefix("--").removeprefix("no-")
    variable = f"TRUEUP_SERVE_{long.replace('-', '_').upper()}"
    name = long.replace("-", "_")
    return click.option(name, *names, envvar=variable, **more)


_DATA = (
    _option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Settings in TOML (default: `serve.toml` in the data folder, if it is there); what "
        "the command line and `TRUEUP_SERVE_…` variables say wins.",
    ),
    _option(
        "--data",
        metavar="FOLDER",
        help="Where releases are kept (default: `trueup/index` in the user's data folder).",
    ),
    _option("--database", metavar="URL", help="`sqlite:///file` or `postgresql://…`."),
    _option("--blobs", metavar="WHERE", help="A folder, or `s3://bucket/prefix`."),
)

_INDEX = (
    _option(
        "--index",
        metavar="URL",
        multiple=True,
        help="The index behind this one; otherwise where pip and uv are set to look.",
    ),
    _option("--hosted-only", is_flag=True, help="No index behind this one."),
    _option(
        "--ledger",
        metavar="FILE",
        help="Patches of metadata (`patches.toml`), which the view `/ledger/simple/` applies.",
    ),
    _option(
        "--policy",
        type=click.Choice(_POLICIES),
        default=_POLICIES[0],
        show_default=True,
        help="What happens to a file that contradicts its release, if no `[[policy]]` of the file "
        "says otherwise.",
    ),
    _option(
        "--quiet-period",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        help="Publish a staged release after so long without an upload (default: only when "
        "`publish` is called).",
    ),
    _option(
        "--largest",
        type=click.IntRange(min=1),
        default=2,
        show_default=True,
        help="GiB that one file may have.",
    ),
)

_RUNNING = (
    _option("--host", default="127.0.0.1", show_default=True, help="Listen here."),
    _option(
        "--port",
        type=click.IntRange(0, 65535),
        default=8600,
        show_default=True,
        help="Listen on this port.",
    ),
    _option(
        "--workers",
        type=click.IntRange(1, 256),
        default=1,
        show_default=True,
        help="So many processes answer.",
    ),
    _option(
        "--patience",
        type=click.IntRange(0, 86_400),
        metavar="SECONDS",
        default=60,
        show_default=True,
        help="How long uploads and answers under way may still take when it is stopped.",
    ),
    _option(
        "--log",
        type=click.Choice(("changes", "requests", "none")),
        default="changes",
        show_default=True,
        help="What is logged: requests without those for pages in memory, or all.",
    ),
    _option(
        "--log-format",
        type=click.Choice(("auto", "text", "json")),
        default="auto",
        show_default=True,
        help="How lines of the log look; auto: text on a terminal, else JSON.",
    ),
    _option(
        "--metrics/--no-metrics",
        default=True,
        help="Numbers for Prometheus under `/metrics`, for this machine and tokens that may "
        "`metrics` (default: shown).",
    ),
    _option(
        "--sessions/--no-sessions",
        default=False,
        help="Releases may be uploaded in publishing sessions as well: PEP 694, a draft (default: "
        "they may not).",
    ),
)

_CHECKING = (
    click.option(
        "check_config",
        "--check-config",
        is_flag=True,
        help="Only say what would hold, and whether database, blobs and index are usable; nothing "
        "is changed.",
    ),
    click.option(
        "project",
        "--project",
        metavar="NAME",
        help="With --check-config: which policy holds for this project, and why.",
    ),
    click.option(
        "channel",
        "--channel",
        metavar="NAME",
        default="main",
        show_default=True,
        help="With --project: in this channel.",
    ),
)


def serve_options(function: Any) -> Any:
    """All options of the group, in the order in which its help shows them."""
    for option in reversed((*_DATA, *_INDEX, *_RUNNING, *_CHECKING)):
        function = option(function)
    return function


def given_options(context: click.Context) -> dict[str, object]:
    """What the command line or the environment gave, under the names of the file."""
    given: dict[str, object] = {}
    for name, value in context.params.items():
        source = context.get_parameter_source(name)
        if name in ("config", "check_config", "project", "channel"):
            continue
        if source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT):
            key = _KEYS.get(name, name.replace("_", "-"))
            given[key] = list(value) if isinstance(value, tuple) else value
    return given
