"""Contract checks for people who add a label model: the laws of the house, as one call."""

from .label_models import LABEL_MODEL_LAWS, check_label_model, check_repetition

__all__ = ["LABEL_MODEL_LAWS", "check_label_model", "check_repetition"]
