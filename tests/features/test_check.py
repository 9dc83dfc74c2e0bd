"""`check` between its two interfaces: recorded releases in memory, a report comes out."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import ClassVar

import pytest
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests import corpus
from trueup.features.check import Wanted, check
from trueup.judge.fingerprint import fingerprint
from trueup.judge.rule import RuleSettings
from trueup.model.artifact import Artifact
from trueup.model.errors import NotFoundError, SourceError, UsageError
from trueup.model.finding import ReleaseClass, Severity
from trueup.model.release import Reading, Release
from trueup.model.target import parse_targets
from trueup.model.watcher import Watcher
from trueup.sources.source import Listing


class Recorded:
    """A source of recorded releases, in memory; counts what it is asked."""

    def __init__(self, *names: str) -> None:
        self._releases: dict[NormalizedName, list[Release]] = {}
        for name in names:
            release = corpus.release(name)
            self._releases.setdefault(release.project, []).append(release)
        self.deep: list[bool] = []

    def listing(self, project: NormalizedName) -> Listing:
        if project not in self._releases:
            raise NotFoundError("does not have it", hint="look elsewhere", place=(str(project),))
        releases = self._releases[project]
        return Listing(
            project=project,
            files=tuple(file.artifact for release in releases for file in release.files),
            origin=corpus.INDEX,
        )

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        self.deep.append(deep)
        for releases in self._releases.values():
            for release in releases:
                for file in release.files:
                    if file.artifact.filename == artifact.filename:
                        return file.reading
        raise SourceError("no such file")


class Dead(Recorded):
    """A source that stops to answer."""

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        raise SourceError("does not answer", place=("https://index.test/",))


class Counting(Watcher):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.expected = 0
        self.finished = 0

    def expect(self, count: int) -> None:
        with self._lock:
            self.expected += count

    def done(self, what: str) -> None:
        with self._lock:
            self.finished += 1


def wanted(source: Recorded, text: str) -> Wanted:
    name, _, version = text.partition("==")
    return Wanted(
        source=source,
        project=canonicalize_name(name),
        version=Version(version) if version else None,
        asked=text,
    )


def test_one_release() -> None:
    source = Recorded("nmslib-2.1.1")
    report = check([wanted(source, "nmslib==2.1.1")])
    assert [release.project for release in report.releases] == ["nmslib"]
    assert report.releases[0].release_class is ReleaseClass.MERGEABLE
    assert report.releases[0].merged is not None
    assert report.worst() is Severity.ERROR
    assert report.failures == ()
    assert set(source.deep) == {False}


def test_no_version_means_the_newest() -> None:
    source = Recorded("six-1.16.0", "six-1.17.0")
    report = check([wanted(source, "six")])
    assert [release.version for release in report.releases] == ["1.17.0"]


@pytest.mark.parametrize("jobs", [1, 4])
def test_many_in_the_order_asked_each_once(jobs: int) -> None:
    source = Recorded("six-1.16.0", "six-1.17.0", "flask-3.1.3", "requests-2.34.2")
    texts = ["six==1.17.0", "flask==3.1.3", "six==1.16.0", "requests", "flask==3.1.3"]
    watcher = Counting()
    report = check([wanted(source, text) for text in texts], jobs=jobs, watcher=watcher)
    assert [(release.project, release.version) for release in report.releases] == [
        ("six", "1.17.0"),
        ("flask", "3.1.3"),
        ("six", "1.16.0"),
        ("requests", "2.34.2"),
    ]
    assert watcher.expected == watcher.finished > 0


def test_what_cannot_be_gathered_does_not_stop_the_others() -> None:
    source, dead = Recorded("six-1.17.0"), Dead("flask-3.1.3")
    report = check(
        [
            wanted(source, "nonesuch==1.0"),
            wanted(source, "six==0.1"),
            wanted(dead, "flask"),
            wanted(source, "six"),
        ]
    )
    assert [release.project for release in report.releases] == ["six"]
    assert report.failures == (
        ("nonesuch==1.0", "`nonesuch`: does not have it; look elsewhere"),
        (
            "six==0.1",
            "`six`: `https://index.test/simple/`: has no version `0.1`; its only version is 1.17.0",
        ),
        ("flask", "`https://index.test/`: does not answer"),
    )


def test_deep_reaches_the_source() -> None:
    source = Recorded("six-1.17.0")
    check([wanted(source, "six")], deep=True)
    assert set(source.deep) == {True}


def test_rules_are_selected_ignored_and_graded() -> None:
    source = Recorded("xgboost-3.0.5")
    everything = check([wanted(source, "xgboost")])
    codes = {finding.code for finding in everything.findings}
    assert "dependencies-differ" in codes
    one = check(
        [wanted(source, "xgboost")],
        settings=RuleSettings(
            select=frozenset({"dependencies-differ"}),
            severity={"dependencies-differ": Severity.WARNING},
        ),
    )
    assert {(finding.code, finding.severity) for finding in one.findings} == {
        ("dependencies-differ", Severity.WARNING)
    }
    less = check(
        [wanted(source, "xgboost")],
        settings=RuleSettings(ignore=frozenset({"dependencies-differ"})),
    )
    assert {finding.code for finding in less.findings} == codes - {"dependencies-differ"}


def test_known_findings_are_left_out_and_counted() -> None:
    source = Recorded("xgboost-3.0.5")
    before = check([wanted(source, "xgboost")])
    first, *others = before.findings
    after = check([wanted(source, "xgboost")], known={fingerprint(first)})
    assert after.known == 1
    assert list(after.findings) == others
    assert after.releases[0].release_class is before.releases[0].release_class


def test_targets_and_fields_limit_the_judgement() -> None:
    source = Recorded("xgboost-3.0.5")
    windows = check([wanted(source, "xgboost")], targets=parse_targets("cp312-windows-amd64"))
    assert windows.releases[0].release_class is ReleaseClass.IDENTICAL
    only = check([wanted(source, "xgboost")], fields=frozenset({"requires-python"}))
    assert {finding.field for finding in only.findings} <= {"Requires-Python", None}


class TestMisuse:
    """Said before anything is fetched."""

    WANTED: ClassVar = Dead("six-1.17.0")

    def test_unknown_rule(self) -> None:
        with pytest.raises(UsageError, match="no rule has the code `dependencies-difer`"):
            check(
                [wanted(self.WANTED, "six")],
                settings=RuleSettings(ignore=frozenset({"dependencies-difer"})),
            )

    def test_unknown_field(self) -> None:
        with pytest.raises(UsageError) as caught:
            check([wanted(self.WANTED, "six")], fields=frozenset({"requires-dists"}))
        assert str(caught.value) == "there is no core metadata field `requires-dists`"
        assert caught.value.hint is not None
        assert "Requires-Dist" in caught.value.hint


def test_nothing_wanted_gives_an_empty_report() -> None:
    report = check([])
    assert (report.releases, report.failures, report.worst()) == ((), (), None)


def test_the_same_text_at_two_places_is_two_releases() -> None:
    here, there = Recorded("six-1.17.0"), Recorded("six-1.17.0")
    one = wanted(here, "six")
    report = check([one, replace(one, source=there)])
    assert len(report.releases) == 2
