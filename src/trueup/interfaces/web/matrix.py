"""The consistency matrix: which file says what, in the fields in which files differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trueup.interfaces.report.words import in_order, natural
from trueup.model.artifact import WheelName, parse_filename
from trueup.model.finding import FieldReport, FileReport, ReleaseReport

__all__ = ["Matrix", "MatrixField", "MatrixRow", "MatrixVariant", "matrix"]

_HUES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixVariant:
    """Files that say the same: a letter, a colour, and what only they say.

    ``own`` are the values that not all variants have, ``shared`` how many all have.
    """

    id: str
    letter: str
    hue: str
    region: str
    files: tuple[str, ...]
    own: tuple[str, ...]
    shared: int

    @property
    def is_odd(self) -> bool:
        """Whether another variant is commoner."""
        return self.letter != "A"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixField:
    """One column: a field in which files differ; ``kind`` is its class among the wheels."""

    name: str
    kind: str | None
    case: str
    variants: tuple[MatrixVariant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One file; a cell is None where nothing is known of it in that field."""

    file: FileReport
    lead: str
    rest: str
    cells: tuple[MatrixVariant | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """``agree`` are the names of the fields in which no file differs."""

    fields: tuple[MatrixField, ...]
    rows: tuple[MatrixRow, ...]
    agree: tuple[str, ...]


def matrix(report: ReleaseReport) -> Matrix:
    """The matrix of a release."""
    differ = [field for field in report.fields if len(field.variants) > 1]
    fields = tuple(_field(number, field) for number, field in enumerate(differ, 1))
    by_file = [
        {name: variant for variant in field.variants for name in variant.files} for field in fields
    ]
    return Matrix(
        fields=fields,
        rows=tuple(
            _row(file, [column.get(file.filename) for column in by_file])
            for file in in_order(report.files)
        ),
        agree=tuple(field.field for field in report.fields if len(field.variants) == 1),
    )


def _field(number: int, field: FieldReport) -> MatrixField:
    # The commonest first, so that what is colourful is what is unusual.
    ordered = sorted(
        field.variants, key=lambda one: (-len(one.files), sorted(map(natural, one.files)))
    )
    shared = frozenset.intersection(*(frozenset(one.values) for one in ordered))
    return MatrixField(
        name=field.field,
        kind=field.release_class.value if field.release_class else None,
        case=field.case.value,
        variants=tuple(
            MatrixVariant(
                id=f"v{number}-{place}",
                letter=_letters(place),
                hue="h0" if place == 0 else f"h{1 + (place - 1) % (_HUES - 1)}",
                region=one.region,
                files=tuple(sorted(one.files, key=natural)),
                own=tuple(value for value in one.values if value not in shared),
                shared=len(shared),
            )
            for place, one in enumerate(ordered)
        ),
    )


def _row(file: FileReport, cells: Sequence[MatrixVariant | None]) -> MatrixRow:
    lead, rest = "", file.filename
    if isinstance(parse_filename(file.filename), WheelName):
        # Name and version are the same in every row: what tells wheels apart comes after.
        name, version, rest = file.filename.split("-", 2)
        lead = f"{name}-{version}-"
    return MatrixRow(file=file, lead=lead, rest=rest, cells=tuple(cells))


def _letters(place: int) -> str:
    """A to Z, then AA, AB and on."""
    letters, number = "", place + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
