"""Tests, contracts, gates and drift: what must hold."""
