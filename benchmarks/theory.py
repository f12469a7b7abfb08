"""How errors fall with the number of unlabelled examples: of the label model's parameters, and of an end model."""

from __future__ import annotations

import html
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtr

from labelwright.analysis.charts import Spec
from labelwright.analysis.palette import BLUE, GREEN, GREY, INK, MUTED, VERMILLION
from labelwright.analysis.svg import inline_svg
from labelwright.endmodels.logistic import SoftLogisticRegression
from labelwright.labelmodels.completion.matrix_completion import MatrixCompletion

SEEDS = 30
SIZES = (1_000, 5_623, 31_623, 177_828, 1_000_000)
FIGURE = Path("build") / "theory.html"

BALANCE = np.array([0.7, 0.3])
ACCURACIES = np.linspace(0.6, 0.85, 10)
COVERAGE = 0.7
# Source -> the one that it copies on this share of the examples.
COPIES = {1: 0, 3: 2, 4: 2}
COPIED = 0.6
# Features given Y are normal about plus and minus this, so that the log-odds of Y are linear in them.
MEAN = np.array([0.6, -0.4, 0.3, 0.0])

Floats = npt.NDArray[np.float64]
Errors = dict[str, Floats]


def tables(dependent: bool) -> Floats:
    """Return the true P(vote | Y), shape (m, 2 votes, 2 classes)."""
    out = COVERAGE * np.array([[[a, 1 - a], [1 - a, a]] for a in ACCURACIES])
    for source, original in COPIES.items() if dependent else ():
        out[source] = COPIED * out[original] + (1 - COPIED) * out[source]
    return out


