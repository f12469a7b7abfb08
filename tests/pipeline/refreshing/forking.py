"""One process that imports once, and forks another for each thing that is done to a project; some are killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

# Reads what to do, one JSON object a line; "seconds" is how long to wait before a child is killed.
PROGRAM = r"""
import json, os, signal, sys, time, traceback, warnings
from datetime import timedelta
from unittest import mock

import email.parser, loky, pyarrow.compute, pyarrow.parquet
import scipy.optimize, scipy.sparse, scipy.special, scipy.stats
import sqlalchemy, sqlalchemy.dialects.sqlite
import labelwright as lw
import labelwright.endmodels, labelwright.labelmodels, labelwright.pipeline.project
from labelwright.core.errors import DataError
from labelwright.pipeline.refreshing import reading

warnings.simplefilter("ignore")
reading.MEAN_ROWS = 16
mock.patch("labelwright.pipeline.refreshing.run.render_report", lambda content: content.run_id).start()

def once(what, folder, to):
    project = lw.Project(folder)
    if what == "run":
        return project.run().run_id
    if what == "rebuild":
        return project.run(full=True).run_id
    if what == "verify":
        checked = project.verify("latest")
        return [check.to_dict() for check in checked.checks if not check.good]
    if what == "export":
        return project.export(to, "csv", split="all")
    if what == "collect":
        try:
            return len(project.gc(grace=timedelta(0)).plan.doomed)
        except DataError as error:
            return str(error)
    if what == "edit":
        path = project.folder / "supervision.py"
        changed = path.read_text().replace('"song" in', '"best song" in')
        path.with_suffix(".new").write_text(changed)
        path.with_suffix(".new").replace(path)
        return True
    if what == "read":
        for change in ("latest", "latest~1"):
            project.explain("k001", snapshot=change)
        return [len(project.log()), project.diff().to_dict()["before"]["number"]]
    raise ValueError(what)

def work(what, folder, times, to):
    try:
        return {"answer": [once(what, folder, to) for _ in range(times)]}
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}

def start(order):
    answer, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(answer)
        with os.fdopen(write, "w") as file:
            json.dump(work(order["what"], order["folder"], order.get("times", 1), order.get("to")), file)
        os._exit(0)
    os.close(write)
    return child, answer

for line in sys.stdin:
    orders = json.loads(line)
    began = time.perf_counter()
    started = [start(order) for order in orders]
    seconds = orders[0].get("seconds")
    if seconds is not None:
        time.sleep(seconds)
        os.kill(started[0][0], signal.SIGKILL)
    done = []
    for child, answer in started:
        with os.fdopen(answer) as file:
            text = file.read()
        _, status = os.waitpid(child, 0)
        done.append({"killed": not text, **(json.loads(text) if text else {}), "seconds": time.perf_counter() - began})
    print(json.dumps(done), flush=True)
"""


@dataclass(frozen=True)
class Done:
    """How a process ended: its answers, one a time that it did it; or its error; or by being killed."""

    answers: list[Any]
    error: str
    trace: str
    killed: bool
    seconds: float

    @property
    def answer(self) -> Any:
        """The only answer of a process that came to its end."""
        assert not self.killed, "it was killed"
        assert not self.error, self.trace
        (answer,) = self.answers
        return answer


class Forks:
    """Does things to projects, each in a process of its own, several at once where several are given."""

    def __enter__(self) -> Forks:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def do(self, what: str, folder: Path, *, seconds: float | None = None, to: Path | None = None) -> Done:
        """Do one thing; kill it after so many seconds."""
        order = {"what": what, "folder": str(folder), "seconds": seconds}
        return self.together(order if to is None else {**order, "to": str(to)})[0]

    def together(self, *orders: dict[str, Any]) -> list[Done]:
        """Do several things at once."""
        print(json.dumps(orders), file=self._process.stdin, flush=True)
        found = json.loads(self._process.stdout.readline())
        return [
            Done(one.get("answer", []), one.get("error", ""), one.get("trace", ""), one["killed"], one["seconds"])
            for one in found
        ]
