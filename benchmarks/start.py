"""What it costs to begin: import, help, the first label model; and the size of a core installation."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 9
FIRST_MODEL = (
    "import labelwright as lw; lw.LabelModel(cardinality=2).fit([[0, 1, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]] * 30)"
)
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import labelwright": ["-c", "import labelwright"],
    "labelwright --help": ["-m", "labelwright", "--help"],
    "labelwright run --help": ["-m", "labelwright", "run", "--help"],
    "lw.LabelModel, first fit": ["-c", FIRST_MODEL],
}


def seconds(arguments: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def installed_megabytes() -> tuple[float, int]:
    """Size of a fresh virtual environment with the core alone, less an empty one; and its number of packages."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        before = size(Path(folder))
        python = Path(folder) / "bin" / "python"
        pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
        constraint = str(ROOT / "constraints.txt")
        subprocess.run([*pip, "install", "--quiet", "--constraint", constraint, str(ROOT)], check=True)
        listed = subprocess.run([*pip, "list", "--format=freeze"], check=True, capture_output=True, text=True)
        return (size(Path(folder)) - before) / 1e6, len(listed.stdout.splitlines())


def size(folder: Path) -> int:
    return sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file())


def main() -> None:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for arguments in COMMANDS.values():
        seconds(arguments)
    for _ in range(ROUNDS):
        for name, arguments in COMMANDS.items():
            times[name].append(seconds(arguments))
    print(f"{'seconds, whole process':28s} {'median':>7s} {'min':>7s} {'max':>7s}   n={ROUNDS}")
    for name, all_times in times.items():
        print(f"{name:28s} {statistics.median(all_times):7.3f} {min(all_times):7.3f} {max(all_times):7.3f}")
    megabytes, packages = installed_megabytes()
    print(f"core installation: {megabytes:,.0f} MB in {packages} packages, byte code included")


if __name__ == "__main__":
    main()
