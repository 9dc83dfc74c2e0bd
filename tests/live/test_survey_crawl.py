"""A few projects of the configured index, crawled: the audit says what `check` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crawled import all_rows
from tests.surveyed import audited, results
from trueup import check
from trueup.interfaces.cli.main import main

pytestmark = pytest.mark.live

RELEASES = ("nmslib==2.1.1", "xgboost==3.0.5", "click==8.1.7")


def test_a_crawl_says_what_check_says(tmp_path: Path) -> None:
    arguments = ["survey", "crawl", str(tmp_path), *RELEASES, "--rate", "5", "--buckets", "4"]
    assert main([*arguments, "--sdists"]) == 0
    before = len(all_rows(tmp_path))
    audited(tmp_path)
    said = {
        f"{project}=={version}": found
        for project, version, found in results(tmp_path, "releases", "project, version, class")
    }
    assert said == {name: check(name).releases[0].release_class.value for name in RELEASES}
    # The same again: pages are asked for, and whatever has not changed is not read.
    assert main([*arguments, "--sdists"]) == 0
    assert len(all_rows(tmp_path)) == before
