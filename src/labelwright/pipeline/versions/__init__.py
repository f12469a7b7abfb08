"""Runs and snapshots: named, compared, checked, restored."""
