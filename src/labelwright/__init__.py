"""Labelwright: program, model, explain and maintain training sets.

Write functions (`labeling_function`, `keyword_lf`, `regex_lf`, ...), `apply` them to data to get `Votes`, look at them
with `lf_summary`, fit a `LabelModel` to get `SoftLabels`, train an end model on those (`endmodels`), and write a
`report`; or keep all of it in a `Project`, which the ``labelwright`` command runs.

Many related tasks share a `TaskGraph` (`Task`, `Refines`, `Implies`, ...): `apply` with it gives `TaskVotes`, and
`labelmodels.MultiTask` labels all of them together.

Names load on first use (PEP 562), so that importing the package costs milliseconds and brings no heavy guest. The stub
beside this file tells type checkers and editors what each name is.
"""

from __future__ import annotations

from .lazy_names import load_on_use

__version__ = "0.1.0"

# Name -> the room it lives in. Rooms stand for themselves.
_HOMES = {
    "ABSTAIN": "core",
    "SoftLabels": "core",
    "Task": "core",
    "TaskGraph": "core",
    "Votes": "core",
    "Equal": "core.tasks",
    "Excludes": "core.tasks",
    "Feasible": "core.tasks",
    "Implies": "core.tasks",
    "Refines": "core.tasks",
    "TaskVotes": "core.task_votes",
    "LabelModel": "labelmodels",
    "diagnose": "labelmodels",
    "learn_dependencies": "labelmodels",
    "Project": "pipeline",
    "apply": "labeling",
    "batch_lf": "labeling",
    "column_lf": "labeling",
    "expression_lf": "labeling",
    "keyword_lf": "labeling",
    "labeling_function": "labeling",
    "lookup_lf": "labeling",
    "nlp_labeling_function": "labeling",
    "regex_lf": "labeling",
    "threshold_lf": "labeling",
    "lf_summary": "analysis",
    "transformation_function": "augmentation",
    "preprocessor": "functions",
    "report": "pipeline",
    "slicing_function": "slicing",
}
_ROOMS = (
    "analysis",
    "augmentation",
    "core",
    "data",
    "endmodels",
    "engines",
    "functions",
    "labeling",
    "labelmodels",
    "pipeline",
    "slicing",
    "testing",
)

__all__ = ["__version__", *_HOMES, *_ROOMS]


__getattr__ = load_on_use(__name__, _HOMES, _ROOMS)


def __dir__() -> list[str]:
    return sorted(__all__)