def draw(rng: np.random.Generator, n: int, dependent: bool) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Return votes (n, m) and the truth (n,)."""
    truth = (rng.random(n) < BALANCE[1]).astype(np.int8)
    chance = rng.random((n, len(ACCURACIES)), dtype=np.float32)
    right = chance < (COVERAGE * ACCURACIES).astype(np.float32)
    L = np.where(right, truth[:, None], 1 - truth[:, None])
    L[chance >= np.float32(COVERAGE)] = -1
    for source, original in COPIES.items() if dependent else ():
        L[:, source] = np.where(rng.random(n) < COPIED, L[:, original], L[:, source])
    return L.astype(np.int8), truth


def limit() -> Floats:
    """Return the weights (d + 1,) of the end model that the true label model and endless examples give.

    Votes leave doubt, so that soft labels lie between the classes: E[q | x] = sum_y P(y | x) E[q | y], in which
    E[q | y] sums over all ways to vote. The features enter by their projection on the line between the class means.
    """
    given = tables(dependent=False)
    letters = np.concatenate([given, 1 - given.sum(axis=1, keepdims=True)], axis=1)
    joint = np.ones((1, 2))
    for letter in letters:
        joint = (joint[:, None] * letter).reshape(-1, 2)
    q = joint * BALANCE / (joint @ BALANCE)[:, None]
    q[-1] = BALANCE  # nobody votes
    believed = q[:, 1] @ joint
    far = float(np.linalg.norm(MEAN))
    s = np.linspace(-12, 12, 6001)
    density = np.exp(-((s[:, None] - [-far, far]) ** 2) / 2) * BALANCE
    target, share = density @ believed / density.sum(axis=1), density.sum(axis=1) / density.sum()
    x, w = np.stack([s, np.ones(len(s))], axis=1), np.zeros(2)
    for _ in range(50):
        p = expit(x @ w)
        w += np.linalg.solve((x.T * (share * p * (1 - p))) @ x, x.T @ (share * (target - p)))
    return np.append(w[0] * MEAN / far, w[1])


def risk(weights: Floats) -> float:
    """Return the share of wrong labels of the linear classifier ``weights`` (d + 1,), in closed form."""
    w, b = weights[:-1], weights[-1]
    size = np.linalg.norm(w)
    return float(BALANCE[1] * ndtr(-(w @ MEAN + b) / size) + BALANCE[0] * ndtr((b - w @ MEAN) / size))


def end_model(
    rng: np.random.Generator, truth: npt.NDArray[np.int8], probs: Floats, endless: Floats
) -> tuple[float, float]:
    """Train a noise-aware logistic regression; return how far from ``endless`` it is, in weights and in risk."""
    X = rng.normal(size=(len(truth), len(MEAN))) + np.where(truth[:, None] == 1, MEAN, -MEAN)
    found = SoftLogisticRegression(C=1e6, tol=1e-8).fit_soft(X, probs)
    weights = np.append(found.coef_[0], found.intercept_)
    return float(np.linalg.norm(weights - endless)), abs(risk(weights) - risk(endless))


def once(seed: int, endless: Floats) -> tuple[Errors, Floats]:
    """Return what is measured at each size, and the seconds of solving."""
    rng = np.random.default_rng(seed)
    out: Errors = {name: np.zeros(len(SIZES)) for name in SERIES}
    seconds = np.zeros(len(SIZES))
    for at, n in enumerate(SIZES):
        for dependent in (False, True):
            L, truth = draw(rng, n, dependent)
            model = MatrixCompletion(dependencies=list(COPIES.items()) if dependent else None)
            stats = model.summarize(L)
            started = time.perf_counter()
            model.fit_stats(stats)
            seconds[at] = time.perf_counter() - started
            kind = "with dependencies" if dependent else "independent"
            found = model.params_.tables.reshape(-1, 2, 2)
            out[f"label model, {kind}"][at] = np.abs(found - tables(dependent)).mean()
            if not dependent:
                probs = model.predict_proba(L)
                out["end model, parameters"][at], out["end model, excess error"][at] = end_model(
                    rng, truth, probs, endless
                )
    return out, seconds


def slope(errors: Floats) -> tuple[float, float, float]:
    """Return the log-log slope of the mean over seeds of ``errors`` (seeds, sizes), with a 95 % interval."""
    logs = np.log(SIZES)
    rng = np.random.default_rng(0)
    again = errors[rng.integers(len(errors), size=(1000, len(errors)))].mean(axis=1)
    drawn = np.polyfit(logs, np.log(again).T, 1)[0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(np.polyfit(logs, np.log(errors.mean(axis=0)), 1)[0]), float(low), float(high)


# Name -> (colour, shape, lowest and highest slope that the theory allows).
SERIES: Mapping[str, tuple[str, str, float, float]] = {
    "label model, independent": (VERMILLION, "diamond", -0.55, -0.45),
    "label model, with dependencies": (BLUE, "circle", -0.55, -0.45),
    "end model, parameters": (GREEN, "triangle-up", -0.55, -0.45),
    "end model, excess error": (GREY, "square", -np.inf, -0.45),
}


def figure(errors: Errors) -> Spec:
    """Draw means over seeds with two standard errors, both axes logarithmic."""
    rows = []
    for name, values in errors.items():
        middle, error = values.mean(axis=0), 2 * values.std(axis=0, ddof=1) / np.sqrt(len(values))
        for n, value, e in zip(SIZES, middle, error, strict=True):
            low = max(value - e, value / 10)
            rows.append({"n": n, "error": value, "low": low, "high": value + e, "what": name})
    names = list(SERIES)
    key: Spec = {
        "field": "what",
        "title": None,
        "sort": names,
        "legend": {"orient": "top", "columns": 1, "labelLimit": 300},
    }
    colour = key | {"scale": {"domain": names, "range": [SERIES[name][0] for name in names]}}
    shape = key | {"scale": {"domain": names, "range": [SERIES[name][1] for name in names]}}
    log = {"type": "quantitative", "scale": {"type": "log"}}
    x_axis = {"title": "unlabelled examples n", "values": [1e3, 1e4, 1e5, 1e6], "format": ",d"}
    x: Spec = {"field": "n", "axis": x_axis} | log
    y: Spec = {"field": "error", "axis": {"title": "error", "tickCount": 6, "format": ".0e"}} | log
    at = {"x": x, "color": colour}
    interval = at | {"y": y | {"field": "low"}, "y2": {"field": "high"}}
    return {
        "width": 520,
        "height": 380,
        "background": None,
        "config": {"font": "system-ui, sans-serif", "axis": {"labelColor": MUTED, "titleColor": INK}},
        "data": {"values": rows},
        "layer": [
            {"mark": "line", "encoding": at | {"y": y}},
            {"mark": {"type": "rule", "strokeWidth": 2}, "encoding": interval},
            {"mark": {"type": "point", "filled": True, "size": 70}, "encoding": at | {"y": y, "shape": shape}},
        ],
    }


def report(errors: Errors, seconds: Floats) -> list[str]:
    """Return the table, one line for each size, and the slopes."""
    lines = [f"{'n':>10}  " + "  ".join(f"{name:>31}" for name in SERIES) + f"  {'solve, ms':>10}"]
    for at, n in enumerate(SIZES):
        cells = []
        for name in SERIES:
            values = errors[name][:, at]
            cells.append(f"{values.mean():.2e} +- {2 * values.std(ddof=1) / np.sqrt(len(values)):.0e}")
        solve = 1000 * float(np.median(seconds[:, at]))
        lines.append(f"{n:>10,}  " + "  ".join(f"{cell:>31}" for cell in cells) + f"  {solve:>10.1f}")
    for name, (_, _, low, high) in SERIES.items():
        middle, left, right = slope(errors[name])
        word = "as the theory says" if low <= middle <= high else "NOT as the theory says"
        bounds = f"at most {high}" if np.isinf(low) else f"{low} to {high}"
        lines.append(f"slope of {name}: {middle:.3f} (95 % interval {left:.3f} to {right:.3f}); {bounds}: {word}")
    return lines


def write(errors: Errors, lines: Sequence[str]) -> None:
    title = "Errors fall with the root of the number of unlabelled examples"
    caption = f"Means over {SEEDS} draws with two standard errors; both axes logarithmic."
    drawn = inline_svg(figure(errors), name="theory", title=title, description=caption)
    table = html.escape("\n".join(lines))
    FIGURE.parent.mkdir(exist_ok=True)
    FIGURE.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><body style="max-width:60rem">'
        f"<h1>{title}</h1>{drawn}<p>{caption}</p><pre>{table}</pre></body></html>",
        encoding="utf-8",
    )


def main() -> None:
    started = time.perf_counter()
    endless = limit()
    runs = [once(seed, endless) for seed in range(SEEDS)]
    errors = {name: np.stack([found[name] for found, _ in runs]) for name in SERIES}
    seconds = np.stack([taken for _, taken in runs])
    lines = report(errors, seconds)
    print("\n".join(lines))
    write(errors, lines)
    print(f"{SEEDS} seeds in {time.perf_counter() - started:.0f} s; figure in {FIGURE}")


if __name__ == "__main__":
    main()
