"""Which pages are plain, and that telling takes no time."""

from __future__ import annotations

import time

import pytest

from trueup.sources.anchors import parsed_anchors, plain_anchors, read_anchors

PAGE = """\
<!DOCTYPE html>
<html>
  <head>
    <meta name="pypi:repository-version" content="1.3">
    <title>Links for demo</title>
  </head>
  <body>
    <h1>Links for demo</h1>
    <a href="https://index.test/demo-1.0.tar.gz#sha256=ab" data-requires-python="&gt;=3.9" >demo</a><br />
    <a href="x?a=1&amp;b=2" data-yanked="">x</a>
</body>
</html>
<!--SERIAL 12-34-->
"""


def test_a_page_as_indexes_write_it() -> None:
    found = plain_anchors(PAGE)
    assert found is not None
    assert found == parsed_anchors(PAGE) == read_anchors(PAGE)
    assert found.meta == {"pypi:repository-version": "1.3"}
    assert found.anchors == [
        {"href": "https://index.test/demo-1.0.tar.gz#sha256=ab", "data-requires-python": ">=3.9"},
        {"href": "x?a=1&b=2", "data-yanked": ""},
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "<br>",
        "<a href='x'>",
        "<a href=x>",
        "<A HREF=\"x\">",
        "<a href=\"x\"/>",
        "<a href=\"x\" data-yanked>",
        "<a href=\"x",
        "<a href=\"&nbsp;\">",
        "<a href=\"&gt\">",
        "<base href=\"x\"><a>",
        "<script>\"</script><a>",
        "<style></style><a>",
        "<textarea><a></textarea>",
        "<title><a></title>",
        "<!-- -- --><a>",
        "<!DOCTYPE html PUBLIC ''><a>",
        "<a href=\"" + "x" * 9000 + "\">",
    ],
)  # fmt: skip
def test_a_page_that_is_not_plain(text: str) -> None:
    assert plain_anchors(text) is None
    assert read_anchors(text) == parsed_anchors(text)


@pytest.mark.parametrize(
    "text",
    [
        "<a " * 1_000_000,
        '<a b="c"' * 500_000,
        "<a" + ' b="c"' * 500_000,
        "<a" + " " * 3_000_000,
        '<a href="' * 300_000,
        "<!--" + "-a" * 1_500_000,
        ("<!--" + "a" * 4000) * 700,
        "<title>" + "x" * 3_000_000,
        "<a>x</a>" + " " * 3_000_000 + "<",
        ("<a>" + "x" * 50) * 50_000 + "<x",
        ("<a " + 'a="" ' * 20 + ">") * 10_000,
    ],
    ids=lambda text: text[:12],
)
def test_a_hostile_page_is_known_in_linear_time(text: str) -> None:
    started = time.process_time()
    plain_anchors(text)
    assert time.process_time() - started < 5
