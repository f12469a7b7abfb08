"""Quality of labels without gold: our methods and the peers that install, on real votes and simulated ones."""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import _quality_figure as figure
from benchmarks import _quality_sets as sets
from labelwright import labelmodels
from labelwright.labelmodels import BaseLabelModel, LabelModel

HERE = Path(__file__).resolve().parent
PEERS_PYTHON = HERE.parent / ".venv-peers" / "bin" / "python"
# Seconds of the processor that a peer has for one set.
LIMIT = 30.0
GOLD = 50
DRAWS = 20
SEEDS = 10

DEFAULT, BASELINE = "LabelModel", "MajorityVote"
OURS = (
    DEFAULT,
    BASELINE,
    "WeightedVote",
    "MatrixCompletion",
    "Triplets",
    "DataProgramming",
    "DawidSkene",
    "HierarchicalDawidSkene",
    "IndependentBCC",
    "EnhancedBCC",
    "Spectral",
    "Fusion",
    "SLiMFast",
    "GLAD",
    "MACE",
)
EVERYWHERE = (sets.PROGRAMMATIC, sets.CROWDS, sets.WRITTEN)
# Peer -> the groups it runs on. The slowest, made for crowds alone, are not asked for more.
PEERS = {
    "crowd-kit GLAD": (sets.CROWDS,),
    "crowd-kit MACE": (sets.CROWDS,),
    "flyingsquid": EVERYWHERE,
    "crowd-kit ZBS": EVERYWHERE,
    "crowd-kit M-MSR": EVERYWHERE,
    "crowd-kit one-coin": EVERYWHERE,
    "crowd-kit Dawid-Skene": EVERYWHERE,
    "crowd-kit Wawa": EVERYWHERE,
    "CROWDLAB": EVERYWHERE,
    "skweak naive Bayes": EVERYWHERE,
    "metal": EVERYWHERE,
    "snorkel": EVERYWHERE,
    "hyperlm": EVERYWHERE,
}

Row = dict[str, Any]
Task = functools.partial[list[Row]]


def model(name: str, k: int) -> BaseLabelModel[Any, Any]:
    made: BaseLabelModel[Any, Any] = getattr(labelmodels, name)(cardinality=k)
    return made


def ours(name: str, group: str, which: str) -> list[Row]:
    """Fit one of our methods to one set, without gold, and score it."""
    data = sets.load(which)
    row: Row = {"kind": "score", "method": name, "ours": True, "group": group, "set": which}
    started = time.process_time()
    try:
        probs = np.asarray(model(name, data.k).fit(data.votes).predict_proba(data.votes))
    except Exception as error:
        return [row | {"error": f"{type(error).__name__}: {error}".splitlines()[0][:100]}]
    row["seconds"] = time.process_time() - started
    return [row | sets.score(probs[data.scored], data.gold[data.scored])]


def peer(name: str, wanted: Sequence[tuple[str, str]], folder: Path) -> list[Row]:
    """Run one peer on its (group, set) pairs in the peers' own Python, and score what it leaves in ``folder``."""
    group = {which: g for g, which in wanted}
    command = [PEERS_PYTHON, HERE / "_quality_peers.py", name, LIMIT, folder, *group]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    rows = []
    for line in done.stdout.splitlines():
        said = json.loads(line)
        if "not installed" in said:
            return [{"kind": "missing", "method": name, "why": said["not installed"]}]
        data = sets.load(said["set"])
        row: Row = {"kind": "score", "method": name, "ours": False, "group": group.pop(said["set"])} | said
        if "error" not in said:
            probs = np.load(folder / f"{data.name}.{name}.npy")
            row |= sets.score(probs[data.scored], data.gold[data.scored])
        rows.append(row)
    ended = {"kind": "score", "method": name, "ours": False, "error": f"its process ended with {done.returncode}"}
    return rows + [ended | {"group": g, "set": which} for which, g in group.items()]


def with_gold(group: str, which: str) -> list[Row]:
    """Score the default with and without some gold, drawn uniformly, on the same rows: the rest."""
    data = sets.load(which)
    known = np.flatnonzero(data.gold >= 0)
    without = np.asarray(LabelModel(cardinality=data.k).fit(data.votes).predict_proba(data.votes))
    rows = []
    for draw in range(DRAWS):
        chosen = np.random.default_rng(draw).choice(known, GOLD, replace=False)
        y = np.full(len(data.gold), -1)
        y[chosen] = data.gold[chosen]
        probs = np.asarray(LabelModel(cardinality=data.k).fit(data.votes, y=y).predict_proba(data.votes))
        left = data.scored & (y < 0)
        before, after = (sets.score(p[left], data.gold[left])["f1"] for p in (without, probs))
        row: Row = {"kind": "gold", "group": group, "set": which, "draw": draw}
        rows.append(row | {"without": before, "with": after})
    return rows


