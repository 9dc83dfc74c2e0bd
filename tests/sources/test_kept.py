from __future__ import annotations

from dataclasses import replace

import pytest

from trueup.model.artifact import Artifact, parse_filename
from trueup.model.declaration import parse_declaration
from trueup.model.metadata import Unreadable, parse_metadata
from trueup.model.release import How, Reading
from trueup.sources.cache import Kind, MemoryCache
from trueup.sources.kept import KeptReadings

ARTIFACT = Artifact(
    filename="demo-1.0.zip",
    url="https://index.test/demo-1.0.zip",
    name=parse_filename("demo-1.0.zip"),
    hashes={"sha256": "ab"},
)
METADATA = parse_metadata(b"Name: demo\r\nVersion: 1\r\nRequires-Dist: numpy (>=1)\r\n\r\nbody")
FAULTY = parse_metadata(b"Name: demo\nVersion: 1\nSummary: \xff\n")
DECLARATION = parse_declaration(
    "[tool.trueup.wheels]\nrequires = ['lib>=1; python_version > \"3.8\"']\nas-built = ['numpy']\n"
    "[tool.trueup.dynamic]\nmay-add = ['mpi4py']\n"
    "[tool.trueup.sdist]\nbuild = 'manual'\nreason = 'needs a compiler'\n"
    "[tool.trueup.bounds]\npreemptive = ['numpy']\n"
)


@pytest.mark.parametrize(
    "reading",
    [
        Reading(metadata=METADATA, how=How.RANGE),
        Reading(metadata=FAULTY, how=How.SIDECAR),
        Reading(metadata=METADATA, how=How.RANGE, declaration=Unreadable(reason="no TOML")),
        Reading(metadata=METADATA, how=How.FILE, verified=True, declaration=DECLARATION),
        Reading(
            metadata=METADATA,
            how=How.RANGE,
            dist_info="demo-1.0.dist-info",
            wheel_headers={"tag": ("py3-none-any", "py2-none-any"), "build": ()},
        ),
    ],
)
def test_what_is_kept_comes_back_equal(reading: Reading) -> None:
    kept = KeptReadings(MemoryCache())
    kept.put(ARTIFACT, reading)
    assert kept.get(ARTIFACT) == reading


def test_what_may_change_is_not_kept() -> None:
    kept = KeptReadings(MemoryCache())
    reading = Reading(metadata=METADATA, how=How.RANGE)
    for artifact in (replace(ARTIFACT, hashes={}), replace(ARTIFACT, url="file:///demo-1.0.zip")):
        kept.put(artifact, reading)
        assert kept.get(artifact) is None
    kept.put(ARTIFACT, Reading(metadata=Unreadable(reason="damaged"), how=How.RANGE))
    assert kept.get(ARTIFACT) is None
    odd = Reading(metadata=METADATA, how=How.RANGE, dist_info="d\udcff-1.0.dist-info")
    kept.put(ARTIFACT, odd)
    assert kept.get(ARTIFACT) is None, "a lone surrogate cannot be written down"


def test_another_file_behind_the_same_address() -> None:
    kept = KeptReadings(MemoryCache())
    kept.put(ARTIFACT, Reading(metadata=METADATA, how=How.RANGE))
    assert kept.get(replace(ARTIFACT, hashes={"sha256": "cd"})) is None


def test_nonsense_in_the_cache() -> None:
    cache = MemoryCache()
    kept = KeptReadings(cache)
    kept.put(ARTIFACT, Reading(metadata=METADATA, how=How.RANGE))
    cache.put(Kind.READING, f"2 ab {ARTIFACT.url}", b"nonsense")
    assert kept.get(ARTIFACT) is None


def test_metadata_that_readings_share_is_one_object() -> None:
    cache = MemoryCache()
    other = replace(ARTIFACT, url="https://index.test/demo-1.0.tar.gz")
    for artifact in (ARTIFACT, other):
        KeptReadings(cache).put(artifact, Reading(metadata=METADATA, how=How.RANGE))
    kept = KeptReadings(cache)
    first, second = kept.get(ARTIFACT), kept.get(other)
    assert first is not None
    assert second is not None
    assert first.metadata == METADATA
    assert first.metadata is second.metadata
