"""Derived wheels of all sorts: the same payload, a RECORD that fits, and the same bytes in any range."""

from __future__ import annotations

import hashlib
import io
import zipfile
from base64 import urlsafe_b64encode
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from installer.sources import WheelFile

from tests.build import make_wheel, zip_bytes
from trueup.features.serve.derived import (
    RecipeFile,
    build_of,
    composed,
    recipe_bytes,
    recipe_of,
    sliced,
    with_build,
)
from trueup.model.artifact import Artifact, WheelName, parse_filename
from trueup.sources.recipe import Literal, Range, Recipe
from trueup.sources.rewrite import SIGNATURES, Wheel

_EMPTY = urlsafe_b64encode(hashlib.sha256(b"").digest()).rstrip(b"=").decode()
LOTS = settings(max_examples=50, deadline=None)

# --- recipes ----------------------------------------------------------------------------------------

BASES = st.binary(min_size=1, max_size=60)


@st.composite
def recipes(draw: st.DrawFn, size: int) -> Recipe:
    """A recipe over a file of that size, which is never empty."""
    places = st.integers(0, size)
    ranges = st.tuples(places, places).map(
        lambda pair: Range(start=min(pair), end=max(pair))
    ) if size else st.nothing()  # fmt: skip
    literals = st.binary(max_size=9).map(lambda data: Literal(data=data))
    return Recipe(segments=tuple(draw(st.lists(ranges | literals, min_size=1, max_size=7))))


def rendered(recipe: Recipe, base: bytes) -> bytes:
    return b"".join(recipe.render(io.BytesIO(base)))


@LOTS
@given(st.data(), BASES)
def test_a_slice_is_that_part_of_the_file(data: st.DataObject, base: bytes) -> None:
    recipe = data.draw(recipes(len(base)))
    whole = rendered(recipe, base)
    start, end = data.draw(st.integers(0, len(whole) + 3)), data.draw(st.integers(0, 70))
    assert rendered(sliced(recipe, start, end), base) == whole[start : max(start, end)]
    assert recipe_of(recipe_bytes(recipe)) == recipe


@LOTS
@given(st.data(), BASES)
def test_a_recipe_over_a_recipe_is_one_over_the_original(data: st.DataObject, base: bytes) -> None:
    inner = data.draw(recipes(len(base)))
    middle = rendered(inner, base)
    outer = data.draw(recipes(len(middle)))
    assert rendered(composed(outer, inner), base) == rendered(outer, middle)


@LOTS
@given(st.data(), BASES)
def test_the_file_of_a_recipe_reads_like_the_file(data: st.DataObject, base: bytes) -> None:
    recipe = data.draw(recipes(len(base)))
    real = io.BytesIO(rendered(recipe, base))
    made = RecipeFile(recipe, io.BytesIO(base))
    for _ in range(data.draw(st.integers(1, 6))):
        offset, whence = data.draw(st.integers(0, 30)), data.draw(st.sampled_from((0, 2)))
        place = -offset if whence == 2 else offset
        real.seek(max(place, -len(real.getvalue())) if whence == 2 else place, whence)
        made.seek(place, whence)
        assert made.tell() == real.tell()
        size = data.draw(st.integers(-1, 20))
        assert made.read(size) == real.read(size)


# --- wheels -----------------------------------------------------------------------------------------

NAMES = st.text("abcdefgh_", min_size=1, max_size=8)
PAYLOADS = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "demo/" + "/".join(parts) + ".py"),
    st.binary(max_size=400),
    max_size=6,
)
LINES = st.lists(
    st.sampled_from(("one", "two>=1", "three; sys_platform == 'win32'", "four[x] (<5)")),
    unique=True,
    max_size=4,
)
SIGNED = st.lists(st.sampled_from(SIGNATURES), unique=True)


def made(files: dict[str, bytes], asks: list[str], signed: list[str], compression: int) -> bytes:
    with TemporaryDirectory() as folder:
        path = make_wheel(
            Path(folder), "demo", "1.0", requires=asks, files=files, compression=compression
        )
        data = path.read_bytes()
    if not signed:
        return data
    # A signature of a RECORD is not in that RECORD (PEP 427).
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a") as archive:
        for name in signed:
            archive.writestr(f"demo-1.0.dist-info/{name}", b"signed")
    return out.getvalue()


