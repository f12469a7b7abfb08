"""What ``labelwright.toml`` may say, and how a mistake in it is explained."""

from __future__ import annotations

import difflib
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from labelwright.core.classes import Class, check_classes
from labelwright.core.errors import ProjectError, VoteError
from labelwright.core.task_graph import TaskGraph

from .augmentation_settings import AugmentationSettings, augmentation_faults
from .data_settings import SPLITS, DataSetSettings, DataSettings, SplitSettings, data_set_faults, split_faults
from .end_model_settings import EndModelSettings, NetworkSettings, end_model_faults
from .judging_settings import ContractsSettings, GatesSettings, SettingsTable, judging_faults
from .task_settings import OneOfTasks, RelationTable, graph_of_tables, task_faults

__all__ = [
    "FILE_NAME",
    "LABEL_MODELS",
    "SPLITS",
    "ApplySettings",
    "AugmentationSettings",
    "DataSetSettings",
    "DataSettings",
    "EndModelSettings",
    "LabelModelSettings",
    "NetworkSettings",
    "ProjectSettings",
    "RefreshSettings",
    "ScoreSettings",
    "Settings",
    "SplitSettings",
    "StoreSettings",
    "TaskSettings",
    "parse_settings",
    "read_settings",
]

FILE_NAME = "labelwright.toml"


# What to write where a table or key is missing.
_EXAMPLES = {
    "data": 'path = "data.csv"',
    "task": 'classes = ["ham", "spam"]',
    "classes": 'classes = ["ham", "spam"]',
}


class ProjectSettings(SettingsTable, frozen=True):
    """``[project]``: its name (default: the folder's)."""

    name: str = ""


class TaskSettings(SettingsTable, frozen=True):
    """``[task]``: the classes in the order of their codes, and the column with gold labels (for scoring only)."""

    classes: list[str | int]
    gold: str | None = None


class ApplySettings(SettingsTable, frozen=True):
    """``[apply]``: what to do when a function raises, seconds allowed per example, and worker processes."""

    on_error: Literal["raise", "abstain"] = "raise"
    timeout: float | None = None
    workers: int | None = None


# What a project may name -> the class in `labelwright.labelmodels`.
LABEL_MODELS = {
    "label_model": "LabelModel",
    "majority_vote": "MajorityVote",
    "weighted_vote": "WeightedVote",
    "matrix_completion": "MatrixCompletion",
    "triplets": "Triplets",
    "spectral": "Spectral",
    "data_programming": "DataProgramming",
    "dawid_skene": "DawidSkene",
    "hierarchical_dawid_skene": "HierarchicalDawidSkene",
    "independent_bcc": "IndependentBCC",
    "enhanced_bcc": "EnhancedBCC",
    "glad": "GLAD",
    "mace": "MACE",
    "fusion": "Fusion",
}


class LabelModelSettings(SettingsTable, frozen=True):
    """``[label_model]``: how votes become soft labels. ``class_balance`` is estimated where it is not given.

    ``dependencies`` are pairs of functions that depend on each other, by name, for methods that take them.
    """

    method: Literal[
        "label_model",
        "majority_vote",
        "weighted_vote",
        "matrix_completion",
        "triplets",
        "spectral",
        "data_programming",
        "dawid_skene",
        "hierarchical_dawid_skene",
        "independent_bcc",
        "enhanced_bcc",
        "glad",
        "mace",
        "fusion",
    ] = "label_model"
    class_balance: list[float] | None = None
    dependencies: list[tuple[str, str]] | None = None
    random_state: int = 0


class ScoreSettings(SettingsTable, frozen=True):
    """``[score]``: ``supervised = true`` also trains the end model's recipe on gold, as the ceiling to compare with."""

    supervised: bool = False


class RefreshSettings(SettingsTable, frozen=True):
    """``[refresh]``: soft labels of a part stay as they are where no probability moves by more than ``tolerance``."""

    tolerance: float = 0.0


class StoreSettings(SettingsTable, frozen=True):
    """``[store]``: where the training database is, if not in ``.labelwright/``: a catalog and artifacts for a team."""

    catalog: str | None = None
    artifacts: str | None = None


