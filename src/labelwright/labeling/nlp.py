"""Labeling functions that read a spaCy document."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, overload

from labelwright.functions.nlp import SpacyPreprocessor
from labelwright.functions.preprocessors import Preprocessor

from .examples import Example
from .python import PythonFunction, labeling_function
from .task_answers import Labels

__all__ = ["nlp_labeling_function"]


@overload
def nlp_labeling_function(name: Callable[..., Any], /) -> PythonFunction: ...
@overload
def nlp_labeling_function(
    name: str | None = None,
    resources: Mapping[str, Any] | None = None,
    pre: Sequence[Preprocessor] | None = None,
    text_field: str = "text",
    doc_field: str = "doc",
    language: Any = "en_core_web_sm",
    disable: Sequence[str] | None = None,
    memoize: bool = True,
    memoize_key: Callable[[Any], Hashable] | None = None,
    gpu: bool = False,
    *,
    labels: Labels | None = None,
    task: str | None = None,
    tasks: Sequence[str] | None = None,
    depends_on: Sequence[Any] = (),
    examples: Iterable[Example] = (),
) -> Callable[[Callable[..., Any]], PythonFunction]: ...
def nlp_labeling_function(
    name: str | Callable[..., Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    pre: Sequence[Preprocessor] | None = None,
    text_field: str = "text",
    doc_field: str = "doc",
    language: Any = "en_core_web_sm",
    disable: Sequence[str] | None = None,
    memoize: bool = True,
    memoize_key: Callable[[Any], Hashable] | None = None,
    gpu: bool = False,
    *,
    labels: Labels | None = None,
    task: str | None = None,
    tasks: Sequence[str] | None = None,
    depends_on: Sequence[Any] = (),
    examples: Iterable[Example] = (),
) -> PythonFunction | Callable[[Callable[..., Any]], PythonFunction]:
    """Make a Python function of a spaCy document a labeling function; needs the extra ``text``.

    Short for ``labeling_function(pre=[SpacyPreprocessor(...)])``. Functions with equal settings share one pass of the
    pipeline over the texts, in batches; other settings make a pipeline of their own.

    Parameters
    ----------
    name, resources, labels, task, tasks, depends_on, examples
        As for `labeling_function`.
    pre : sequence of Preprocessor, optional
        Preprocessors that go before spaCy.
    text_field, doc_field, language, disable, memoize, memoize_key, gpu
        As for `labelwright.functions.nlp.SpacyPreprocessor`; ``language`` is a name or a
        ``spacy.language.Language``.

    Returns
    -------
    PythonFunction or decorator

    Examples
    --------
    >>> @nlp_labeling_function(language="en", labels=["spam"])
    ... def many_marks(x):
    ...     return "spam" if sum(token.is_punct for token in x.doc) > 3 else None
    >>> many_marks({"text": "Wow !!!! free"})
    'spam'
    """
    document = SpacyPreprocessor(
        text_field, doc_field, language, disable=disable, pre=pre, memoize=memoize, memoize_key=memoize_key, gpu=gpu
    )
    if callable(name):
        return labeling_function(pre=[document])(name)
    return labeling_function(
        name, resources, [document], labels=labels, task=task, tasks=tasks, depends_on=depends_on, examples=examples
    )
