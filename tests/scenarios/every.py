"""All scenarios, in the order in which they are reported."""

from __future__ import annotations

from tests.scenarios.chains import CHAINS
from tests.scenarios.letters import LETTERS
from tests.scenarios.levels import LEVELS

__all__ = ["SCENARIOS"]

SCENARIOS = (*LETTERS, *LEVELS, *CHAINS)
