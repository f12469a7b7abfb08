"""Reading data: any table or file becomes a stream of parts."""

from .base import Dataset, Part, Source
from .read import read

__all__ = ["Dataset", "Part", "Source", "read"]