class Settings(SettingsTable, frozen=True):
    """The whole file.

    Examples
    --------
    >>> text = '''
    ... [data]
    ... path = "comments.csv"
    ... [task]
    ... classes = ["ham", "spam"]
    ... '''
    >>> parse_settings(text).data.path
    'comments.csv'
    """

    # Without a path where the file has several data sets, and only there.
    data: DataSettings = DataSettings()
    # Without classes where the file has several tasks, and only there.
    task: TaskSettings = TaskSettings(classes=[])
    project: ProjectSettings = ProjectSettings()
    apply: ApplySettings = ApplySettings()
    label_model: LabelModelSettings = LabelModelSettings()
    end_model: EndModelSettings = EndModelSettings()
    score: ScoreSettings = ScoreSettings()
    refresh: RefreshSettings = RefreshSettings()
    store: StoreSettings = StoreSettings()
    contracts: ContractsSettings = ContractsSettings()
    gates: GatesSettings = GatesSettings()
    # Unset, and so not in what a run keeps: a project without the table is what it was before there was one.
    augmentation: AugmentationSettings | msgspec.UnsetType = msgspec.UNSET
    tasks: dict[str, OneOfTasks] | msgspec.UnsetType = msgspec.UNSET
    relations: list[RelationTable] | msgspec.UnsetType = msgspec.UNSET
    data_sets: dict[str, DataSetSettings] | msgspec.UnsetType = msgspec.UNSET

    @property
    def has_tasks(self) -> bool:
        """Whether the file has several tasks, ``[tasks.NAME]``, in place of one."""
        return not isinstance(self.tasks, msgspec.UnsetType)

    @property
    def sets(self) -> Mapping[str, DataSettings]:
        """The data sets by name; the one of ``[data]`` is called ``""``."""
        return {"": self.data} if isinstance(self.data_sets, msgspec.UnsetType) else self.data_sets

    def tasks_about(self, data_set: str) -> tuple[str, ...]:
        """Return which of several tasks the examples of a data set are about, in the order of the graph."""
        said = getattr(self.sets[data_set], "tasks", None)
        return tuple(task for task in self.graph.names if said is None or task in said)

    @property
    def graph(self) -> TaskGraph:
        """The task graph of a project with several tasks."""
        assert not isinstance(self.tasks, msgspec.UnsetType)
        return graph_of_tables(self.tasks, [] if isinstance(self.relations, msgspec.UnsetType) else self.relations)

    @property
    def gold_columns(self) -> dict[str, str]:
        """The column of gold of each task that has one, by task; the one task is called ``""``."""
        if isinstance(self.tasks, msgspec.UnsetType):
            return {} if self.task.gold is None else {"": self.task.gold}
        return {name: one.gold for name, one in self.tasks.items() if one.gold is not None}


def read_settings(folder: Path, *, several_tasks: bool | None = False, asked: str = "this verb") -> Settings:
    """Read ``labelwright.toml`` in ``folder``.

    Parameters
    ----------
    folder : Path
    several_tasks : bool or None, default False
        Whether the project must have several tasks, ``[tasks.NAME]``, or must not; ``None`` takes both.
    asked : str
        What works on one task alone, for the message.

    Raises
    ------
    ProjectError
        If the file is missing, is not UTF-8 TOML, or says something that `Settings` does not allow; the message
        names the file, the key, what is allowed and the closest match. Or if it has several tasks where it must not,
        or one where it must have several.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_bytes().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise ProjectError(
            f"{folder} is not a Labelwright project: it has no {FILE_NAME}. Start one here with `labelwright init`, "
            "or name a project's folder with --project."
        ) from None
    except UnicodeDecodeError as error:
        raise ProjectError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    settings = parse_settings(text, path=path)
    if several_tasks is False and settings.has_tasks:
        raise ProjectError(
            f"{path} has several tasks, [tasks.NAME], which `labelwright run` labels together; {asked} works on a "
            "project with one [task]."
        )
    if several_tasks is True and not settings.has_tasks:
        raise ProjectError(
            f"{path} has one [task], which `labelwright run` labels; this verb works on a project with several, "
            "written as [tasks.NAME]."
        )
    return settings


def parse_settings(text: str, *, path: Path | str = FILE_NAME) -> Settings:
    r"""Parse the text of a ``labelwright.toml``; ``path`` only names the file in errors.

    Raises
    ------
    ProjectError
        As `read_settings`.

    Examples
    --------
    >>> parse_settings('[task]\nclases = ["ham", "spam"]')
    Traceback (most recent call last):
    labelwright.core.errors.ProjectError: labelwright.toml: [task] has no key 'clases'. Did you mean 'classes'? ...
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(f"{path} is not valid TOML: {error}.") from None
    _reject_unknown(content, Settings, (), path)
    try:
        settings = msgspec.convert(content, Settings)
    except msgspec.ValidationError as error:
        raise ProjectError(_explain(str(error), path)) from None
    if not content.keys() & {"data", "data_sets"}:
        raise ProjectError(f"{path}: the file needs {_missing('', 'data')}.")
    _check(settings, path)
    return settings


def _tables(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: _set(hint) for name, hint in typing.get_type_hints(kind).items()}


def _set(hint: Any) -> Any:
    """Return what a key is where it is not left out."""
    given = [one for one in typing.get_args(hint) if one not in (msgspec.UnsetType, type(None))]
    return given[0] if len(given) == 1 and typing.get_origin(hint) in (types.UnionType, typing.Union) else hint