def without_metadata(archive: zipfile.ZipFile) -> dict[str, tuple[bytes, int, int, int]]:
    """Contents, method, date and mode of every member that a view must not touch."""
    changed = {"METADATA", "WHEEL", "RECORD", *SIGNATURES}
    return {
        info.filename: (
            archive.read(info), info.compress_type, hash(info.date_time), info.external_attr
        )
        for info in archive.infolist()
        if info.filename.removeprefix("demo-1.0.dist-info/") not in changed
    }  # fmt: skip


@LOTS
@given(
    files=PAYLOADS,
    asks=LINES,
    new=LINES,
    signed=SIGNED,
    compression=st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)),
    cuts=st.lists(st.floats(0, 1), min_size=2, max_size=6),
)
def test_a_derived_wheel_has_the_payload_of_its_original(
    files: dict[str, bytes],
    asks: list[str],
    new: list[str],
    signed: list[str],
    compression: int,
    cuts: list[float],
) -> None:
    original = made(files, asks, signed, compression)
    wheel = Wheel(io.BytesIO(original), "demo-1.0-py3-none-any.whl")
    text = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n"
    text += b"".join(f"Requires-Dist: {line}\n".encode() for line in new)
    recipe = recipe_of(recipe_bytes(wheel.rewrite({"METADATA": text}).recipe))
    data = rendered(recipe, original)
    check_wheel(data, original, text)
    # Downloads go on where they stopped, and readers take what they need.
    places = sorted(int(cut * len(data)) for cut in cuts)
    for start, end in pairwise(places):
        assert rendered(sliced(recipe, start, end), original) == data[start:end]


def check_wheel(data: bytes, original: bytes, metadata: bytes) -> None:
    """What an installer finds: the payload entry by entry, RECORD, and the new METADATA."""
    with (
        zipfile.ZipFile(io.BytesIO(data)) as archive,
        zipfile.ZipFile(io.BytesIO(original)) as before,
    ):
        assert archive.testzip() is None
        assert without_metadata(archive) == without_metadata(before)
        assert archive.read("demo-1.0.dist-info/METADATA") == metadata
        assert not any(name.endswith((".jws", ".p7s")) for name in archive.namelist())
        archive.filename = "demo-1.0-1cons-py3-none-any.whl"
        WheelFile(archive).validate_record()


def test_an_original_with_more_members_than_a_plain_zip_counts() -> None:
    """Beyond 65,535 members an archive is zip64, and so is what is derived from it."""
    members = 66_000
    info = "demo-1.0.dist-info"
    files = [(f"demo/{number}.py", b"") for number in range(members)]
    record = "".join(f"{name},sha256={_EMPTY},0\n" for name, _ in files)
    text = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
    wheel = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    original = zip_bytes(
        [
            *files,
            (f"{info}/METADATA", text),
            (f"{info}/WHEEL", wheel),
            (f"{info}/RECORD", record.encode()),
        ]
    )
    opened = Wheel(io.BytesIO(original), "demo-1.0-py3-none-any.whl")
    recipe = opened.rewrite({"METADATA": text + b"Requires-Dist: one\n"}).recipe
    data = rendered(recipe, original)
    assert recipe.literal_size < len(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == members + 3
        assert archive.read(f"{info}/METADATA").endswith(b"Requires-Dist: one\n")
    end = len(data) - 100
    assert rendered(sliced(recipe, end, len(data)), original) == data[end:]


# --- names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("original", "derived"),
    [
        ("demo-1.0-py3-none-any.whl", "demo-1.0-1cons-py3-none-any.whl"),
        ("demo-1.0-3-py3-none-any.whl", "demo-1.0-3cons-py3-none-any.whl"),
        ("demo-1.0-3local-py3-none-any.whl", "demo-1.0-3localcons-py3-none-any.whl"),
        ("demo-1.0-py3-none-any-x86_64_v3.whl", "demo-1.0-1cons-py3-none-any-x86_64_v3.whl"),
        ("demo-1.0+local.1-py3-none-any.whl", "demo-1.0+local.1-1cons-py3-none-any.whl"),
    ],
)
def test_a_derived_wheel_is_preferred_by_its_build_tag(original: str, derived: str) -> None:
    artifact = Artifact(filename=original, url=original, name=parse_filename(original))
    assert with_build(original, build_of(artifact, "cons")) == derived
    before, after = parse_filename(original), parse_filename(derived)
    assert isinstance(before, WheelName)
    assert isinstance(after, WheelName)
    assert after.build > before.build
    assert (after.tags, after.version, after.variant) == (
        before.tags,
        before.version,
        before.variant,
    )
