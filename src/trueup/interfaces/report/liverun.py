"""What a process has loaded, compared with the map: as lines of text, and as values for JSON."""

from __future__ import annotations

from typing import Any

from trueup.interfaces.report.page import Page
from trueup.interfaces.report.words import count
from trueup.model.liverun import LiveRun

__all__ = ["live_value", "render_live_text"]


def render_live_text(run: LiveRun, sites: tuple[str, ...], *, colour: bool, width: int) -> str:
    """A heading, a line for each library, and what does not agree, as text with a line break at
    its end.
    """
    page = Page(colour=colour, width=max(width, 40), verbose=True)
    heading = f"Loaded by {run.python}, which imported {count(len(run.imported), 'module')}"
    lines = page.wrap(heading, "")
    for pool in run.pools:
        version = "" if pool.version is None else f" {pool.version}"
        threads = "" if pool.threads is None else f", {count(pool.threads, 'thread')}"
        agrees = "as the files say" if pool.path in run.expected else "not known from the files"
        text = f"{_short(pool.path, sites)}: {pool.internal_api}{version}{threads}; {agrees}"
        lines += page.wrap(text, "  ", "      ")
    for path in run.not_loaded:
        text = f"{_short(path, sites)}: not loaded, though the files say so"
        lines += page.wrap(text, "  ", "      ")
    for name, reason in run.refused:
        lines += page.wrap(f"`{name}` could not be imported: {reason}", "  ", "      ")
    if not run.pools and not run.expected:
        lines.append("  no BLAS and no OpenMP runtime, as the files say")
    return "\n".join(lines) + "\n"


def live_value(run: LiveRun) -> dict[str, Any]:
    """One run as the JSON report has it."""
    return {
        "python": run.python,
        "imported": list(run.imported),
        "refused": [{"module": name, "reason": reason} for name, reason in run.refused],
        "pools": [
            {
                "path": pool.path,
                "user_api": pool.user_api,
                "internal_api": pool.internal_api,
                "version": pool.version,
                "threads": pool.threads,
            }
            for pool in run.pools
        ],
        "confirmed": list(run.confirmed),
        "not_loaded": list(run.not_loaded),
        "not_expected": list(run.not_expected),
    }


def _short(path: str, sites: tuple[str, ...]) -> str:
    for site in sites:
        if path.startswith(f"{site}/"):
            return path[len(site) + 1 :]
    return path
