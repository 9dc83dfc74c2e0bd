"""What `trueup env` says of an environment as JSON, in the documented shape ``trueup.env-report/1``."""

from __future__ import annotations

import json
from typing import Any

import trueup
from trueup.interfaces.report.cachedbuilds import build_value
from trueup.interfaces.report.json import dumps, finding_value, totals
from trueup.interfaces.report.liverun import live_value
from trueup.interfaces.report.nativejson import render_native_json
from trueup.model.installed import DirectUrl, InstalledDistribution, Rows
from trueup.model.installedreport import InstalledReport, Origin
from trueup.model.liverun import LiveRun
from trueup.model.metadata import Unreadable
from trueup.model.nativereport import NativeReport

__all__ = ["ENV_SCHEMA", "render_installed_json"]

ENV_SCHEMA = "trueup.env-report/1"
"""The name and version of the shape; a change that can break a reader raises the number."""


def render_installed_json(
    report: InstalledReport, native: NativeReport | None = None, live: LiveRun | None = None
) -> str:
    """The report as JSON text that ends with a line break, keys in a fixed order.

    ``native`` is what `libs` says of the same environment, and stands in its own shape;
    ``live`` is what a process of it has loaded.
    """
    environment, runtime = report.environment, report.environment.runtime
    document: dict[str, Any] = {
        "schema": ENV_SCHEMA,
        "tool": {"name": "trueup", "version": trueup.__version__},
        "summary": totals(report.findings, known=report.known, failures=len(report.failures)),
        "environment": {
            "where": environment.where,
            "sites": list(environment.sites),
            "markers": dict(runtime.environment),
            "known_by": runtime.known_by,
            "deep": environment.deep,
            "lock": report.lock,
        },
        "distributions": [_distribution(one, report) for one in environment.distributions],
        "wheel_cache": None
        if report.builds is None
        else [build_value(one, runtime) for one in report.builds],
        "findings": [finding_value(finding) for finding in report.findings],
        "failures": [{"target": what, "reason": reason} for what, reason in report.failures],
    }
    if native is not None:
        document["native"] = json.loads(render_native_json(native))
    if live is not None:
        document["live"] = live_value(live)
    return dumps(document)


def _distribution(one: InstalledDistribution, report: InstalledReport) -> dict[str, Any]:
    origin = next((item for item in report.origins if item.distribution is one), None)
    url = one.direct_url
    return {
        "project": one.project,
        "version": one.written_version,
        "layout": one.layout.value,
        "site": one.site,
        "folder": one.folder,
        "shadowed": one.shadowed,
        "installer": one.installer,
        "requested": one.requested,
        "owner": one.owner,
        "tags": sorted(map(str, one.tags)),
        "files": len(one.record) if isinstance(one.record, Rows) else None,
        "faults": [{"file": path, "state": state.value} for path, state in one.faults],
        "unreadable": one.metadata.reason if isinstance(one.metadata, Unreadable) else None,
        "direct_url": {"url": url.url, "editable": url.editable, "commit": url.commit}
        if isinstance(url, DirectUrl)
        else None,
        "origin": None if origin is None else _origin(origin),
    }


def _origin(origin: Origin) -> dict[str, Any]:
    return {
        "kind": origin.kind.value,
        "known_by": origin.known_by,
        "filename": origin.filename,
        "changed": [
            {"field": field, "published": list(published), "installed": list(installed)}
            for field, published, installed in origin.changed
        ],
        "explained": list(origin.explained),
    }
