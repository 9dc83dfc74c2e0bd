"""`trueup serve` as those see it who run it: numbers, logs, several workers, and how it stops."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.build import make_wheel
from tests.desks import open_desk, page
from tests.index_server import IndexServer, Status
from tests.serving import Server, serving, trueup
from tests.waiting import until
from trueup.features.serve.desk import Desk
from trueup.features.serve.fsck import check_store
from trueup.interfaces.web.run import address_of, listen
from trueup.model.errors import UsageError

JSON = "application/vnd.pypi.simple.v1+json"
LINUX, WINDOWS = "py3-none-manylinux_2_17_x86_64", "py3-none-win_amd64"


def lines(log: Path) -> list[dict[str, Any]]:
    """The events that were logged, without what was said before."""
    found = [line for line in log.read_text().splitlines() if line.startswith("{")]
    return [json.loads(line) for line in found]


def numbers(server: Server) -> Mapping[str, float]:
    """All samples of `/metrics`, by name and labels, as a Prometheus reads them."""
    answer = server.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation
        for sample in family.samples:
            labels = ",".join(f"{key}={sample.labels[key]}" for key in sorted(sample.labels))
            found[f"{sample.name}[{labels}]" if labels else sample.name] = sample.value
    return found


# --- numbers and logs -------------------------------------------------------------------------------


def test_what_is_done_is_counted_and_logged_and_no_secret_is_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    (tmp_path / "dist").mkdir()
    wheel = make_wheel(tmp_path / "dist", "demo", "1.0", tags=LINUX, requires=["one"])
    other = make_wheel(tmp_path / "dist", "demo", "1.0", tags=WINDOWS, requires=["two"])
    with IndexServer() as upstream:
        public = make_wheel(tmp_path, "public", "1.0")
        upstream.add(public.name, public.read_bytes())
        behind = upstream.url.replace("://", "://somebody:hunter2@")
        with serving(tmp_path / "data", "--index", behind, cwd=tmp_path, log=log) as server:
            reader = trueup("serve", "--data", str(server.data), "token", "r", "--may", "metrics")
            assert server.upload(wheel).status_code == 200
            assert server.upload(wheel).status_code == 409
            assert server.upload(other).status_code == 400
            assert server.post("/api/demo/1.0/publish").status_code == 200
            for _ in range(5):
                assert server.json("demo") == [wheel.name]
            page = server.get("/simple/demo/", accept=JSON, x_request_id="ab-1")
            server.get("/simple/demo/", accept=JSON, if_none_match=page.headers["etag"])
            assert server.json("public") == [public.name]
            upstream.fault("/away/", Status(403))
            asked = server.get("/simple/away/", x_request_id="from-a-proxy-7")
            assert (asked.status_code, asked.headers["x-request-id"]) == (502, "from-a-proxy-7")
            hostile = 'a"b\\u001b trueup-0123456789abcdefXYZ'
            server.get(f"/nowhere/{server.token[7:]}?token={server.token}", user_agent=hostile)
            assert (
                server.get("/health", x_request_id="no good").headers["x-request-id"] != "no good"
            )

            found = numbers(server)
            _who_may_read_them(server, reader)
    for name, value in {
        "trueup_pages_total[origin=memory]": 6,
        "trueup_pages_total[origin=made]": 2,
        "trueup_requests_total[method=GET,route=/simple/{project}/,status=200,view=faithful]": 7,
        "trueup_requests_total[method=GET,route=/simple/{project}/,status=304,view=faithful]": 1,
        "trueup_requests_total[method=GET,route=/simple/{project}/,status=502,view=faithful]": 1,
        "trueup_requests_total[method=GET,route=,status=404,view=]": 1,
        "trueup_uploads_total[outcome=staged]": 1,
        "trueup_uploads_total[outcome=there]": 1,
        "trueup_uploads_total[outcome=refused]": 1,
        "trueup_publications_total[outcome=published]": 1,
        "trueup_upstream_requests_total[kind=page]": 2,
        "trueup_upstream_failures_total[kind=page]": 1,
        "trueup_releases[state=published]": 1,
        "trueup_releases[state=staged]": 0,
        "trueup_file_bytes": wheel.stat().st_size,
        "trueup_store_errors_total[part=database]": 0,
        "trueup_store_up": 1,
    }.items():
        assert found.get(name) == value, (name, sorted(found))
    assert found["trueup_request_seconds_count[route=/legacy/]"] == 3
    assert found["trueup_request_seconds_bucket[le=+Inf,route=/legacy/]"] == 3
    assert found["trueup_received_bytes_total[route=/legacy/]"] > wheel.stat().st_size
    assert found["trueup_sent_bytes_total[route=/simple/{project}/]"] > 6 * 200
    _as_it_was_logged(log, server.token, reader)


def _who_may_read_them(server: Server, reader: str) -> None:
    far = {"x_forwarded_for": "192.0.2.1"}
    assert server.get("/metrics", **far).status_code == 401
    assert server.get("/metrics", authorization=f"Bearer {server.token}", **far).status_code == 403
    answer = server.get("/metrics", authorization=f"Bearer {reader}", **far)
    assert answer.status_code == 200


def _as_it_was_logged(log: Path, *tokens: str) -> None:
    found = lines(log)
    text = log.read_text()
    for secret in (*tokens, *(token[7:] for token in tokens), "hunter2", "0123456789abcdefXYZ"):
        assert secret not in text
    assert "\x1b" not in text
    requests = [one for one in found if one["event"] == "request"]
    uploads = [one for one in requests if one.get("route") == "/legacy/"]
    assert [(one["status"], one["who"]) for one in uploads] == [
        (s, "tests") for s in (200, 409, 400)
    ]
    assert "Requires-Dist" in uploads[2]["error"]
    assert all(one["received"] > 500 and one["seconds"] > 0 for one in uploads)
    # Of the pages, only those that were made.
    pages = [one for one in requests if one.get("project") == "demo" and one["method"] == "GET"]
    assert len(pages) == 1
    assert pages[0]["agent"].startswith("python-httpx2/")
    away = next(one for one in requests if one.get("project") == "away")
    assert (away["id"], away["status"]) == ("from-a-proxy-7", 502)
    failed = next(one for one in found if one["event"] == "upstream")
    assert (failed["kind"], failed["what"]) == ("page", "away")
    assert "403" in failed["error"]
    lost = next(one for one in requests if one["status"] == 404)
    assert lost["path"] == "/nowhere/…"
    assert lost["agent"] == 'a"b\\u001b ****'
    writes = [
        (one["action"], one["who"], one["version"]) for one in found if one["event"] == "write"
    ]
    assert writes == [("upload", "tests", "1.0"), ("publish", "tests", "1.0")]


def test_every_request_is_logged_if_that_is_wanted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    data = tmp_path / "data"
    options = ("--hosted-only", "--log", "requests", "--log-format", "text", "--no-metrics")
    with serving(data, *options, cwd=tmp_path, log=log) as server:
        server.upload(make_wheel(tmp_path, "demo", "1.0"))
        server.post("/api/demo/1.0/publish")
        for number in range(4):
            answer = server.get("/simple/demo/", accept=JSON, x_request_id=f"n{number}")
            assert answer.headers["x-request-id"] == f"n{number}"
        assert server.get("/metrics").status_code == 404
        # There is no terminal that could hang up.
        server.process.send_signal(signal.SIGHUP)
        server.get("/simple/demo/%0a%1b[2J%c2%9b")
    text = log.read_text()
    assert text.count(" GET /simple/demo/ 200 ") == 4
    assert " tests upload demo 1.0 demo-1.0-py3-none-any.whl main sha256 " in text
    assert r" GET /simple/demo/\n\x1b[2J\x9b 404 " in text
    assert not {"\x1b", "\x9b"} & set(text)


# --- several workers, and the end -------------------------------------------------------------------


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Server]:
    options = ("--hosted-only", "--workers", "2", "--quiet-period", "0.5", "--log", "requests")
    with serving(tmp_path / "data", *options, cwd=tmp_path, log=tmp_path / "log") as server:
        yield server


def answering(log: Path) -> list[int]:
    return [one["worker"] for one in lines(log) if one["event"] == "request"]


def both(server: Server, log: Path, gone: int = 0) -> set[int]:
    """The processes that answer, once two of them do."""

    def two() -> bool:
        server.get("/health")
        return len(set(answering(log)[-20:]) - {gone}) == 2

    until(two)
    return set(answering(log)[-20:]) - {gone}


def test_several_workers_are_one_index(workers: Server, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = both(workers, log)
    wheel = make_wheel(tmp_path, "demo", "1.0")
    assert workers.upload(wheel).status_code == 200
    # Both of them see it, soon after one does.
    until(lambda: all(workers.get("/simple/demo/").status_code == 200 for _ in range(12)))
    for _ in range(20):
        assert workers.json("demo") == [wheel.name]
    # Published once, by one of them.
    written = [one for one in lines(log) if one["event"] == "write"]
    assert [(one["action"], one["who"]) for one in written] == [
        ("upload", "tests"),
        ("publish", "quiet period"),
    ]
    before = numbers(workers)["trueup_pages_total[origin=memory]"]
    dead = min(first)
    os.kill(dead, signal.SIGKILL)
    second = both(workers, log, gone=dead)
    assert len(second & first) == 1
    after = numbers(workers)
    assert after["trueup_pages_total[origin=memory]"] >= before, "what the dead one counted stays"
    assert after["trueup_uploads_total[outcome=staged]"] == 1
    os.kill(workers.process.pid, signal.SIGHUP)
    assert workers.get("/health").status_code == 200
    # Workers whose parent is gone do not stay: they would hold the address.
    workers.process.kill()
    until(lambda: not any(_runs(number) for number in second))


def _runs(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("count", ["1", "2"])
def test_an_upload_under_way_is_finished_before_it_stops(tmp_path: Path, count: str) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    sent = threading.Event()
    options = ("--hosted-only", "--workers", count, "--log", "none")
    log = tmp_path / "log"
    with serving(tmp_path / "data", *options, cwd=tmp_path, log=log) as server:
        body = httpx2.Request(
            "POST",
            f"{server.url}/legacy/",
            data={":action": "file_upload"},
            files={"content": (wheel.name, wheel.read_bytes())},
        )
        whole = body.read()

        def slowly() -> Iterator[bytes]:
            yield whole[:200]
            sent.set()
            time.sleep(0.4)
            yield whole[200:]

        answers: list[httpx2.Response] = []

        def upload() -> None:
            headers = {"content-type": body.headers["content-type"]}
            auth = ("__token__", server.token)
            answers.append(
                httpx2.post(
                    f"{server.url}/legacy/",
                    content=slowly(),
                    headers=headers,
                    auth=auth,
                    timeout=30,
                )
            )

        thread = threading.Thread(target=upload)
        thread.start()
        assert sent.wait(10)
        server.process.terminate()
        thread.join()
        assert server.process.wait(20) == 0
        assert answers[0].status_code == 200
        with pytest.raises(httpx2.ConnectError):
            server.get("/health")
        unfinished = [path.name for path in (tmp_path / "data").rglob("by-*/*")]
        assert unfinished == []
        assert log.read_text().count("\n") == 1, "where it listens, and nothing else"
    with open_desk(tmp_path / "data") as desk:
        (release,) = desk.store.releases("main", state=None)
        assert [file.filename for file in release.files] == [wheel.name]


def no_desk() -> Desk:
    """What a worker is started with that cannot start."""
    raise UsageError("there is no index here")


def test_workers_that_cannot_start_are_not_started_over_and_over() -> None:
    code = (
        "from tests.real.test_serve_operation import no_desk\n"
        "from trueup.interfaces.web.run import Running, listen, run\n"
        "run(no_desk, Running(largest=1, workers=2), listen('127.0.0.1', 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert "a worker could not start" in done.stderr
    assert "there is no index here" in done.stderr


def test_an_address_that_is_taken_is_said_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AssertionError, match=f"cannot listen on `127.0.0.1:{port}`") as said:
            trueup("serve", "--data", str(tmp_path), "--hosted-only", "--port", str(port))
        assert "listening on http" not in str(said.value), "it says so when it does"


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_the_address_is_the_one_that_it_took(host: str, shown: str) -> None:
    try:
        listener = listen(host, 0)
    except UsageError:
        pytest.skip(f"there is no {host} on this machine")
    with listener:
        assert address_of(listener) == f"http://{shown}:{listener.getsockname()[1]}/"


# --- backup and restore -----------------------------------------------------------------------------


def run_alone(*arguments: str) -> subprocess.Popen[bytes]:
    code = "from trueup.interfaces.cli.main import main; import sys; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


class Uploader(threading.Thread):
    """Uploads and publishes releases of two files until it is told to stop."""

    def __init__(self, server: Server, folder: Path, name: str) -> None:
        super().__init__()
        self._server, self._folder, self._name = server, folder, name
        self.stop = threading.Event()
        self.published: list[str] = []

    def run(self) -> None:
        while not self.stop.is_set():
            name = f"{self._name}{len(self.published)}"
            for tag in (LINUX, WINDOWS):
                path = make_wheel(self._folder, name, "1.0", tags=tag, requires=[tag[4]])
                assert self._server.upload(path).status_code == 200
            assert self._server.post(f"/api/{name}/1.0/publish").status_code == 200
            self.published.append(name)


def pages(server: Server, names: Sequence[str]) -> dict[str, list[bytes]]:
    views = ("/simple", "/corrected/simple")
    return {
        name: [server.get(f"{view}/{name}/", accept=JSON).content for view in views]
        for name in names
    }


def test_a_backup_under_uploads_becomes_an_index_again(tmp_path: Path) -> None:
    one, backup = tmp_path / "one", tmp_path / "backup"
    (tmp_path / "dist").mkdir()
    take = ("serve", "--data", str(one), "--hosted-only", "backup", str(backup))
    with serving(one, "--hosted-only", "--policy", "warn", cwd=tmp_path) as server:
        uploaders = [Uploader(server, tmp_path / "dist", name) for name in ("a", "b")]
        for uploader in uploaders:
            uploader.start()
        until(lambda: all(uploader.published for uploader in uploaders))
        early = [name for uploader in uploaders for name in uploader.published]
        assert "files, " in trueup(*take)
        _killed_at_any_moment(take, backup)
        for uploader in uploaders:
            uploader.stop.set()
            uploader.join()
        shown = pages(server, early)
    two = tmp_path / "two"
    again = trueup("serve", "--data", str(two), "--hosted-only", "restore", str(backup))
    assert again.endswith("; 0 files lost")
    with open_desk(two) as desk:
        assert {
            name: [page(desk, name, corrected=view) for view in (False, True)] for name in early
        } == shown
        listed = desk.store.projects("main")
        assert len(listed) >= len(early)
        for name in listed:
            files = json.loads(page(desk, name))["files"]
            assert len(files) == 2, "no release is restored in part"
        assert check_store(desk.store, desk.blobs) == ((), (), (), (), 0)


def _killed_at_any_moment(take: Sequence[str], backup: Path) -> None:
    """Backups that are killed leave the one before, and what they leave behind does no harm."""
    before = (backup / "backup.json").read_bytes()
    process = run_alone(*take)
    scratch = backup / "blobs" / "incoming"
    until(lambda: any(scratch.glob("by-*/index-*")) or process.poll() is not None)
    process.kill()
    _, said = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), said
    after = json.loads((backup / "backup.json").read_bytes())
    for kind in ("database", "files"):
        digest = hashlib.sha256((backup / after[kind]).read_bytes()).hexdigest()
        assert digest == after[f"{kind}_sha256"]
    if process.returncode:
        assert (backup / "backup.json").read_bytes() == before
