"""Shared objects of the three formats, read through LIEF: nothing is loaded or run."""

import lief

# LIEF prints to the terminal what it finds odd; a caller learns it from what is returned.
lief.logging.disable()
