"""Editors of shared objects."""
