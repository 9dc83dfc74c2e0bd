"""Charts of a survey, drawn by Vega-Lite into SVG: they need no script, and no network.

Axes and words take the colour of the page, so that they can be read in the dark as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from trueup.features.survey.ask import Answer
from trueup.features.survey.report import SurveyReport
from trueup.model.errors import UsageError

__all__ = ["charts"]

_CLASSES = ("identical", "uniform", "mergeable", "irreconcilable", "unknown")
_COLOURS = ("#4c9a6a", "#8fbf6f", "#e0a030", "#d0453c", "#8a8f9c")
"""Beside each other they differ in lightness, too."""
_INK = "currentColor"
_CONFIG = {
    "background": None,
    # Letters are measured in another font than the reader's: they may be wider.
    "padding": {"left": 40, "right": 40, "top": 5, "bottom": 5},
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _INK,
        "titleColor": _INK,
        "domainColor": _INK,
        "tickColor": _INK,
        "gridColor": _INK,
        "gridOpacity": 0.15,
        "labelLimit": 260,
    },
    "legend": {"labelColor": _INK, "titleColor": _INK, "orient": "bottom"},
}


def charts(report: SurveyReport) -> Mapping[str, str]:
    """SVG by the name of the question that it answers, for those that have rows."""
    drawn: dict[str, str] = {}
    for name, draw in (
        ("classes", _classes),
        ("by_year", lambda answer: _shares(answer, "year", "first upload")),
        ("by_wheels", lambda answer: _shares(answer, "wheels", "wheels in the release")),
        ("by_backend", lambda answer: _shares(answer, "backend", "build backend")),
        ("apart_by", lambda answer: _counts(answer, "axis", "what tells them apart")),
        ("fields", lambda answer: _counts(answer, "field", "field")),
        ("requests", _requests),
    ):
        answer = report.answer(name)
        if answer.rows:
            drawn[name] = _svg(draw(answer))
    return drawn


def _svg(spec: Mapping[str, Any]) -> str:
    try:
        from vl_convert import vegalite_to_svg
    except ModuleNotFoundError as error:
        raise UsageError(
            "charts need the extra `survey`", hint="install it with `pip install 'trueup[survey]'`"
        ) from error
    text: str = vegalite_to_svg(json.dumps({**spec, "config": _CONFIG}), vl_version="v5.20")
    return text


def _data(answer: Answer) -> Mapping[str, Any]:
    return {"values": [{**one} for one in answer.records()]}


def _colour(present: Sequence[object]) -> Mapping[str, Any]:
    shown = [name for name in _CLASSES if name in present]
    return {
        "field": "class",
        "type": "nominal",
        "sort": shown,
        "title": None,
        "scale": {"domain": shown, "range": [_COLOURS[_CLASSES.index(name)] for name in shown]},
    }


def _classes(answer: Answer) -> Mapping[str, Any]:
    records = [one for one in answer.records() if one["share"] is not None]
    return {
        "data": {"values": records},
        "width": 640,
        "height": {"step": 26},
        "description": "Audited releases by class",
        "encoding": {
            "y": {"field": "class", "type": "nominal", "sort": list(_CLASSES), "title": None},
            "x": {"field": "releases", "type": "quantitative", "title": "releases",
                  "scale": {"type": "symlog"},
                  "axis": {"labelOverlap": True, "tickCount": 5}},
        },
        "layer": [
            {"mark": "bar",
             "encoding": {"color": {**_colour([one["class"] for one in records]), "legend": None}}},
            {"mark": {"type": "text", "align": "left", "dx": 4, "color": _INK},
             "encoding": {"text": {"field": "share", "format": ".2%"}}},
        ],
    }  # fmt: skip


def _shares(answer: Answer, field: str, title: str) -> Mapping[str, Any]:
    order = list(dict.fromkeys(one[field] for one in answer.records()))
    return {
        "data": _data(answer),
        "width": 640,
        "height": 220,
        "description": f"Share of each class by {title}",
        "mark": "bar",
        "encoding": {
            "x": {"field": field, "type": "ordinal", "sort": order, "title": title,
                  "axis": {"labelAngle": 0 if len(order) < 9 else -40}},
            "y": {"field": "releases", "type": "quantitative", "stack": "normalize",
                  "title": "share of audited releases", "axis": {"format": "%"}},
            "color": _colour([one["class"] for one in answer.records()]),
            "order": {"field": "class", "sort": "ascending"},
        },
    }  # fmt: skip


def _counts(answer: Answer, field: str, title: str) -> Mapping[str, Any]:
    return {
        "data": _data(answer),
        "width": 640,
        "height": {"step": 26},
        "description": f"Differing releases by {title}",
        "encoding": {
            "y": {"field": field, "type": "nominal", "sort": "-x", "title": None},
            "x": {"field": "releases", "type": "quantitative", "title": "differing releases"},
        },
        "layer": [
            {"mark": {"type": "bar", "color": _COLOURS[2]}},
            {"mark": {"type": "text", "align": "left", "dx": 4, "color": _INK},
             "encoding": {"text": {"field": "releases", "format": ",d"}}},
        ],
    }  # fmt: skip


def _requests(answer: Answer) -> Mapping[str, Any]:
    (record,) = answer.records()
    values = [
        {"how": "every wheel", "requests": record["every_wheel"] or 0},
        {"how": "every distinct metadata file", "requests": record["every_text"] or 0},
        {"how": "one per release", "requests": record["releases"]},
    ]
    return {
        "data": {"values": values},
        "width": 640,
        "height": {"step": 26},
        "description": "Requests to read the metadata of all releases with wheels",
        "encoding": {
            "y": {"field": "how", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "requests", "type": "quantitative", "title": "requests"},
        },
        "layer": [
            {"mark": {"type": "bar", "color": "#5b7fbf"}},
            {"mark": {"type": "text", "align": "left", "dx": 4, "color": _INK},
             "encoding": {"text": {"field": "requests", "format": ",d"}}},
        ],
    }  # fmt: skip
