"""Reports in every format: one function per format, each a pure function of the report."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trueup.interfaces.report.github import render_github, render_step_summary
    from trueup.interfaces.report.html import render_html
    from trueup.interfaces.report.json import render_json
    from trueup.interfaces.report.sarif import render_sarif
    from trueup.interfaces.report.text import render_text

__all__ = [
    "render_github",
    "render_html",
    "render_json",
    "render_sarif",
    "render_step_summary",
    "render_text",
]

_MODULES = {
    "render_github": "github",
    "render_html": "html",
    "render_json": "json",
    "render_sarif": "sarif",
    "render_step_summary": "github",
    "render_text": "text",
}


def __getattr__(name: str) -> Any:
    # A verb needs one format of one report, and starting must stay quick (PEP 562).
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
