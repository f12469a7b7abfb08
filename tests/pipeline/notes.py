"""A project of notes on three tasks, of which one refines another, as three readers and a ward saw them."""

from __future__ import annotations

TASKS = """
[tasks.finding]
classes = ["normal", "abnormal"]
gold = "finding"

[tasks.kind]
classes = ["mass", "nodule"]
refines = { task = "finding", classes = ["abnormal"] }

[tasks.urgent]
classes = ["no", "yes"]
"""

SETTINGS = f"""
[data]
path = "notes.csv"
id = "key"

[data.splits]
column = "split"
train = "train"
test = "test"
{TASKS}"""

FUNCTIONS = """
import labelwright as lw

def reader(column):
    @lw.labeling_function(tasks=["finding", "kind"], name=f"reader_{column}")
    def read(x):
        said = getattr(x, column)
        return {"finding": said} if said == "normal" else {"kind": said}
    return read

@lw.labeling_function(task="urgent")
def ward(x):
    return "yes" if "ward" in x.text else "no"

FUNCTIONS = [reader("a"), reader("b"), reader("c"), ward]
"""
