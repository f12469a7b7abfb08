"""Slicing functions written in Python, one example at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from labelwright.core.errors import FunctionError
from labelwright.functions.per_example import PerExample
from labelwright.functions.preprocessors import Preprocessor, apply_preprocessors
from labelwright.functions.reading import as_example

from .base import SlicingFunction

if TYPE_CHECKING:
    import polars as pl

__all__ = ["PythonSlice", "slicing_function"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PythonSlice(PerExample, SlicingFunction):
    """A slicing function of one example; made by `slicing_function`.

    Parameters
    ----------
    function : callable
        Gets the example, and ``resources`` as keyword arguments; returns whether it belongs to the slice.
    resources : mapping of str to object
        Keyword arguments of every call.
    pre : sequence of Preprocessor
        Run on the example first.
    depends_on : sequence of object
        What else the version depends on.
    name, fields
        As for `SlicingFunction`. Without ``fields``, they are worked out from the syntax tree.
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", self._settle(f"slicing function {self.name!r}", self.fields))
        super().__post_init__()

    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of, besides ``depends_on``."""
        return {"function": self.function, "pre": self.pre, "resources": self.resources}

    def columns(self, schema: pl.Schema) -> tuple[str, ...]:
        """Return the columns that it reads; those it asks for with ``x.get`` only where the data has them."""
        found = super().columns(schema)
        return found if self.fields is None else (*found, *self._asked(schema))

    def belongs(self, example: Any) -> bool:
        """Return whether an example that has been through the preprocessors belongs to the slice.

        Raises
        ------
        FunctionError
            If the function returns something that is no truth value.
        """
        return _checked(self.name, self.answer(example))

    def __call__(self, x: Any) -> bool:
        """Return whether one example of any kind belongs to the slice.

        Raises
        ------
        FunctionError
            If the function returns something that is no truth value.
        """
        return self.belongs(apply_preprocessors(self.pre, as_example(x)))


def _checked(name: str, answer: Any) -> bool:
    if answer is True or answer is False:
        return answer
    # A condition on a missing value, or a function that ends without return: it did not say that it belongs.
    if answer is None:
        return False
    if type(answer).__module__ == "numpy" and type(answer).__name__ in ("bool", "bool_"):
        return bool(answer)
    raise FunctionError(
        f"slicing function {name!r} returned {answer!r} ({type(answer).__name__}); return True or False "
        "(None counts as False), with bool(...) where need be."
    )


@overload
def slicing_function(name: Callable[..., Any], /) -> PythonSlice: ...
@overload
def slicing_function(
    name: str | None = None,
    resources: Mapping[str, Any] | None = None,
    pre: Sequence[Preprocessor] | None = None,
    *,
    fields: Sequence[str] | None = None,
    depends_on: Sequence[Any] = (),
) -> Callable[[Callable[..., Any]], PythonSlice]: ...
def slicing_function(
    name: str | Callable[..., Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    pre: Sequence[Preprocessor] | None = None,
    *,
    fields: Sequence[str] | None = None,
    depends_on: Sequence[Any] = (),
) -> PythonSlice | Callable[[Callable[..., Any]], PythonSlice]:
    """Make a Python function a slicing function: a decorator, with or without parentheses.

    The function gets one example and returns whether it belongs to the slice: True or False; None counts as False. It
    reads fields as a labeling function does.

    Parameters
    ----------
    name : str, optional
        Name of the slice. Default: the function's name.
    resources : mapping of str to object, optional
        Keyword arguments of every call: word lists, a knowledge base, a model.
    pre : sequence of Preprocessor, optional
        Preprocessors to run on the example first.
    fields : sequence of str, optional
        The columns that it and its preprocessors read. Default: worked out from the syntax tree where possible;
        otherwise all columns are built.
    depends_on : sequence of object, optional
        What else the version depends on, where that cannot be worked out.

    Returns
    -------
    PythonSlice or decorator

    Raises
    ------
    FunctionError
        If what is decorated is no function.

    Examples
    --------
    >>> @slicing_function
    ... def short(x):
    ...     return len(x.text.split()) < 5
    >>> short({"text": "love this song"}), short.name
    (True, 'short')
    """
    if callable(name):
        return _decorate(name, None, fields=fields)
    given = name
    made = {"resources": resources or {}, "pre": tuple(pre or ()), "depends_on": tuple(depends_on), "fields": fields}
    return lambda function: _decorate(function, given, **made)


def _decorate(function: Any, name: str | None, **more: Any) -> PythonSlice:
    if isinstance(function, SlicingFunction):
        raise FunctionError(f"{function.name!r} is a slicing function already.")
    if not callable(function):
        raise FunctionError(f"slicing_function decorates a function of one example, not a {type(function).__name__}.")
    chosen = name if name is not None else getattr(function, "__name__", type(function).__name__)
    return PythonSlice(name=chosen, function=function, **more)
