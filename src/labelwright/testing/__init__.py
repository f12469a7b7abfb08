"""Contract checks for people who add a label model or a store: the laws of the house, as one call."""

from .label_models import LABEL_MODEL_LAWS, check_label_model, check_repetition
from .stores import STORE_LAWS, check_store

__all__ = ["LABEL_MODEL_LAWS", "STORE_LAWS", "check_label_model", "check_repetition", "check_store"]
