"""spaCy pipelines: loading one, and saying what its version is made of. The only place that imports spaCy."""

from __future__ import annotations

import importlib.metadata
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from labelwright.core.errors import FunctionError, MissingExtraError

if TYPE_CHECKING:
    from spacy.language import Language

__all__ = ["load_pipeline", "pipeline_parts"]

_CODE = re.compile(r"(?:blank:)?([a-z]{2,3})")


def _spacy() -> Any:
    try:
        import spacy
    except ImportError as error:
        raise MissingExtraError("labelwright.functions.nlp", "text") from error
    return spacy


@lru_cache(maxsize=8)
def load_pipeline(language: str, disable: tuple[str, ...], gpu: bool) -> Language:
    """Load a model by name, path or language code, without the components in ``disable``; each once.

    Raises
    ------
    MissingExtraError
        If spaCy is not installed.
    FunctionError
        If the model is not installed.
    """
    spacy = _spacy()
    if gpu:
        spacy.prefer_gpu()
    code = _CODE.fullmatch(language)
    try:
        loaded: Language = spacy.blank(code[1]) if code else spacy.load(language, disable=list(disable))
    except (OSError, ImportError) as error:
        raise FunctionError(
            f"spaCy has no model {language!r} here. Install it (python -m spacy download {language}), or take a blank "
            "pipeline, which only cuts texts into tokens: language='en'."
        ) from error
    return loaded


def pipeline_parts(language: str | Language) -> dict[str, Any]:
    """What the version of a pipeline is made of.

    Parameters
    ----------
    language : str or spacy.language.Language
        As for `SpacyPreprocessor`.

    Returns
    -------
    dict of str to object
        Model and version of spaCy; of a pipeline that is no installed package, its components as well.
    """
    version = _spacy().__version__
    if isinstance(language, str):
        try:
            model = f"{language} {importlib.metadata.version(language)}"
        except (importlib.metadata.PackageNotFoundError, ValueError):
            # Blank, or a folder whose meta tells.
            code = _CODE.fullmatch(language)
            model = f"blank {code[1]}" if code else ""
        if model:
            return {"model": model, "spacy": version}
        language = load_pipeline(language, (), False)
    components = [(name, _component(component)) for name, component in language.components]
    vectors = language.vocab.vectors
    return {
        "model": f"{language.lang} {language.meta['name']} {language.meta['version']}",
        "spacy": version,
        "components": components,
        "enabled": list(language.pipe_names),
        "tokenizer": language.tokenizer.to_bytes(exclude=["vocab"]) if hasattr(language.tokenizer, "to_bytes") else 0,
        "vectors": vectors.to_bytes() if len(vectors) else b"",
    }


def _component(component: Any) -> Any:
    """What a component's version is made of: its weights and rules, or the function that it is."""
    if hasattr(component, "punct_chars"):
        # The sentencizer writes a set, in an order of its own in each process.
        return sorted(component.punct_chars)
    return component.to_bytes(exclude=["vocab"]) if hasattr(component, "to_bytes") else component
