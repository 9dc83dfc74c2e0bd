"""Commands to copy: how pip, uv, Poetry and PDM install a project from a view."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

__all__ = ["Commands", "base_of", "commands"]

_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?", re.ASCII)
_OWN = re.compile(r"localhost|127\.[0-9.]+|\[::1\]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """A view with the address of its pages, and a command for each tool."""

    view: str
    means: str
    address: str
    lines: Sequence[tuple[str, str]]


def base_of(request: Request) -> str:
    """How the visitor reached this server, without a `/` at the end: what others may copy.

    A host that is none is not repeated: the text lands in a shell.
    """
    url = request.base_url
    return f"{url.scheme}://{url.netloc}" if _HOST.fullmatch(url.netloc) else "http://HOST"


def commands(base: str, channel: str | None, project: str) -> tuple[Commands, ...]:
    """For both views of the main channel (None), or of another."""
    prefix = "" if channel is None else f"/c/{channel}"
    corrected = f"{base}{prefix}/corrected/simple/"
    faithful = f"{base}{prefix}/simple/"
    return (
        Commands(
            view="corrected",
            means="one metadata for all wheels of a release: what uv, Poetry and PDM need",
            address=corrected,
            lines=_lines(base, corrected, project),
        ),
        Commands(
            view="faithful",
            means="the files as they were uploaded",
            address=faithful,
            lines=_lines(base, faithful, project),
        ),
    )


def _lines(base: str, address: str, project: str) -> Sequence[tuple[str, str]]:
    scheme, _, host = base.partition("://")
    # pip takes nothing unencrypted from another machine unless it is told to.
    bare = scheme == "http" and _OWN.match(host) is None
    trusted = f" --trusted-host {host}" if bare else ""
    return (
        ("pip", f"pip install --index-url {address}{trusted} {project}"),
        ("uv", f"uv add --default-index {address} {project}"),
        ("Poetry", f"poetry source add own {address}\npoetry add --source own {project}"),
        ("PDM", f"pdm config --local pypi.url {address}\npdm add {project}"),
    )
