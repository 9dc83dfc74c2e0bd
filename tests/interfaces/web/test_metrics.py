"""The numbers are those that the reference names, and none of them grows with what readers ask for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from starlette.requests import Request

from tests.desks import open_desk
from trueup.features.serve.watch import asking
from trueup.interfaces.web.metrics import CountedBlobs, Metrics, _is_here
from trueup.interfaces.web.watched import Exchange, Tally
from trueup.model.errors import NotFoundError, SourceError
from trueup.sources.store.failures import StoreError

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "serve-metrics.md"


def exchange(**fields: object) -> Exchange:
    values: dict[str, object] = {
        "id": "1", "method": "GET", "path": "/x", "client": None, "agent": "", "status": 200,
        "route": "/health", "seconds": 0.1, "sent": 5, "received": 7,
    }  # fmt: skip
    return Exchange(**(values | fields))  # type: ignore[arg-type]


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, *(sample.labels[key] for key in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_reference_names_them_all(tmp_path: Path) -> None:
    with open_desk(tmp_path) as desk:
        metrics = Metrics(desk, Tally())
        metrics.exchange(exchange())
        metrics.page("made")
        metrics.asked("page", "demo", 0.1, SourceError("x"))
        metrics.uploaded("staged")
        metrics.published("published")
        found = {}
        for family in text_string_to_metric_families(metrics.text().decode()):
            if not family.name.startswith("process_"):
                name = family.name + ("_total" if family.type == "counter" else "")
                labels = {key for sample in family.samples for key in sample.labels} - {"le"}
                found[name] = (family.type, frozenset(labels))
    table = re.findall(r"^\| `(trueup_\w+)` \| (\w+) \|([^|]*)\|", REFERENCE.read_text(), re.M)
    assert found == {
        name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in table
    }


def test_what_was_sent_from_memory_is_counted_once(tmp_path: Path) -> None:
    tally = Tally()
    with open_desk(tmp_path) as desk:
        metrics = Metrics(desk, tally)
        for _ in range(3):
            tally.add("mpi", "/corrected", 10)
        metrics.collect()
        tally.add("mpi", "/corrected", 0)
        metrics.collect()
        found = samples(metrics)
    route = "/c/{channel}/corrected/simple/{project}/"
    assert found["trueup_requests_total", "GET", route, "200", "corrected"] == 3
    assert found["trueup_requests_total", "GET", route, "304", "corrected"] == 1
    assert found["trueup_sent_bytes_total", route] == 30
    assert found["trueup_pages_total", "memory"] == 4


def test_methods_that_nobody_knows_are_one(tmp_path: Path) -> None:
    with open_desk(tmp_path) as desk:
        metrics = Metrics(desk, Tally())
        for method in ("BREW", "WHEN", "X" * 99):
            metrics.exchange(exchange(method=method, route=""))
        assert samples(metrics)["trueup_requests_total", "other", "", "200", ""] == 3


def test_what_is_not_there_upstream_is_no_failure(tmp_path: Path) -> None:
    with open_desk(tmp_path) as desk:
        metrics = Metrics(desk, Tally())
        for error in (NotFoundError("no"), SourceError("away")):
            with pytest.raises(SourceError), asking(metrics, "page", "demo"):
                raise error
        found = samples(metrics)
    assert found["trueup_upstream_requests_total", "page"] == 2
    assert found["trueup_upstream_failures_total", "page"] == 1
    assert found["trueup_upstream_seconds_count", "page"] == 2


def test_a_store_that_is_away_is_told_and_counted(tmp_path: Path) -> None:
    with open_desk(tmp_path) as desk:
        metrics = Metrics(desk, Tally())
        desk.blobs = CountedBlobs(desk.blobs, metrics.blobs_failed)
        path = desk.blobs.path("0" * 64)
        assert path is not None
        path.mkdir(parents=True)
        with pytest.raises(StoreError):
            list(desk.blobs.read("0" * 64, 0, 1))
        with desk.store.engine.begin() as connection:
            connection.execute(text("DROP TABLE derived"))
        found = samples(metrics)
        assert found["trueup_store_up",] == 0
        assert ("trueup_files",) not in found
        assert found["trueup_store_errors_total", "blobs"] == 1
        assert samples(metrics)["trueup_store_errors_total", "database"] >= 1


@pytest.mark.parametrize(
    ("client", "headers", "here"),
    [
        ("127.0.0.1", {}, True),
        ("127.8.8.8", {}, True),
        ("::1", {}, True),
        (None, {}, True),
        ("192.0.2.1", {}, False),
        ("testclient", {}, False),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.1"}, False),
        ("127.0.0.1", {"forwarded": "for=192.0.2.1"}, False),
        ("127.0.0.1", {"via": "1.1 proxy"}, False),
    ],
)
def test_who_asks_from_this_machine(
    client: str | None, headers: dict[str, str], here: bool
) -> None:
    scope = {
        "type": "http",
        "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
        "client": None if client is None else (client, 1),
    }
    assert _is_here(Request(scope)) == here
