"""How long a question may take that is asked of all enrollments, visits or records there are."""

PATIENCE = 120.0
"""Seconds: there may be many millions."""
