"""Preprocessors, and versions of user code."""

from .preprocessors import Preprocessor, Run, apply_preprocessors, preprocessor
from .versions import version_of

__all__ = ["Preprocessor", "Run", "apply_preprocessors", "preprocessor", "version_of"]