def world(name: str, seed: int) -> list[Row]:
    """Score the default in a simulated world beside what the true model would say."""
    votes, truth, best = sets.WORLDS[name](np.random.default_rng(seed))
    row: Row = {"kind": "world", "world": name, "seed": seed, "oracle": float((best == truth).mean())}
    for method in (DEFAULT, BASELINE):
        said = np.asarray(model(method, 2).fit(votes).predict_proba(votes)).argmax(axis=1)
        row[method] = float((said == truth).mean())
    return [row]


def work(task: Task) -> list[Row]:
    """Run a task; one that breaks is told of in the report, and the others go on."""
    warnings.simplefilter("ignore")
    try:
        return task()
    except Exception as error:
        what = " ".join(str(a) for a in (task.func.__name__, *task.args[:2]))
        return [{"kind": "broken", "what": what, "why": f"{type(error).__name__}: {error}"}]


def tasks(names: dict[str, list[str]], folder: Path) -> Iterable[Task]:
    """Yield everything there is to do, the longest first."""
    listed = [(group, which) for group, some in names.items() for which in some]
    for name, groups in PEERS.items() if PEERS_PYTHON.exists() else ():
        yield functools.partial(peer, name, [pair for pair in listed if pair[0] in groups], folder)
    for group, which in listed:
        yield functools.partial(with_gold, group, which)
    for name in OURS:
        yield from (functools.partial(ours, name, group, which) for group, which in listed)
    for name in sets.WORLDS:
        yield from (functools.partial(world, name, seed) for seed in range(SEEDS))


def measure(names: dict[str, list[str]]) -> list[Row]:
    """Do all of it, as many at a time as there are processors."""
    with tempfile.TemporaryDirectory() as place, multiprocessing.get_context("forkserver").Pool(os.cpu_count()) as pool:
        folder = Path(place)
        for which in {which for some in names.values() for which in some}:
            data = sets.load(which)
            np.savez(folder / f"{which}.npz", votes=data.votes, k=data.k)
        return [row for rows in pool.imap_unordered(work, tasks(names, folder)) for row in rows]


def summary(rows: Sequence[Row], group: str) -> list[Row]:
    """Return one line for each method, best first; a set on which it fails counts as majority vote there."""
    found = {(row["method"], row["set"]): row for row in rows if row["kind"] == "score" and row["group"] == group}
    names = sorted({which for _, which in found})
    lines = []
    for method in {method: None for method, _ in found}:
        own = [found[method, which] for which in names]
        votes = [found[BASELINE, which] for which in names]
        counted = [vote if "error" in row else row for row, vote in zip(own, votes, strict=True)]
        gain, where = min((c["f1"] - v["f1"], c["set"]) for c, v in zip(counted, votes, strict=True))
        line: Row = {"method": method, "ours": own[0]["ours"], "worst": gain, "worst set": where}
        line |= {what: float(np.mean([row[what] for row in counted])) for what in ("f1", "accuracy", "log_loss")}
        line["seconds"] = sum(row.get("seconds", 0.0) for row in own)
        line["failed"] = {row["set"]: row["error"] for row in own if "error" in row}
        lines.append(line | {"sets": len(names)})
    return sorted(lines, key=lambda line: -line["f1"])


def group_table(rows: Sequence[Row], group: str) -> list[str]:
    lines = summary(rows, group)
    head = f"{group}, {lines[0]['sets']} sets: means over sets; worst = smallest gain in F1 over majority vote"
    out = [
        "",
        head,
        f"{'method':24} {'whose':5} {'F1':>7} {'acc.':>7} {'log loss':>8}  {'worst':>6} on {'':14} {'s':>6}",
    ]
    for line in lines:
        name = line["method"] + (f" ({len(line['failed'])})" if line["failed"] else "")
        scores = f"{line['f1']:7.4f} {line['accuracy']:7.4f} {line['log_loss']:8.3f}"
        worst = f"{line['worst']:+6.3f}    {line['worst set'].removeprefix('crowd_'):14}"
        out.append(f"{name:24} {'ours' if line['ours'] else 'peer':5} {scores}  {worst} {line['seconds']:6.1f}")
    failures = [(line["method"], which, why) for line in lines for which, why in line["failed"].items()]
    if failures:
        out.append("(in brackets) sets on which it failed, which count as majority vote:")
        out += [f"  {method} on {which.removeprefix('crowd_')}: {why}" for method, which, why in failures]
    return out


