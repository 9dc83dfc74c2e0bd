"""The consistency matrix of a release, as pages show it: which file says what in which field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from trueup.interfaces.report.words import in_order, natural
from trueup.model.artifact import WheelName, parse_filename
from trueup.model.finding import FieldReport, FileReport, ReleaseReport, Variant

__all__ = ["Matrix", "MatrixField", "MatrixRow", "MatrixVariant", "matrix"]

_HUES = 8
_OPEN_VARIANTS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixVariant:
    """One variant of a field: ``lines`` are its values, each with whether all wheels have it."""

    id: str
    letter: str
    hue: str
    region: str
    files: tuple[str, ...]
    lines: tuple[tuple[str, bool], ...]

    @property
    def odd(self) -> bool:
        """Whether this is not the commonest variant of its field."""
        return self.letter != "A"

    @property
    def common(self) -> int:
        """How many of its values all wheels have."""
        return sum(common for _, common in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixField:
    """One column and its part of the legend; ``class_value`` is that of the field among the wheels."""

    id: str
    name: str
    class_value: str | None
    case: str
    variants: tuple[MatrixVariant, ...]

    @property
    def differs(self) -> bool:
        return len(self.variants) > 1

    @property
    def open(self) -> bool:
        """Whether its part of the legend is short enough to be seen at once."""
        return 1 < len(self.variants) <= _OPEN_VARIANTS


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One file; a cell is None where nothing is known of the file in that field."""

    file: FileReport
    lead: str
    rest: str
    cells: tuple[MatrixVariant | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """``fields`` are the columns, those that differ first; a row has a cell for each."""

    fields: tuple[MatrixField, ...]
    rows: tuple[MatrixRow, ...]

    @property
    def agree(self) -> tuple[str, ...]:
        """The names of the fields in which all files agree."""
        return tuple(field.name for field in self.fields if not field.differs)

    @property
    def differing(self) -> Matrix:
        """The same without the columns in which all files agree."""
        fields = tuple(field for field in self.fields if field.differs)
        rows = (replace(row, cells=row.cells[: len(fields)]) for row in self.rows)
        return Matrix(fields=fields, rows=tuple(rows))


def matrix(report: ReleaseReport, ident: str) -> Matrix:
    """The matrix of a release; the anchors of its parts begin with ``ident``."""
    fields = sorted(
        (_field(f"{ident}-f{number}", field) for number, field in enumerate(report.fields, 1)),
        key=lambda field: not field.differs,
    )
    by_file = [
        {name: variant for variant in field.variants for name in variant.files} for field in fields
    ]
    return Matrix(
        fields=tuple(fields),
        rows=tuple(
            _row(file, [column.get(file.filename) for column in by_file])
            for file in in_order(report.files)
        ),
    )


def _row(file: FileReport, cells: Sequence[MatrixVariant | None]) -> MatrixRow:
    lead, rest = "", file.filename
    if isinstance(parse_filename(file.filename), WheelName):
        # Name and version are the same in every row: what tells wheels apart comes after.
        name, version, rest = file.filename.split("-", 2)
        lead = f"{name}-{version}-"
    return MatrixRow(file=file, lead=lead, rest=rest, cells=tuple(cells))


def _field(ident: str, field: FieldReport) -> MatrixField:
    # The commonest first, so that what is colourful is what is unusual.
    variants = sorted(
        field.variants, key=lambda item: (-len(item.files), sorted(map(natural, item.files)))
    )
    common = _common(variants)
    return MatrixField(
        id=ident,
        name=field.field,
        class_value=field.release_class.value if field.release_class else None,
        case=field.case.value,
        variants=tuple(
            MatrixVariant(
                id=f"{ident}-v{number}",
                letter=_letter(number),
                hue=_hue(number) if len(variants) > 1 else "same",
                region=variant.region,
                files=tuple(sorted(variant.files, key=natural)),
                lines=tuple((line, line in common) for line in variant.values),
            )
            for number, variant in enumerate(variants)
        ),
    )


def _common(variants: Sequence[Variant]) -> frozenset[str]:
    """What all wheels say; an sdist has no say in it, unless it alone says otherwise."""
    with_wheels = [variant for variant in variants if any(map(_is_wheel, variant.files))]
    compared = with_wheels if len(with_wheels) > 1 else variants
    values: Iterable[tuple[str, ...]] = [item.values for item in compared]
    return frozenset.intersection(*map(frozenset[str], values)) if values else frozenset()


def _is_wheel(filename: str) -> bool:
    return filename.endswith(".whl")


def _hue(number: int) -> str:
    """The quiet colour for the commonest variant only; the others take turns."""
    return "h0" if number == 0 else f"h{1 + (number - 1) % (_HUES - 1)}"


def _letter(number: int) -> str:
    """A to Z, then AA, AB and on."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