def _reject_unknown(
    content: dict[str, Any], kind: type[msgspec.Struct], where: tuple[str, ...], path: Path | str
) -> None:
    """Refuse keys that a table does not have, before types are checked: a typo explains the missing key best."""
    allowed = _tables(kind)
    for key, value in content.items():
        if key not in allowed:
            close = difflib.get_close_matches(key, allowed, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            place = f"[{'.'.join(where)}]" if where else "the top level"
            raise ProjectError(f"{path}: {place} has no key {key!r}.{hint} Allowed: {', '.join(sorted(allowed))}.")
        inner = allowed[key]
        if typing.get_origin(inner) is dict and isinstance(value, dict):  # a table of tables, by name
            for name, table in value.items():
                if isinstance(table, dict):
                    _reject_unknown(table, typing.get_args(inner)[1], (*where, key, name), path)
        elif isinstance(inner, type) and issubclass(inner, msgspec.Struct) and isinstance(value, dict):
            _reject_unknown(value, inner, (*where, key), path)


def _explain(message: str, path: Path | str) -> str:
    """Put msgspec's sentence into ours: the file, the key as TOML writes it, what was met, what is allowed."""
    found = re.fullmatch(r"(?P<what>.*?)(?: - at `\$(?P<key>.*)`)?", message, flags=re.DOTALL)
    assert found is not None
    what, key = found["what"], (found["key"] or "").lstrip(".")
    missing = re.fullmatch(r"Object missing required field `(\w+)`", what)
    if missing:
        return f"{path}: {f'[{key}]' if key else 'the file'} needs {_missing(key, missing[1])}."
    allowed = _allowed(key)
    listed = f" Allowed: {', '.join(allowed)}." if allowed else ""
    value = re.fullmatch(r"Invalid enum value '(.*)'", what)
    if value:
        close = difflib.get_close_matches(value[1], allowed, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return f"{path}: {key} is {value[1]!r}.{hint}{listed}"
    if re.fullmatch(r"(task|tasks\[\.\.\.\])\.classes", key):
        listed = f" Write a list, such as `{_EXAMPLES['classes']}`."
    return f"{path}: {key}: {what[:1].lower()}{what[1:].replace('`', '')}.{listed}"


def _missing(table: str, key: str) -> str:
    """Say which key is missing, with a line to write where it can be guessed."""
    what = f"the key {key!r}" if table else f"a [{key}] table"
    return f"{what}, such as `{_EXAMPLES[key]}`" if key in _EXAMPLES else what


def _allowed(key: str) -> list[str]:
    """List the values of a key that has few, and nothing for any other."""
    kind: Any = Settings
    for name in key.split("."):
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            return []
        kind = _tables(kind).get(name)
    return [str(v) for v in typing.get_args(kind)] if typing.get_origin(kind) is Literal else []


def _check(settings: Settings, path: Path | str) -> None:
    """Check what types cannot say."""
    classes = _checked_classes(settings, path)
    _check_data(settings, path)
    balance = settings.label_model.class_balance
    if balance is not None and (len(balance) != len(classes) or min(balance) <= 0 or abs(sum(balance) - 1) > 1e-6):
        raise ProjectError(
            f"{path}: label_model.class_balance is {balance}; it needs one positive share per class "
            f"({', '.join(map(str, classes))}), adding up to 1."
        )
    if re.search(r"://[^/@]*:[^/@]*@", settings.store.catalog or ""):
        # Settings are in git, and every run keeps them.
        raise ProjectError(f"{path}: store.catalog holds a password; leave it to PGPASSWORD or ~/.pgpass.")
    end = settings.end_model
    for fault in end_model_faults(end, tasks=settings.has_tasks):
        raise ProjectError(f"{path}: {fault}")
    if settings.score.supervised and (end.kind == "none" or settings.task.gold is None):
        raise ProjectError(f"{path}: score.supervised = true needs task.gold and an end model (end_model.kind).")
    if any(value is not None and value <= 0 for value in (settings.apply.workers, settings.apply.timeout)):
        raise ProjectError(f"{path}: apply.workers and apply.timeout must be positive.")
    if not 0 <= settings.refresh.tolerance < 1:
        raise ProjectError(
            f"{path}: refresh.tolerance is {settings.refresh.tolerance}; it is a difference of probabilities, at least "
            "0 and less than 1."
        )
    tasks = {name: settings.graph.states(name) for name in settings.graph.names} if settings.has_tasks else None
    faults = judging_faults(settings.contracts, settings.gates, classes, tasks)
    for fault in (*faults, *augmentation_faults(settings.augmentation, end.kind)):
        raise ProjectError(f"{path}: {fault}")


def _check_data(settings: Settings, path: Path | str) -> None:
    if not isinstance(settings.data_sets, msgspec.UnsetType):
        faults = data_set_faults(settings)
    else:
        faults = split_faults(settings.data)
    for fault in faults:
        raise ProjectError(f"{path}: {fault}")


def _checked_classes(settings: Settings, path: Path | str) -> tuple[Class, ...]:
    """Check what is said of the task, or of several; return the classes of the one task, or those of all."""
    for fault in task_faults(settings):
        raise ProjectError(f"{path}: {fault}")
    if not isinstance(settings.tasks, msgspec.UnsetType):
        return tuple(dict.fromkeys(c for one in settings.tasks.values() for c in one.classes))
    if not settings.task.classes:
        raise ProjectError(f"{path}: the file needs {_missing('', 'task')}.")
    try:
        return check_classes(settings.task.classes)
    except VoteError as error:
        raise ProjectError(f"{path}: task.classes: {error}") from None
