"""Transformation functions on text, declared rather than written; and the small models that some of them need."""

from __future__ import annotations

from .dropping import delete_words, mask_spans, swap_words
from .embeddings import Embeddings, train_embeddings
from .entities import Entity
from .lexicon import synonyms
from .neighbours import replace_by_neighbours
from .ngram_model import NgramModel
from .ngrams import replace_by_ngrams
from .slots import swap_entities, template_slots
from .typos import QWERTY, typos
from .words import NEGATIONS

__all__ = [
    "NEGATIONS",
    "QWERTY",
    "Embeddings",
    "Entity",
    "NgramModel",
    "delete_words",
    "mask_spans",
    "replace_by_neighbours",
    "replace_by_ngrams",
    "swap_entities",
    "swap_words",
    "synonyms",
    "template_slots",
    "train_embeddings",
    "typos",
]
