"""Reports in every format: one function per format, each a pure function of the report."""

from __future__ import annotations

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