def set_table(rows: Sequence[Row], group: str) -> list[str]:
    """Return the macro-F1 of the default and of majority vote on each set, beside the best peer there."""
    found = [row for row in rows if row["kind"] == "score" and row["group"] == group and "error" not in row]
    out = ["", f"{'set':26} {'n':>6}  {DEFAULT:>10}  {BASELINE:>12}  best peer there"]
    for which in sorted({row["set"] for row in found if row["method"] == DEFAULT}):
        here = {row["method"]: row for row in found if row["set"] == which}
        peers = [(row["f1"], method) for method, row in here.items() if not row["ours"]]
        best = "{:.3f} {}".format(*max(peers)) if peers else "-"
        both = f"{here[DEFAULT]['f1']:10.3f}  {here[BASELINE]['f1']:12.3f}"
        out.append(f"{which.removeprefix('crowd_'):26} {here[DEFAULT]['n']:6,}  {both}  {best}")
    return out


def rise(gold: Sequence[Row], listed: Sequence[str]) -> tuple[float, float, npt.NDArray[np.float64]]:
    """Return what gold adds to the mean F1 of sets, its standard error over draws, and each set's own rise."""
    table = np.array([[row["with"] - row["without"] for row in gold if row["set"] == which] for which in listed])
    means = table.mean(axis=0)
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(means))), table.mean(axis=1)


def gold_table(rows: Sequence[Row]) -> list[str]:
    out = ["", f"{DEFAULT} with {GOLD} gold labels of rows drawn uniformly, {DRAWS} draws; scored on the others"]
    for group in EVERYWHERE:
        gold = [row for row in rows if row["kind"] == "gold" and row["group"] == group]
        listed = sorted({row["set"] for row in gold})
        if listed:
            gain, error, each = rise(gold, listed)
            cells = (f"{which.removeprefix('crowd_')} {g:+.3f}" for which, g in zip(listed, each, strict=True))
            out += [f"{group}: mean F1 rises by {gain:+.4f} (standard error {error:.4f})", f"  {', '.join(cells)}"]
    return out


def world_table(rows: Sequence[Row]) -> list[str]:
    out = ["", f"Simulated worlds, {SEEDS} seeds: mean accuracy; no dependency and no balance is given"]
    out.append(f"{'world':22} {DEFAULT:>10} {BASELINE:>13} {'oracle':>8}")
    for name in sets.WORLDS:
        some = [row for row in rows if row["kind"] == "world" and row["world"] == name]
        default, vote, oracle = (np.mean([row[what] for row in some]) for what in (DEFAULT, BASELINE, "oracle"))
        out.append(f"{name:22} {default:10.4f} {vote:13.4f} {oracle:8.4f}")
    return out


def report(rows: Sequence[Row], names: dict[str, list[str]]) -> list[str]:
    """Return all tables, line by line."""
    lines = []
    for group, listed in names.items():
        if listed:
            lines += group_table(rows, group) + set_table(rows, group)
    missing = [row for row in rows if row["kind"] == "missing"]
    if not PEERS_PYTHON.exists():
        lines += ["", "no peers: .venv-peers is not there (make bench-quality makes it)"]
    lines += ["", *(f"{row['method']}: not installed ({row['why']})" for row in missing)] if missing else []
    if any(names.values()):
        lines += gold_table(rows)
    broken = [f"broken: {row['what']}: {row['why']}" for row in rows if row["kind"] == "broken"]
    return lines + world_table(rows) + broken


def main(path: Path | None = None) -> None:
    names = sets.names()
    if not any(names.values()):
        print(f"no vote matrices with gold at {sets.ROOT} (set LABELWRIGHT_DATA); only the simulated worlds follow")
    started = time.perf_counter()
    rows = measure(names)
    lines = report(rows, names)
    print("\n".join(lines))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if any(names.values()):
        drawn = figure.write({group: summary(rows, group) for group, listed in names.items() if listed}, rows, lines)
        print(f"figure in {drawn}")
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where to write every score")
    main(parser.parse_args().json)
