"""What a place lists, seen by version."""

from __future__ import annotations

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.artifact import Artifact, OtherName, parse_filename
from trueup.sources.source import KeptFiles, Listing

NAMES = (
    "lib-1.0.0-py3-none-any.whl",
    "lib-2.0.tar.gz",
    "lib-1.0.tar.gz",
    "lib-1.0.0-cp312-cp312-win_amd64.whl",
    "lib-1.0.exe",
)
FILES = tuple(
    Artifact(filename=name, url=f"https://index.test/{name}", name=parse_filename(name))
    for name in NAMES
)


def test_spellings_of_one_version_are_one_version_also_in_a_page_that_is_kept() -> None:
    texts = [None if isinstance(file.name, OtherName) else str(file.name.version) for file in FILES]
    kept = KeptFiles(texts, FILES.__getitem__)
    for files in (FILES, kept):
        listing = Listing(project=NormalizedName("lib"), files=files, origin="here")
        found = {version: list(part) for version, part in listing.by_version().items()}
        assert found == {
            Version("1.0"): [FILES[0], FILES[2], FILES[3]],
            Version("2.0"): [FILES[1]],
        }
