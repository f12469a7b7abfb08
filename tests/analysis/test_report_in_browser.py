"""The report in a real browser: nothing runs off the page from a phone to a projector. Skips where there is no Chromium."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelwright.analysis import (
    Estimate,
    ModelResult,
    Note,
    ReportContent,
    histogram,
    lf_summary,
    pairwise_agreement,
    pick_examples,
    render_report,
    score,
)
from labelwright.analysis.augmentation_view import (
    AugmentationView,
    AugmentedExample,
    ConsistencyRow,
    CurvePoint,
    DrawnSequences,
    HarmRow,
    SafetyRow,
    TunableFunction,
    Variant,
)
from labelwright.analysis.slices import SplitSlices, slice_table
from labelwright.analysis.tasks.content import TaskModel, TaskResult, TasksContent, TaskScore
from labelwright.analysis.tasks.contradictions import find_contradictions
from labelwright.analysis.tasks.page import render_tasks
from labelwright.core import SoftLabels, TaskGraph, Votes
from labelwright.core.slices import Slices
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Implies

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium found; install the package chromium to run this test"),
]

# The page forbids scripts, so a frame around it measures it: elements past the right edge, and text out of its chart.
PROBE = """
<iframe id="f" width="{width}" height="900" style="border:0" srcdoc="{page}"></iframe>
<script>
f.onload = () => {{
  const d = f.contentDocument, w = d.documentElement.clientWidth, wide = [], cut = [];
  d.querySelectorAll("body *").forEach(e => {{
    const r = e.getBoundingClientRect();
    if (r.right > w + 1 && !e.closest(".scroll") && !e.closest("svg")) wide.push(e.tagName + "." + e.className);
  }});
  d.querySelectorAll("svg").forEach(s => {{
    const b = s.getBoundingClientRect();
    s.querySelectorAll("text").forEach(t => {{
      const r = t.getBoundingClientRect();
      if (r.left < b.left - 10 || r.right > b.right + 10) cut.push(t.textContent);
    }});
  }});
  const found = {{width: w, scroll: d.documentElement.scrollWidth, charts: d.querySelectorAll("svg").length, wide, cut}};
  document.title = JSON.stringify(found);
}}
</script>
"""


def augmentation() -> AugmentationView:
    rng = np.random.default_rng(0)
    names = [f"{j}_rotate_images_by_a_function_with_a_rather_long_name" for j in range(14)]
    codes = rng.integers(14, size=(300, 5))
    e, wide = Estimate(0.4, 0.3, 0.5, 100), {f"a_field_{j}": "unbroken" * 8 for j in range(6)}
    return AugmentationView(
        policy="LearnedPolicy (gru, 5 steps)",
        outcome="unbroken" * 20,
        functions=[TunableFunction(n, -30, 30, 0, "degrees", "narrowed", "why " * 20) for n in names],
        drawn=DrawnSequences(codes, rng.uniform(-30, 30, codes.shape)),
        examples=[
            AugmentedExample(
                kind="image", original=np.eye(28), variants=[Variant("rotate(7.5) > " * 4, np.eye(28))] * 7
            ),
            AugmentedExample(kind="text", original="word " * 60, variants=[Variant("unbroken" * 9, "unbroken" * 40)]),
            AugmentedExample(
                kind="record", original=wide, variants=[Variant("drop" * 9, wide | {"a_field_1": ""})] * 5
            ),
            AugmentedExample(kind="series", original=np.arange(9.0), variants=[Variant("warp", np.ones(9))] * 5),
        ],
        curve=[CurvePoint(i, 0.9, 0.2) for i in range(0, 90_000, 1000)],
        chosen_step=50_000,
        safety=[SafetyRow(n, m, e, m < 9, why="why " * 9) for n in names for m in (-30.0, 8.0, 30.0)],
        threshold=0.1,
        harm=[HarmRow(n, 30.0, f"class {c} of many", e, c > 4, 1) for n in names for c in range(12)],
        consistency=[ConsistencyRow(n, n, e, 1, 2, 3, True, "why " * 9) for n in names],
    )


def report() -> str:
    rng = np.random.default_rng(0)
    gold = rng.integers(3, size=400)
    values = np.where(rng.random((400, 30)) < 0.7, gold[:, None], rng.integers(3, size=(400, 30)))
    values[rng.random(values.shape) > 0.15] = -1
    sources = [f"{j}_a_rather_long_name_of_a_function(with|a|pattern)[^\\w]*( |$)" for j in range(30)]
    votes = Votes(values, classes=["Description", "Abbreviation", "Human being"], sources=sources)
    counts = np.stack([(values == c).sum(axis=1) + 0.2 for c in range(3)], axis=1)
    soft = SoftLabels(counts / counts.sum(axis=1, keepdims=True), votes.covered, classes=votes.classes)
    texts = ["word " * 60 + "unbroken" * 20] * 400
    slices = Slices(rng.random((400, 14)) < 0.2, [f"{s}_a_slice_with_a_long_name_" + "unbroken" * 5 for s in range(14)])
    return render_report(
        ReportContent(
            project="A project with a longer name than most",
            summary=lf_summary(votes, gold, accuracies=np.full(30, 0.7), versions=["f" * 64] * 30),
            models=[
                ModelResult("Majority vote", "majority vote", score(soft, gold), "a note on it"),
                ModelResult("End model (logistic regression on words)", "end model", score(soft, gold)),
            ],
            agreement=pairwise_agreement(votes),
            soft_labels=histogram(soft),
            slices=[
                SplitSlices("test", {role: slice_table(soft, slices, gold) for role in ("label model", "end model")})
            ],
            examples=pick_examples(votes, soft, texts, gold),
            notes=[Note("unbroken" * 30, "warning")],
            augmentation=augmentation(),
        )
    )


def report_on_tasks() -> str:
    rng = np.random.default_rng(0)
    names = [f"{j} a rather long name of a task, with_an_unbrokenpartofitthatgoeson" for j in range(20)]
    chain = [Implies((first, "yes"), (second, "yes")) for first, second in pairwise(names)]
    graph = TaskGraph.multi_label(names, chain)
    votes = TaskVotes(graph, {name: rng.integers(-1, 2, size=(80, 3)) for name in names})
    soft = SoftLabels(np.eye(2)[rng.integers(2, size=80)], classes=["no", "yes"])
    found = score(soft, rng.integers(2, size=80))
    models = [TaskModel("Joint labels", "label model", TaskScore(found.n, found.accuracy, found.macro_f1))]
    tasks = [
        TaskResult(name, ("no", "yes"), 0.5, lf_summary(votes.by_task[name]), scores={"test": models, "valid": models})
        for name in names
    ]
    contradictions = find_contradictions(votes, np.zeros((80, 20), dtype=np.int64))
    notes = [Note("unbroken" * 30, "warning")]
    return render_tasks(
        TasksContent(project="unbroken" * 9, graph=graph, tasks=tasks, contradictions=contradictions, notes=notes)
    )


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_nothing_runs_off_the_page(tmp_path: Path, width: int) -> None:
    found = measured(report(), width, tmp_path)
    assert found["charts"] >= 25
    fits(found)


def test_nothing_of_many_tasks_runs_off_the_page_of_a_phone(tmp_path: Path) -> None:
    found = measured(report_on_tasks(), 360, tmp_path)
    assert found["charts"] == 2
    fits(found)


def fits(found: dict[str, Any]) -> None:
    assert found["scroll"] <= found["width"]
    assert found["wide"] == []
    assert found["cut"] == []


def measured(report: str, width: int, tmp_path: Path) -> dict[str, Any]:
    """Lay a page out at a width in pixels, and say what runs off it."""
    # Without the policy the frame's own measuring script would be refused; unfold everything, to measure it too.
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", report).replace("<details", "<details open")
    probe = tmp_path / "probe.html"
    probe.write_text(PROBE.format(width=width, page=html.escape(page)), encoding="utf-8")
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", *quiet]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=10000", "--dump-dom", probe.as_uri()]
    out = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found: dict[str, Any] = json.loads(html.unescape(re.findall(r"<title>(.*?)</title>", out)[0]))
    return found
