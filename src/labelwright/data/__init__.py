"""Reading data: any table or file becomes a stream of parts; long tables become votes or claims."""

from .base import Dataset, Part, Source
from .crowds import read_claims, read_votes
from .read import read

__all__ = ["Dataset", "Part", "Source", "read", "read_claims", "read_votes"]
