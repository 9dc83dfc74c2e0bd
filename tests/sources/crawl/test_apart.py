"""Work in a process of its own."""

from __future__ import annotations

import os

import pytest

from trueup.model.errors import SourceError
from trueup.sources.crawl.apart import apart


def test_each_piece_of_work_has_its_own_process() -> None:
    with apart() as executor:
        found = [executor.submit(os.getpid) for _ in range(2)]
        assert len({os.getpid(), *(future.result() for future in found)}) == 3


def test_a_process_that_is_killed_is_told_of() -> None:
    with pytest.raises(SourceError, match="was killed"), apart() as executor:
        executor.submit(os._exit, 9).result()
