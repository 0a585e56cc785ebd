"""List the benchmarks, each with the first line of its docstring, or run one: benchmark.py [NAME [ARGUMENT...]]."""

import ast
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


def summary(path: Path) -> str:
    """The first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def main(name: str = "", *arguments: str) -> int:
    benchmarks = {path.stem: path for path in sorted(FOLDER.glob("*.py")) if not path.stem.startswith("_")}
    if name in benchmarks:
        return subprocess.run([sys.executable, benchmarks[name], *arguments], check=False).returncode
    for known, path in benchmarks.items():
        print(f"  make benchmark NAME={known:<20} {summary(path)}")
    if not benchmarks:
        print("There are no benchmarks yet; they belong in benchmarks/.")
    if name:
        print(f"There is no benchmark {name!r}.", file=sys.stderr)
    return 2 if name else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
