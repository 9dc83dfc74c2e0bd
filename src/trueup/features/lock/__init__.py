"""Locks that are right in every target environment."""
