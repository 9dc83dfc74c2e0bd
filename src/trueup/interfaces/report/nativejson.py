"""What `trueup libs` says as JSON, in the documented shape ``trueup.native-report/1``."""

from __future__ import annotations

from typing import Any

import trueup
from trueup.interfaces.report.json import dumps, finding_value, totals
from trueup.interfaces.report.words import origin
from trueup.judge.duplicates import library_name_of, version_of
from trueup.judge.gpu import needed_for
from trueup.model.gpu import Gpu
from trueup.model.library import Distribution, Image, NativeFile
from trueup.model.loading import Closure
from trueup.model.metadata import Unreadable
from trueup.model.nativereport import Degree, Duplicate, LoadedMap, NativeReport, Scope

__all__ = ["NATIVE_SCHEMA", "render_native_json"]

NATIVE_SCHEMA = "trueup.native-report/1"
"""The name and version of the shape; a change that can break a reader raises the number."""


def render_native_json(report: NativeReport, *, gpu: Gpu | None = None) -> str:
    """The report as JSON text that ends with a line break; equal reports give equal bytes.

    ``gpu`` adds what this device loads.

    Symbols are counted, not listed. Described in `docs/reference/native-report-json.md`.
    """
    return dumps(
        {
            "schema": NATIVE_SCHEMA,
            "tool": {"name": "trueup", "version": trueup.__version__},
            "summary": {
                "distributions": len(report.distributions),
                "files": sum(len(item.files) for item in report.distributions),
                **totals(report.findings, known=0, failures=len(report.failures)),
                "duplicated": [
                    _wasted(report, scope, degree) for scope in Scope for degree in Degree
                ],
            },
            "distributions": [_distribution(item) for item in report.distributions],
            "environments": [_environment(loaded) for loaded in report.maps],
            "duplicates": [_duplicate(item) for item in report.duplicates],
            **({} if gpu is None else {"device": _device(report, gpu)}),
            "findings": [finding_value(finding) for finding in report.findings],
            "failures": [
                {"target": origin(target), "reason": reason} for target, reason in report.failures
            ],
        }
    )


def _device(report: NativeReport, gpu: Gpu) -> dict[str, Any]:
    files = [
        {
            "path": file.path,
            "needed": sum(code.size for code in needed_for(image.gpu, gpu)),
            "known": sum(code.size for code in image.gpu),
            "targets": sorted({code.target for code in needed_for(image.gpu, gpu)}),
        }
        for item in report.distributions
        for file in item.files
        for image in file.readable
        if image.gpu
    ]
    return {"name": str(gpu), "files": files}


def _wasted(report: NativeReport, scope: Scope, degree: Degree) -> dict[str, Any]:
    groups, disk, packed = report.wasted(scope, degree)
    return {
        "scope": scope.value,
        "degree": degree.value,
        "groups": groups,
        "bytes": disk,
        "bytes_packed": packed,
    }


def _distribution(item: Distribution) -> dict[str, Any]:
    return {
        "project": item.project,
        "version": str(item.version),
        "filename": item.filename,
        "size": item.size,
        "tags": sorted(map(str, item.tags)),
        "files": [_file(file) for file in item.files],
        "components": [
            {"name": one.name, "version": one.version, "purl": one.purl} for one in item.components
        ],
        "external": list(item.external),
        "notes": list(item.notes),
    }


def _file(file: NativeFile) -> dict[str, Any]:
    name = library_name_of(file)
    return {
        "path": file.path,
        "size": file.size,
        "packed": file.packed,
        "sha256": file.sha256 or None,
        "library": name.library,
        "version": version_of(file),
        "extension_modules": sorted({m for image in file.readable for m in image.modules}),
        "unreadable": file.images.reason if isinstance(file.images, Unreadable) else None,
        "images": [_image(image) for image in file.readable],
    }


def _image(image: Image) -> dict[str, Any]:
    return {
        "format": image.format.value,
        "machine": image.machine,
        "name": image.name,
        "needed": list(image.needed),
        "optional": sorted(image.optional),
        "rpath": list(image.rpath),
        "runpath": list(image.runpath),
        "exports": len(image.exports),
        "imports": len(image.imports),
        "needs_versions": [list(pair) for pair in image.needs_versions],
        "defines_versions": list(image.defines_versions),
        "build_id": image.build_id,
        "floor": None if image.floor is None else [image.floor[0], list(image.floor[1])],
        "padding": image.padding,
        "debug": image.debug,
        "symbol_table": image.symbols,
        "core": image.core,
        "says": [
            {"library": one.library, "what": one.what, "text": one.text} for one in image.witnesses
        ],
        "gpu": [
            {
                "vendor": one.vendor,
                "target": one.target,
                "kind": one.kind.value,
                "size": one.size,
                "module": one.module,
                "relocatable": one.relocatable,
            }
            for one in image.gpu
        ],
    }


def _environment(loaded: LoadedMap) -> dict[str, Any]:
    return {
        "label": loaded.layout.label,
        "distributions": [item.filename for item in loaded.layout.distributions],
        "closures": [_closure(closure) for closure in loaded.closures],
    }


def _closure(closure: Closure) -> dict[str, Any]:
    return {
        "entry": closure.entry,
        "machine": closure.machine,
        "order": list(closure.order),
        "links": [
            {
                "user": link.user,
                "wanted": link.wanted,
                "found": link.found.value,
                "path": link.path,
                "through": link.through,
                "owner": link.owner,
            }
            for link in closure.links
        ],
    }


def _duplicate(item: Duplicate) -> dict[str, Any]:
    return {
        "scope": item.scope.value,
        "degree": item.degree.value,
        "library": item.library,
        "where": item.where,
        "wasted": item.wasted,
        "wasted_packed": item.wasted_packed,
        "copies": [
            {
                "project": copy.project,
                "version": copy.version,
                "filename": copy.filename,
                "path": copy.path,
                "size": copy.size,
                "packed": copy.packed,
                "sha256": copy.sha256,
            }
            for copy in item.copies
        ],
    }
