"""What the headers of a request ask for."""

from __future__ import annotations

import pytest

from trueup.interfaces.web.replies import wishes_of


@pytest.mark.parametrize(
    ("codings", "packed"),
    [
        ([], False),
        (["gzip, deflate"], True),
        (["br", "gzip"], True),
        (["identity"], False),
        (["gzip;q=0.5, identity;q=0"], True),
        (["gzip;q=0"], False),
        (["identity, gzip ; q=0.000"], False),
        (["gzip;q=0.001"], True),
        (["br;q=0, gzip"], True),
    ],
)
def test_a_page_is_packed_for_those_who_take_that(codings: list[str], packed: bool) -> None:
    headers = [(b"accept-encoding", one.encode()) for one in codings]
    assert wishes_of(headers).packed is packed
