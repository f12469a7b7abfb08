"""Preprocessors: user code that adds attributes to an example before labeling functions see it.

The rules are Snorkel's: the user function gets the example, sets attributes on it and returns it; the original is left
alone; preprocessors chain through ``pre``. Two things differ. The example is never copied by pickling (a thin layer
over the original takes the writes), and `labelwright.functions.Run` shares the work: however many functions ask for the
same chain, each example goes through it once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, overload

from labelwright.core.errors import FunctionError

from .layers import Layer, hashable_value

__all__ = ["Layer", "Preprocessor", "apply_preprocessors", "preprocessor", "steps_of"]

MEMO_SIZE = 10_000
"""Examples that one memoising preprocessor remembers; the least recently used one is forgotten first."""


class Preprocessor:
    """Adds attributes to an example; made by `preprocessor`, or subclassed for batched ones.

    Parameters
    ----------
    function : callable
        Gets the example, sets attributes on it and returns it.
    name : str, optional
        Default: the function's name.
    pre : sequence of Preprocessor, optional
        Preprocessors that go first.
    memoize : bool, default False
        Remember results between examples, at most ``MEMO_SIZE`` of them, in memory. (Within one example a chain is
        computed once in any case.)
    memoize_key : callable, optional
        Gets the example and returns the hashable key of its result. Default: the values of ``fields``, or of every
        field of the example.
    fields : sequence of str, optional
        The fields that the function reads. None: not stated, so every field is handed over.
    depends_on : sequence of object, optional
        What else the version depends on; see `labelwright.functions.versions.version_of`.

    Attributes
    ----------
    version : str
        Content hash (64 hexadecimal digits) of what the preprocessor does, with those that go first.

    Examples
    --------
    >>> def shout(x):
    ...     x.loud = x.text.upper()
    ...     return x
    >>> Preprocessor(shout)({"text": "hello"}).loud
    'HELLO'
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        name: str | None = None,
        pre: Sequence[Preprocessor] | None = None,
        memoize: bool = False,
        memoize_key: Callable[[Any], Hashable] | None = None,
        fields: Sequence[str] | None = None,
        depends_on: Sequence[Any] = (),
    ) -> None:
        if not callable(function):
            raise FunctionError(f"a preprocessor needs a function of one example, not {type(function).__name__}")
        self.function = function
        self.name: str = name if name is not None else getattr(function, "__name__", type(function).__name__)
        self.pre = tuple(pre or ())
        for other in self.pre:
            if not isinstance(other, Preprocessor):
                raise FunctionError(
                    f"pre of preprocessor {self.name!r} holds {other!r}, which is not a preprocessor; "
                    "decorate it with @preprocessor"
                )
        self.memoize = memoize
        self.memoize_key = memoize_key
        self.fields = None if fields is None else tuple(fields)
        self.depends_on = tuple(depends_on)
        self.reset_cache()

    @property
    def version(self) -> str:
        """Content hash of what the preprocessor does."""
        from .versions import version_of

        return version_of(self)

    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of, for `labelwright.functions.versions`."""
        parts: dict[str, Any] = {"function": self.function, "pre": list(self.pre)}
        if self.memoize:
            parts["memoize_key"] = self.memoize_key
        return parts

    @property
    def batched(self) -> bool:
        """Whether `process_batch` does many examples at once."""
        return type(self).process_batch is not Preprocessor.process_batch

    def __call__(self, example: Any) -> Any:
        """Run ``pre`` and then this preprocessor on one example.

        Parameters
        ----------
        example : object
            Anything with attributes, or a mapping. It is not changed.

        Returns
        -------
        object
            The example with the added attributes.
        """
        return apply_preprocessors((self,), example)

    def process(self, example: Any) -> Any:
        """Run this preprocessor alone (without ``pre``) on one example; remember the result where asked to."""
        if not self.memoize:
            return self._compute(example)
        key = self._key(example)
        with self._lock:
            hit = key in self._memo
            if hit:
                self._memo.move_to_end(key)
                remembered = self._memo[key]
        if hit:
            return Layer(example, remembered) if isinstance(remembered, dict) else remembered
        result = self._compute(example)
        self._keep(key, example, result)
        return result

    def process_batch(self, examples: Sequence[Any]) -> list[Any]:
        """Run this preprocessor alone on many examples; subclasses do it faster than one by one.

        Returns
        -------
        list
            One result per example; None where the example is left to `process`, for instance to report what is wrong.
        """
        return [self.process(example) for example in examples]

    def remembers(self, example: Any) -> bool:
        """Whether the memo holds the result for an example."""
        return self._key(example) in self._memo

    def remember(self, example: Any, result: Any) -> None:
        """Put the result for an example into the memo."""
        self._keep(self._key(example), example, result)

    def _keep(self, key: Hashable, example: Any, result: Any) -> None:
        # What was added is remembered, not the example: the next example with this key has other fields of its own.
        remembered: Any = result
        if type(result) is Layer:
            before = example.__dict__ if isinstance(example, Layer) else {}
            remembered = {
                name: value
                for name, value in result.__dict__.items()
                if name not in before or before[name] is not value
            }
        with self._lock:
            self._memo[key] = remembered
            while len(self._memo) > MEMO_SIZE:
                self._memo.popitem(last=False)

    def reset_cache(self) -> None:
        """Forget every remembered result."""
        self._lock = threading.Lock()
        self._memo: OrderedDict[Hashable, Any] = OrderedDict()

    def _compute(self, example: Any) -> Any:
        result = self.function(Layer(example))
        if result is None:
            raise FunctionError(f"preprocessor {self.name!r} returned None; it must return the example")
        return result

    def _key(self, example: Any) -> Hashable:
        if self.memoize_key is not None:
            return self.memoize_key(example if isinstance(example, Layer) else Layer(example))
        layer = example if isinstance(example, Layer) else Layer(example)
        names = self.fields if self.fields is not None else layer.keys()
        return tuple((name, hashable_value(getattr(layer, name), name, self.name)) for name in names)

    def __getstate__(self) -> dict[str, Any]:
        # A worker starts with an empty memo: sending results around costs more than computing them.
        state = dict(self.__dict__)
        del state["_lock"], state["_memo"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.reset_cache()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


def steps_of(preprocessors: Sequence[Preprocessor]) -> tuple[Preprocessor, ...]:
    """Every step of a chain in order, each once: what an earlier step already did is not done again."""
    steps: dict[Preprocessor, None] = {}

    def add(step: Preprocessor) -> None:
        if step not in steps:
            for earlier in step.pre:
                add(earlier)
            steps[step] = None

    for step in preprocessors:
        add(step)
    return tuple(steps)


def apply_preprocessors(preprocessors: Sequence[Preprocessor], example: Any) -> Any:
    """Run a chain of preprocessors on one example.

    Parameters
    ----------
    preprocessors : sequence of Preprocessor
        The chain; each one's own ``pre`` goes before it. One that occurs twice runs once.
    example : object
        Anything with attributes, or a mapping. It is not changed.

    Returns
    -------
    object
        The example itself where the chain is empty, else the example with the added attributes.
    """
    for step in steps_of(preprocessors):
        example = step.process(example)
    return example


@overload
def preprocessor(name: Callable[[Any], Any], /) -> Preprocessor: ...
@overload
def preprocessor(
    name: str | None = None,
    pre: Sequence[Preprocessor] | None = None,
    memoize: bool = False,
    memoize_key: Callable[[Any], Hashable] | None = None,
    *,
    fields: Sequence[str] | None = None,
    depends_on: Sequence[Any] = (),
) -> Callable[[Callable[[Any], Any]], Preprocessor]: ...
def preprocessor(
    name: str | Callable[[Any], Any] | None = None,
    pre: Sequence[Preprocessor] | None = None,
    memoize: bool = False,
    memoize_key: Callable[[Any], Hashable] | None = None,
    *,
    fields: Sequence[str] | None = None,
    depends_on: Sequence[Any] = (),
) -> Preprocessor | Callable[[Callable[[Any], Any]], Preprocessor]:
    """Make a function a preprocessor: a decorator, with or without parentheses.

    Parameters
    ----------
    name : str, optional
        Default: the function's name.
    pre : sequence of Preprocessor, optional
        Preprocessors that go first.
    memoize : bool, default False
        Remember results between examples.
    memoize_key : callable, optional
        Gets the example and returns the hashable key of its result.
    fields : sequence of str, optional
        The fields that the function reads.
    depends_on : sequence of object, optional
        What else the version depends on.

    Returns
    -------
    Preprocessor or decorator

    Examples
    --------
    >>> @preprocessor(memoize=True)
    ... def length(x):
    ...     x.length = len(x.text)
    ...     return x
    >>> length({"text": "four"}).length
    4
    """
    if callable(name):
        return Preprocessor(name)
    given = name

    def decorate(function: Callable[[Any], Any]) -> Preprocessor:
        return Preprocessor(
            function,
            name=given,
            pre=pre,
            memoize=memoize,
            memoize_key=memoize_key,
            fields=fields,
            depends_on=depends_on,
        )

    return decorate
