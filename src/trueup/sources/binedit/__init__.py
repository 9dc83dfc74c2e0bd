"""Shared objects under other names and with other search paths; nothing else in them changes."""
