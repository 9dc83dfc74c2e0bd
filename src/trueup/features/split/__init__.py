"""`split`: move bundled libraries out of wheels."""

from __future__ import annotations

from trueup.features.split.companion import Written, write_companions

__all__ = ["Written", "write_companions"]
