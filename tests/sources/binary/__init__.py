"""Readers of shared objects."""
