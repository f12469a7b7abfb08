"""A report on several tasks: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from labelwright.analysis.markup import Child, Markup, tag
from labelwright.analysis.page import sectioned_page
from labelwright.analysis.sections.augmentation import augmentation
from labelwright.analysis.sections.blocks import figure, notes_list, percent, table, written
from labelwright.analysis.sections.lineage import lineage_of
from labelwright.analysis.tables import Column

from . import sections
from .chart import task_scores_chart
from .content import TaskModel, TaskResult, TasksContent
from .learned import findings
from .slices import STYLE as SLICES_STYLE
from .slices import slices

__all__ = ["render_tasks"]

# More tasks than these are charted by how low their accuracy is.
_CHART = 12
_TITLES = {
    "tasks": "Tasks",
    "contradictions": "Contradictions",
    "findings": "Findings",
    "functions": "Functions",
    "slices": "Slices",
    "augmentation": "Augmentation",
    "data": "Data",
    "lineage": "Lineage",
}
_STYLE = """.graph pre{overflow-x:auto;font-size:.8rem;line-height:1.5;margin:.4rem 0 0}
.graph ul{padding-left:1.1rem;font-size:.85rem;overflow-wrap:anywhere;margin-top:.4rem}
.both{display:grid;gap:1rem 2.5rem;grid-template-columns:minmax(0,1fr)}.both .chart{max-width:30rem}
@media (min-width:52rem){.both{grid-template-columns:minmax(0,30rem) minmax(0,1fr)}}
.bucket>summary{flex-wrap:wrap}.bucket>summary b{overflow-wrap:anywhere}.bucket>.scroll{margin-bottom:1rem}
td:not(.num){min-width:8rem;overflow-wrap:anywhere}.hero .what{max-width:44ch}"""

Row = tuple[TaskResult, Sequence[TaskModel]]


def render_tasks(content: TasksContent) -> str:
    """Lay out a report on several tasks as one self-contained HTML page.

    Parameters
    ----------
    content : TasksContent
        Plain results. Sections without content are left out.

    Returns
    -------
    str
        A whole HTML document in UTF-8, as `labelwright.analysis.render_report` returns: no script, nothing loaded, all
        data escaped.

    Examples
    --------
    >>> from labelwright.analysis.tasks.content import TaskResult, TasksContent
    >>> from labelwright.core import TaskGraph
    >>> graph = TaskGraph.multi_label(["dog <or> cat"])
    >>> task = TaskResult("dog <or> cat", ("no", "yes"), covered=0.9)
    >>> page = render_tasks(TasksContent(project="pets", graph=graph, tasks=[task]))
    >>> "dog &lt;or&gt; cat" in page, "<script" in page
    (True, False)
    """
    body = {
        "tasks": sections.tasks(content),
        "contradictions": sections.contradictions(content),
        "findings": findings(content),
        "functions": sections.functions(content),
        "slices": slices(content),
        "augmentation": augmentation(content.augmentation),
        "data": sections.data(content),
        "lineage": lineage_of(content.lineage, content.next_steps),
    }
    style = f"{_STYLE}\n{SLICES_STYLE}" if body["slices"] else _STYLE
    return sectioned_page(f"{content.project}: Labelwright report", _answer(content), body, _TITLES, style=style)


def _answer(content: TasksContent) -> Markup:
    split = next((s for s in ("test", "valid") if any(s in task.scores for task in content.tasks)), None)
    scored = [] if split is None else [(task, task.scores[split]) for task in content.tasks if split in task.scores]
    stamp = " · ".join(x for x in (content.when, f"run {content.run_id}" if content.run_id else "") if x)
    title = tag(
        "div",
        tag("p", "Labelwright report", tag("span", stamp) if stamp else None, class_="stamp"),
        tag("h1", content.project),
        tag("p", content.description, class_="description") if content.description else None,
    )
    verdict = _verdict(scored, split) if split is not None else _verdict_without_gold(content)
    left = tag("div", tag("div", title, verdict), _facts(content), class_="verdict")
    right = _scores_figure(scored, split) if split is not None else None
    return tag("header", tag("div", left, right, class_="hero"), notes_list(content.notes), id="answer")


def _verdict(scored: Sequence[Row], split: str) -> Markup:
    # The end model where every task has one, so that the figure is of one thing.
    role = "end model" if all(any(m.role == "end model" for m in models) for _, models in scored) else "label model"
    found = [(task.name, next(m for m in models if m.role == role)) for task, models in scored]
    found.sort(key=lambda one: one[1].score.accuracy.value)
    values = [model.score.accuracy.value for _, model in found]
    (lowest, worst), (highest, best) = found[0], found[-1]
    name = tag("b", worst.name)
    if len(found) == 1:
        value, interval = written("accuracy", worst.score.accuracy)
        spread = f"95% interval {interval}"
        sentence: Child = [name, f": accuracy on {lowest}, {worst.score.n:,} {split} examples with gold"]
    else:
        value = f"{100 * sum(values) / len(values):.1f}%"
        low, high = (written("accuracy", m.score.accuracy)[0] for m in (worst, best))
        spread = f"from {low} ({lowest}) to {high} ({highest})"
        sentence = [name, f": mean accuracy over {len(found):,} tasks with gold on {split}; each has its own interval"]
    return tag(
        "div",
        tag("p", tag("strong", value, class_="big"), tag("span", spread, class_="interval"), class_="figure"),
        tag("p", sentence, class_="what"),
    )


def _verdict_without_gold(content: TasksContent) -> Markup:
    mean = sum(task.covered for task in content.tasks) / len(content.tasks)
    return tag(
        "div",
        tag("p", tag("strong", f"{100 * mean:.1f}%", class_="big"), class_="figure"),
        tag("p", "of train is covered, on the mean over the tasks", class_="what"),
        tag("p", "No gold labels were given, so nothing here says how often the labels are right.", class_="how"),
    )


def _facts(content: TasksContent) -> Markup:
    sources = {row.source for task in content.tasks if task.summary is not None for row in task.summary.rows}
    facts = [("tasks", f"{len(content.tasks):,}"), ("functions", f"{len(sources):,}")]
    if content.splits:
        facts.append(("train examples", f"{content.splits[0].n:,}"))
    if content.contradictions is not None:
        facts.append(("with votes that contradict", percent(content.contradictions.examples, content.contradictions.n)))
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts], class_="facts")


def _scores_figure(scored: Sequence[Row], split: str) -> Markup:
    def lowest(row: Row) -> float:
        return min(m.score.accuracy.value for m in row[1])

    shown = list(scored) if len(scored) <= _CHART else sorted(scored, key=lowest)[:_CHART]
    rows = [(task.name, model) for task, models in shown for model in models]
    columns: list[Column[tuple[str, TaskModel]]] = [
        Column("task", lambda r: r[0], numeric=False),
        Column("model", lambda r: r[1].name, numeric=False),
        Column("accuracy", lambda r: written("accuracy", r[1].score.accuracy)[0]),
        Column("95% interval", lambda r: written("accuracy", r[1].score.accuracy)[1]),
        Column("n", lambda r: f"{r[1].score.n:,}"),
    ]
    how: list[Child] = []
    if len(shown) < len(scored):
        how.append(f"The {_CHART} lowest of {len(scored):,} tasks. ")
    how += [tag("span", "◆", class_="dot-learned", aria_hidden="true"), " joint labels"]
    if any(model.role == "end model" for _, model in rows):
        how += [", ", tag("span", "●", class_="dot-measured", aria_hidden="true"), " end model"]
    if any(model.role == "plain end model" for _, model in rows):
        how += [", ", tag("span", "+", class_="dot-measured", aria_hidden="true"), " the same without augmented copies"]
    counts = sorted({model.score.n for _, model in rows})
    n = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    how.append(f", on {n} {split} examples with gold for each task; bars are 95% intervals.")
    described = "; ".join(f"{name}, {model.name}: {model.score.accuracy}" for name, model in rows)
    as_table = table(rows, columns, caption="Accuracy by task")
    return figure(
        "scores",
        "How right each task is",
        how,
        task_scores_chart([(t.name, m) for t, m in shown]),
        described,
        as_table,
        heading="h2",
    )
