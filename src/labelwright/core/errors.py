"""Every exception and warning that Labelwright raises on purpose.

LabelwrightError                     catch this to catch all of ours
├── VoteError (ValueError)           a label matrix, soft labels or classes break their own rules
├── TaskError (ValueError)           tasks or relations between them contradict each other
├── DataError (ValueError)           a file or table cannot be read as examples
│   └── ArtifactError                what a run kept is lost or damaged
├── FunctionError (ValueError)       a function is declared wrongly (duplicate name, bad pattern, unknown column)
│   └── VersionError                 a function's version cannot be worked out; declare ``depends_on``
├── ExampleError (RuntimeError)      user code failed on an example; carries source, example and the fields it saw
│   ├── LabelingError                a labeling function did
│   │   └── LabelingTimeoutError     it took longer on one example than the limit given
│   └── SlicingError                 a slicing function did
├── SliceError (ValueError)          membership in slices breaks its own rules, or does not fit the examples
├── TransformationError (RuntimeError)   a transformation function raised or broke a rule; carries function and example
├── EngineError (RuntimeError)       a part could not be computed; carries the part
├── ModelError (ValueError)          a model cannot be fitted to, or used on, what it was given
│   └── NotFittedError               ``fit`` has not been called (also an AttributeError, as scikit-learn's is)
├── ProjectError (ValueError)        a project's files or settings are wrong
└── MissingExtraError (ImportError)  an optional package is needed; carries the install line

LabelwrightWarning (UserWarning)
├── FallbackWarning                  a model fell back to a simpler one, and says why
├── SlowPathWarning                  a function runs on a slower path than its kind usually does, and says why
└── DataWarning                      the data was read, but not as one might expect
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "ArtifactError",
    "DataError",
    "DataWarning",
    "EngineError",
    "ExampleError",
    "FallbackWarning",
    "FunctionError",
    "LabelingError",
    "LabelingTimeoutError",
    "LabelwrightError",
    "LabelwrightWarning",
    "MissingExtraError",
    "ModelError",
    "NotFittedError",
    "ProjectError",
    "SliceError",
    "SlicingError",
    "SlowPathWarning",
    "TaskError",
    "TransformationError",
    "VersionError",
    "VoteError",
]


class LabelwrightError(Exception):
    """Base class of every error raised on purpose."""


class VoteError(LabelwrightError, ValueError):
    """A label matrix, soft labels or a list of classes break their own rules."""


class TaskError(LabelwrightError, ValueError):
    """Tasks, or what is said to hold between them, contradict each other."""


class DataError(LabelwrightError, ValueError):
    """A file or a table cannot be read as examples."""


class ArtifactError(DataError):
    """What a run kept is lost, or is not what was kept."""


class FunctionError(LabelwrightError, ValueError):
    """A function is declared wrongly."""


class VersionError(FunctionError):
    """A function's version cannot be worked out from its code; declare ``depends_on=[...]``."""


class SliceError(LabelwrightError, ValueError):
    """Membership in slices breaks its own rules, or does not fit the examples it is used with."""


class ExampleError(LabelwrightError, RuntimeError):
    """User code failed on an example.

    Parameters
    ----------
    message : str
        What happened, in one paragraph.
    source : str
        Name of the function that failed.
    example_id : object
        Id of the example on which it failed (its position where the data has no ids).
    fields : mapping of str to object
        The field values that the function had read when it failed.
    """

    def __init__(
        self, message: str, *, source: str = "", example_id: Any = None, fields: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.source = source
        self.example_id = example_id
        self.fields = dict(fields or {})

    def __reduce__(self) -> tuple[Any, ...]:
        # The default reduction of exceptions drops keyword arguments, and these errors cross process borders.
        return _rebuild_example_error, (type(self), str(self), self.source, self.example_id, self.fields)


def _rebuild_example_error(
    kind: type[ExampleError], message: str, source: str, example_id: Any, fields: Mapping[str, Any]
) -> ExampleError:
    return kind(message, source=source, example_id=example_id, fields=fields)


class LabelingError(ExampleError):
    """A labeling function failed on an example; carries ``source``, ``example_id`` and ``fields``."""


class SlicingError(ExampleError):
    """A slicing function failed on an example; carries ``source``, ``example_id`` and ``fields``."""


class LabelingTimeoutError(LabelingError):
    """User code took longer on one example than the limit given."""


class TransformationError(LabelwrightError, RuntimeError):
    """A transformation function raised, or what it did breaks a rule.

    Parameters
    ----------
    message : str
        What happened, in one paragraph.
    source : str
        Name of the function.
    example_id : object
        Position of the example in the batch.
    step : int
        Step of the sequence, from 0.
    """

    def __init__(self, message: str, *, source: str = "", example_id: Any = None, step: int = 0) -> None:
        super().__init__(message)
        self.source = source
        self.example_id = example_id
        self.step = step

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_transformation_error, (str(self), self.source, self.example_id, self.step)


def _rebuild_transformation_error(message: str, source: str, example_id: Any, step: int) -> TransformationError:
    return TransformationError(message, source=source, example_id=example_id, step=step)


class EngineError(LabelwrightError, RuntimeError):
    """A part could not be computed.

    Parameters
    ----------
    message : str
        What happened.
    part : object
        Id of the part.
    """

    def __init__(self, message: str, *, part: Any = None) -> None:
        super().__init__(message)
        self.part = part


class ModelError(LabelwrightError, ValueError):
    """A model cannot be fitted to, or used on, what it was given."""


class NotFittedError(ModelError, AttributeError):
    """The model has not been fitted."""


class ProjectError(LabelwrightError, ValueError):
    """A project's files or settings are wrong."""


class MissingExtraError(LabelwrightError, ImportError):
    """An optional package is needed.

    Parameters
    ----------
    feature : str
        What was asked for, as the subject of a sentence.
    extra : str
        The extra that brings the package.

    Examples
    --------
    >>> str(MissingExtraError("labelwright.endmodels.torch", "torch"))
    "labelwright.endmodels.torch needs an optional package. Install it: pip install 'labelwright[torch]'"
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional package. Install it: pip install 'labelwright[{extra}]'")
        self.feature = feature
        self.extra = extra

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.feature, self.extra)


class LabelwrightWarning(UserWarning):
    """Base class of every warning raised on purpose."""


class FallbackWarning(LabelwrightWarning):
    """A model fell back to a simpler one; the message says why."""


class SlowPathWarning(LabelwrightWarning):
    """A function runs on a slower path than its kind usually does; the message says why."""


class DataWarning(LabelwrightWarning):
    """The data was read, but not as one might expect; the message says how."""
