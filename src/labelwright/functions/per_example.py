"""What functions of one example share, whatever they answer: resources, preprocessors, the fields they read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labelwright.core.errors import FunctionError

from .fields import field_access
from .layers import Layer
from .preprocessors import Preprocessor
from .reading import fields_of

__all__ = ["PerExample"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PerExample:
    """A Python function of one example; a base of labeling and slicing functions.

    Parameters
    ----------
    function : callable
        Gets the example, and ``resources`` as keyword arguments.
    resources : mapping of str to object
        Keyword arguments of every call.
    pre : sequence of Preprocessor
        Run on the example first.
    depends_on : sequence of object
        What else the version depends on.
    """

    function: Callable[..., Any]
    resources: Mapping[str, Any] = field(default_factory=dict)
    pre: tuple[Preprocessor, ...] = ()
    depends_on: tuple[Any, ...] = ()
    _asks: frozenset[str] = field(default=frozenset(), init=False)
    only_reads: bool = field(default=False, init=False)

    def _settle(self, owner: str, fields: Sequence[str] | None) -> Sequence[str] | None:
        """Check what was given, and return the fields that are read, worked out from the syntax tree without any."""
        set_ = object.__setattr__
        set_(self, "resources", dict(self.resources))
        set_(self, "pre", tuple(self.pre))
        set_(self, "depends_on", tuple(self.depends_on))
        wrong = [step for step in self.pre if not isinstance(step, Preprocessor)]
        if wrong:
            raise FunctionError(f"pre of {owner} holds {wrong[0]!r}; decorate it with @preprocessor first.")
        # Access that can be told has no writing in it.
        set_(self, "only_reads", field_access(self.function) is not None)
        set_(self, "__doc__", getattr(self.function, "__doc__", None))
        if fields is not None:
            return fields
        reads, asks = fields_of(self.function, self.pre)
        set_(self, "_asks", asks)
        return reads

    def _asked(self, schema: Iterable[str]) -> list[str]:
        """Return the columns that it asks for with ``x.get``, as far as the data has them."""
        return sorted(name for name in self._asks if name in schema)

    def answer(self, example: Any) -> Any:
        """Call the function on an example that has been through the preprocessors; what it returns is not checked.

        A function that may write to the example gets a layer of its own: what it writes, others must not see.
        """
        example = example if self.only_reads else Layer(example)
        return self.function(example, **self.resources) if self.resources else self.function(example)
