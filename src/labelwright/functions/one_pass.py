"""One pass over the data: an example goes through each chain of preprocessors once, however many functions ask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .preprocessors import Preprocessor, steps_of

__all__ = ["Run"]


class Run:
    """Shares the preprocessors' work between all functions of one pass over the data.

    One `Run` belongs to one worker: it remembers the example at hand, so two threads must not share it.

    Parameters
    ----------
    preprocessors : iterable of Preprocessor or of sequences of Preprocessor
        Every chain that `apply` will be asked for (a single preprocessor is a chain of one). They are needed ahead
        only by `prepare`.

    Examples
    --------
    >>> from labelwright.functions import preprocessor
    >>> calls = []
    >>> @preprocessor
    ... def tokens(x):
    ...     calls.append(x.text)
    ...     x.tokens = x.text.split()
    ...     return x
    >>> run = Run([tokens])
    >>> row = {"text": "one pass for all"}
    >>> [len(run.apply([tokens], row).tokens) for function in range(5)], calls
    ([4, 4, 4, 4, 4], ['one pass for all'])
    """

    def __init__(self, preprocessors: Iterable[Preprocessor | Sequence[Preprocessor]] = ()) -> None:
        self._chains: dict[tuple[Preprocessor, ...], tuple[Preprocessor, ...]] = {}
        for chain in preprocessors:
            self._steps((chain,) if isinstance(chain, Preprocessor) else tuple(chain))
        self._record: Any = None
        self._results: dict[tuple[Preprocessor, ...], Any] = {}
        self._chunk: dict[int, tuple[Any, dict[tuple[Preprocessor, ...], Any]]] = {}

    @property
    def batched(self) -> bool:
        """Whether any chain has a step that does many examples at once, so that `prepare` is worth calling."""
        return any(step.batched for steps in self._chains.values() for step in steps)

    def apply(self, preprocessors: Sequence[Preprocessor], record: Any) -> Any:
        """Run a chain on one example; a chain that this example already went through is not run again.

        Parameters
        ----------
        preprocessors : sequence of Preprocessor
            The chain.
        record : object
            The example. It is recognised by identity and not changed.

        Returns
        -------
        object
            The example with the added attributes; functions that ask for the same chain share it.
        """
        if not preprocessors:
            return record
        if record is not self._record:
            self._record = record
            prepared = self._chunk.get(id(record))
            self._results = prepared[1] if prepared is not None else {}
        return self._advance(self._steps(tuple(preprocessors)), record, self._results)

    def prepare(self, records: Sequence[Any]) -> None:
        """Let batched preprocessors do a whole chunk of examples at once, ahead of `apply`.

        Without batched preprocessors this does nothing. An example on which a batch fails is left to `apply`, where
        the failure can be told with the example it belongs to.

        Parameters
        ----------
        records : sequence of object
            The very objects that `apply` will be given. They and their results are held until the next call.
        """
        self._record, self._results = None, {}
        if not self.batched:
            return
        self._chunk = {id(record): (record, {}) for record in records}
        for steps in self._chains.values():
            for position, step in enumerate(steps):
                if step.batched:
                    self._prepare_step(steps[:position], step)

    def _prepare_step(self, before: tuple[Preprocessor, ...], step: Preprocessor) -> None:
        waiting, inputs = [], []
        for record, results in self._chunk.values():
            if (*before, step) in results:
                continue
            try:
                inputs.append(self._advance(before, record, results))
            except Exception:  # raised again by apply, which knows whom to tell
                continue
            waiting.append(results)
        try:
            outputs = step.process_batch(inputs)
        except Exception:  # as above: one by one, the example at fault shows
            return
        for results, output in zip(waiting, outputs, strict=True):
            if output is not None:
                results[(*before, step)] = output

    def _steps(self, preprocessors: tuple[Preprocessor, ...]) -> tuple[Preprocessor, ...]:
        steps = self._chains.get(preprocessors)
        if steps is None:
            steps = self._chains[preprocessors] = steps_of(preprocessors)
        return steps

    @staticmethod
    def _advance(steps: tuple[Preprocessor, ...], record: Any, results: dict[tuple[Preprocessor, ...], Any]) -> Any:
        if steps in results:
            return results[steps]
        if not steps:
            return record
        result = steps[-1].process(Run._advance(steps[:-1], record, results))
        results[steps] = result
        return result
