"""spaCy documents for labeling functions: one pass of the pipeline, shared by all functions, in batches."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

from labelwright.core.errors import FunctionError

from .layers import Layer
from .pipelines import load_pipeline, pipeline_parts
from .preprocessors import Preprocessor

if TYPE_CHECKING:
    from spacy.language import Language

__all__ = ["SpacyPreprocessor"]


class SpacyPreprocessor(Preprocessor):
    """Adds a spaCy document made from a text field.

    Preprocessors with equal settings are one: however many functions bring their own, each text goes through the
    pipeline once. `labelwright.functions.preprocessors.Run` sends whole chunks of examples through ``nlp.pipe``.

    Parameters
    ----------
    text_field : str
        The field with the text.
    doc_field : str
        The attribute that gets the document.
    language : str or spacy.language.Language, default "en_core_web_sm"
        Name of an installed model or path of one; a language code such as ``"en"`` for a blank pipeline, which only
        cuts the text into tokens; or a pipeline of your own.
    disable : sequence of str, optional
        Components that are left out. Leaving out what is not needed is where speed is won.
    pre : sequence of Preprocessor, optional
        Preprocessors that go first.
    memoize : bool, default False
        Remember documents between examples with the same text.
    memoize_key : callable, optional
        Gets the example and returns the hashable key of its document. Default: the text.
    gpu : bool, default False
        Use a GPU where there is one.
    batch_size : int, default 256
        Texts per batch of ``nlp.pipe``.

    Raises
    ------
    MissingExtraError
        When the first text is read without spaCy: it comes with the extra ``text``.
    FunctionError
        The model is not installed, or a text is not a string.

    Examples
    --------
    >>> spacy_doc = SpacyPreprocessor("text", "doc", language="en")
    >>> [token.text for token in spacy_doc({"text": "Don't subscribe!"}).doc]
    ['Do', "n't", 'subscribe', '!']
    >>> spacy_doc == SpacyPreprocessor("text", "doc", language="en")
    True
    """

    def __init__(
        self,
        text_field: str,
        doc_field: str,
        language: str | Language = "en_core_web_sm",
        disable: Sequence[str] | None = None,
        pre: Sequence[Preprocessor] | None = None,
        memoize: bool = False,
        memoize_key: Callable[[Any], Hashable] | None = None,
        gpu: bool = False,
        *,
        batch_size: int = 256,
    ) -> None:
        self.text_field = text_field
        self.doc_field = doc_field
        self.language = language
        self.disable = tuple(disable or ())
        self.gpu = gpu
        self.batch_size = batch_size
        super().__init__(
            self._add_document, name="SpacyPreprocessor", pre=pre, memoize=memoize, memoize_key=memoize_key,
            fields=[text_field],
        )  # fmt: skip
        self._identify()

    def _identify(self) -> None:
        # Asked for once per function and example, so worked out ahead.
        self._identity = self._settings()
        self._hash = hash(self._identity)

    def _settings(self) -> tuple[Any, ...]:
        language = self.language if isinstance(self.language, str) else id(self.language)
        key = self.memoize_key if self.memoize else None
        return (self.text_field, self.doc_field, language, self.disable, self.pre, self.memoize, key, self.gpu)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._identity == other._identity

    def __hash__(self) -> int:
        return self._hash

    @property
    def nlp(self) -> Language:
        """The pipeline; loaded when it is first asked for, once per process."""
        if isinstance(self.language, str):
            return load_pipeline(self.language, self.disable, self.gpu)
        return self.language

    def process_batch(self, examples: Sequence[Any]) -> list[Any]:
        """Run the pipeline over many examples at once.

        Returns
        -------
        list
            None for an example without a text, which `process` then reports.
        """
        results: list[Any] = [None] * len(examples)
        waiting = []
        for position, example in enumerate(examples):
            layer = Layer(example)
            text = layer.get(self.text_field)
            if not isinstance(text, str):
                continue
            if self.memoize and self.remembers(example):
                results[position] = self.process(example)
            else:
                waiting.append((position, layer, text))
        nlp = self.nlp
        texts = (text for _, _, text in waiting)
        documents = nlp.pipe(texts, batch_size=self.batch_size, disable=self._disabled(nlp))
        for (position, layer, _), document in zip(waiting, documents, strict=True):
            setattr(layer, self.doc_field, document)
            results[position] = layer
            if self.memoize:
                self.remember(examples[position], layer)
        return results

    def _add_document(self, x: Any) -> Any:
        text = x[self.text_field]
        if not isinstance(text, str):
            raise FunctionError(
                f"field {self.text_field!r} holds {text!r}, not a text; spaCy reads texts only. Fill the gaps first, "
                "for instance by a preprocessor in pre=[...]."
            )
        nlp = self.nlp
        setattr(x, self.doc_field, nlp(text, disable=self._disabled(nlp)))
        return x

    def _disabled(self, nlp: Language) -> list[str]:
        return [name for name in self.disable if name in nlp.pipe_names]

    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of: the settings, and the pipeline with its version."""
        fields = {"text_field": self.text_field, "doc_field": self.doc_field, "disable": sorted(self.disable)}
        key = {"memoize_key": self.memoize_key} if self.memoize and self.memoize_key is not None else {}
        return {**fields, **key, "pre": list(self.pre), **pipeline_parts(self.language)}

    def __getstate__(self) -> dict[str, Any]:
        # The bound method would carry the preprocessor into its own state.
        return {name: value for name, value in super().__getstate__().items() if name != "function"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.function = self._add_document
        self._identify()

    def __repr__(self) -> str:
        language = self.language if isinstance(self.language, str) else self.language.meta["name"]
        return f"SpacyPreprocessor({self.text_field!r}, {self.doc_field!r}, language={language!r})"
