"""`nativelib.json`, read and written."""

from __future__ import annotations

import msgspec

from trueup.model.errors import ArchiveError
from trueup.model.nativelib import FILENAME, SCHEMA, Expected, NativeLib, Provided

__all__ = ["nativelib_bytes", "read_nativelib"]


class _File(msgspec.Struct, kw_only=True, rename={"schema_": "schema"}):
    schema_: str
    provides: tuple[Provided, ...] = ()
    expects: tuple[Expected, ...] = ()


_DECODER = msgspec.json.Decoder(_File)


def read_nativelib(data: bytes) -> NativeLib:
    """Parse the file; raises ArchiveError, with the key, for what is none."""
    try:
        found = _DECODER.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise ArchiveError(f"its `{FILENAME}` cannot be read: {error}") from error
    if found.schema_ != SCHEMA:
        raise ArchiveError(
            f"its `{FILENAME}` has a schema that is not known",
            found=f"`{found.schema_}`",
            expected=f"`{SCHEMA}`",
        )
    return NativeLib(provides=found.provides, expects=found.expects)


def nativelib_bytes(nativelib: NativeLib) -> bytes:
    """The bytes of the file, indented for people; the same value gives the same bytes."""
    file = _File(schema_=SCHEMA, provides=nativelib.provides, expects=nativelib.expects)
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"
