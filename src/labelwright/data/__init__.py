"""Reading data: any table or file becomes a stream of parts; long tables become votes or claims."""

from .base import Dataset, Part, Source
from .crowds import read_claims, read_votes
from .fingerprints import FileChange, FileFingerprint, appended_to, check_unchanged, file_changes, fingerprint
from .identity import content_ids, row_hashes
from .partition import ContentPart, divide
from .read import read

__all__ = [
    "ContentPart",
    "Dataset",
    "FileChange",
    "FileFingerprint",
    "Part",
    "Source",
    "appended_to",
    "check_unchanged",
    "content_ids",
    "divide",
    "file_changes",
    "fingerprint",
    "read",
    "read_claims",
    "read_votes",
    "row_hashes",
]
