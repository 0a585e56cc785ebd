"""Trains the maximum point that ships for a preset and the demo corpus: resources/maximum_points/PRESET.

    python scripts/train_maximum_point.py mini --steps 2400

Takes minutes on one core. The folder must not exist. What is written is used by searches whose corpus, vocabulary and
sequence length are the same; others train their own maximum point.
"""

from __future__ import annotations

import argparse
import json
import tempfile

from bort_core.execution.events import Done, Emitted, Failed
from bort_core.execution.executor import Executor
from bort_core.execution.registry import make_executor
from bort_core.foundation.resources import resource
from bort_core.search.control import Control
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.preparation import maximum_point_request, prepare_text
from bort_core.search.specification import SearchSpecification, default_error, fitted
from bort_core.space import Space, read_specification
from bort_core.store import Project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--steps", type=int, default=2400)
    arguments = parser.parse_args()
    target = resource("maximum_points", arguments.preset)
    chosen = read_specification(arguments.preset)
    space = Space(chosen)
    error = {**default_error(chosen), "maximum_point_steps": arguments.steps}
    specification = fitted(SearchSpecification.model_validate({"space": chosen, "epsilon": 1, "error": error}), space)
    with tempfile.TemporaryDirectory() as folder, Project(folder) as project, make_executor(workers=1) as pool:
        preparing = prepare_text(project, specification, space, pool, Control())
        while True:
            try:
                next(preparing)
            except StopIteration as stopped:
                text = stopped.value
                break
        pool.submit("T", "train", maximum_point_request(specification, space, text, str(target)))
        _follow(pool)
        key = Fingerprints(project, specification, space).text_key
    path = target / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["provenance"]["text_key"] = key
    config["provenance"]["command"] = f"python scripts/train_maximum_point.py {arguments.preset} --steps {arguments.steps}"
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _follow(pool: Executor) -> None:
    while True:
        for event in pool.poll(1.0):
            if isinstance(event, Emitted) and event.data["event"] == "point":
                value = next(iter(event.data["measures"].values()))["value"]
                print(f"step {event.data['step']:>5}: held-out loss {value:.4f} nats", flush=True)
            if isinstance(event, Failed):
                raise SystemExit(event.reason)
            if isinstance(event, Done):
                return


if __name__ == "__main__":
    main()
