"""The command ``labelwright``: parse, call the pipeline, show. No logic of its own."""

from .app import cli, main

__all__ = ["cli", "main"]
