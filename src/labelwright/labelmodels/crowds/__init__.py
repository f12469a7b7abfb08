"""Crowd workers: confusions, biases, difficulties."""
