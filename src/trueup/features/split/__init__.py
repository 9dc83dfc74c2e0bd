"""`split`: move bundled libraries out of wheels."""

from __future__ import annotations

from trueup.features.split.companion import Written, write_companions
from trueup.features.split.shared import check_executed, write_shared

__all__ = ["Written", "check_executed", "write_companions", "write_shared"]
