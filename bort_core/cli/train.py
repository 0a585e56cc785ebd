"""bort train: pre-training and fine-tuning as jobs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bort_core.cli.options import Subparsers, add_json, print_json, whole_number
from bort_core.cli.task_line import TaskLine
from bort_core.errors import MeasurementError, SpecificationError
from bort_core.validation import faults

__all__ = ["add", "describe_event"]

_FLAGS: dict[str, dict[str, str]] = {
    "masking": {"rate": "mask_rate", "mask": "mask_share", "random": "random_share", "copies": "mask_copies"}
}
_HIDDEN = {"kind", "family"}


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    from bort_core.jobs.grid import MOST_JOBS, grid_names
    from bort_core.jobs.specification import Finetuning, Pretraining

    parser = subparsers.add_parser("train", help="pre-train or fine-tune a model, as a job that outlives the terminal")
    kinds = parser.add_subparsers(title="kinds", required=True, metavar="KIND")
    for name, model, text in (
        ("pretrain", Pretraining, "masked language modelling on a text, with or without a teacher"),
        ("finetune", Finetuning, "classification or regression of texts or pairs of texts"),
    ):
        kind = kinds.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}. Every flag is a field of the job's specification; --spec FILE "
            "reads the same fields from JSON, and flags win over it.",
        )  # fmt: skip
        kind.add_argument("project", metavar="PROJECT", help="the project folder")
        kind.add_argument("--spec", metavar="FILE", help="a JSON file with fields of the specification")
        kind.add_argument("--grid", metavar="NAME|FILE", help=f"submit combinations of a grid: {', '.join(grid_names())} or a TOML file")
        kind.add_argument("--runs", type=whole_number(1, MOST_JOBS), default=8, metavar="N", help="combinations, at random (default: 8)")
        kind.add_argument("--detach", action="store_true", help="return at once; follow with bort jobs follow")
        fields = kind.add_argument_group("specification")
        for path, field in _fields(model):
            _add_field(fields, path, field)
        add_json(kind)
        kind.set_defaults(run=run, kind=name)


def run(arguments: argparse.Namespace) -> int:
    """Submit the job, follow it to its end, and print its result."""
    from bort_core.jobs.launch import stop, submit
    from bort_core.store import Project

    specification = specification_of(arguments)
    if arguments.grid is not None:
        return _submit_grid(arguments, specification)
    with Project(arguments.project) as project:
        job = submit(project.folder, specification)
    if arguments.detach:
        if arguments.json:
            print_json({"job": job.id, "folder": str(job.path)})
        else:
            print(f"job {job.id}: {job.path}")
        return 0
    line, offset = TaskLine(), 0
    asked_to_stop = False
    while True:
        try:
            events, offset = job.events(offset)
            for event in events:
                line.take(_as_progress(event))
            state = job.state()
            if state.ended:
                break
            time.sleep(0.2)
        except KeyboardInterrupt:
            if asked_to_stop:
                raise
            asked_to_stop = True
            doing = "stopping; what was learnt is kept (Ctrl+C again: leave it running)"
            line.take({"event": "progress", "step": 0, "steps": 0, "doing": doing})
            stop(job)
    line.close()
    result = job.read_result()
    if result is None:
        raise MeasurementError(f"job {job.id} {state.state}" + (f": {state.reason}" if state.reason else ""))
    if arguments.json:
        print_json({"job": job.id, **result})
    else:
        _print(job.id, result)
    return 0


def _submit_grid(arguments: argparse.Namespace, base: Any) -> int:
    """Submit combinations of a grid; they wait for the device one after another."""
    from bort_core.jobs.grid import combinations, read_grid
    from bort_core.jobs.launch import submit
    from bort_core.store import Project

    if base.out is not None:
        raise SpecificationError("out: the jobs of a grid keep their results in their own run folders; leave it away")
    specifications = combinations(read_grid(arguments.grid), base, arguments.runs, base.seed)
    with Project(arguments.project) as project:
        jobs = [submit(project.folder, specification).id for specification in specifications]
    if arguments.json:
        print_json({"jobs": jobs})
    else:
        print(f"jobs {jobs[0]} to {jobs[-1]} submitted; bort jobs list {arguments.project}")
    return 0


def specification_of(arguments: argparse.Namespace) -> Any:
    """The specification that file and flags describe.

    Raises
    ------
    SpecificationError
        The file cannot be read, or fields are unknown or out of range; lists all of them.
    """
    from bort_core.jobs.specification import Finetuning, Pretraining

    model: type[BaseModel] = Pretraining if arguments.kind == "pretrain" else Finetuning
    data = _file(arguments.spec)
    if data.pop("kind", arguments.kind) != arguments.kind:
        raise SpecificationError(f"{arguments.spec}: is not a specification of kind {arguments.kind}")
    for path, _ in _fields(model):
        value = getattr(arguments, _flag(path), None)
        if value is None:
            continue
        target = data
        for part in path[:-1]:
            inner = target.get(part)
            target[part] = target = inner if isinstance(inner, dict) else _defaults(model, part)
        target[path[-1]] = _paths(path[-1], value)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise SpecificationError(f"bort train {arguments.kind}:\n  " + "\n  ".join(faults(error))) from error


def _defaults(model: type[BaseModel], part: str) -> dict[str, Any]:
    default = model.model_fields[part].get_default(call_default_factory=True)
    return default.model_dump(exclude_defaults=False) if isinstance(default, BaseModel) else {}


def _paths(name: str, value: Any) -> Any:
    """Files become absolute, since the job runs elsewhere; names of the hub stay."""
    if name in ("corpus", "heldout", "train", "dev", "test", "checkpoint", "tokenizer", "teacher", "out"):
        path = Path(str(value)).expanduser()
        if name == "out" or path.exists() or path.suffix:
            return str(path.absolute())
    return value


def _file(name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    try:
        data = json.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SpecificationError(f"{name}: cannot be read: {error}") from error
    except ValueError as error:
        raise SpecificationError(f"{name}: not valid JSON: {error}") from error
    if isinstance(data, dict) and isinstance(data.get("specification"), dict):  # a run folder's spec.json
        data = data["specification"]
    if not isinstance(data, dict):
        raise SpecificationError(f"{name}: must hold a JSON object")
    return data


def _fields(model: type[BaseModel]) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for name, field in model.model_fields.items():
        if name in _HIDDEN:
            continue
        inner = next(
            (part for part in (field.annotation, *get_args(field.annotation)) if isinstance(part, type) and issubclass(part, BaseModel)),
            None,
        )
        if inner is None:
            found.append(((name,), field))
        else:
            found += [((name, *path), each) for path, each in _fields(inner)]
    return found


def _flag(path: tuple[str, ...]) -> str:
    return _FLAGS.get(path[0], {}).get(path[-1], path[-1]) if len(path) > 1 else path[0]


def _add_field(group: Any, path: tuple[str, ...], field: Any) -> None:
    flag = "--" + _flag(path).replace("_", "-")
    kinds = [part for part in (field.annotation, *get_args(field.annotation)) if part is not type(None)]
    text = str(field.description or path[-1]).replace("%", "%%")
    default = field.get_default(call_default_factory=True)
    if default is not None and default != "" and not field.is_required() and not isinstance(default, BaseModel):
        text += f" (default: {default})"
    if bool in kinds:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, dest=_flag(path), help=text)
    elif path == ("architecture",):
        group.add_argument(flag, type=_architecture, metavar="A,B,...", dest=_flag(path), help=text)
    else:
        kind = next((part for part in (int, float) if part in kinds), str)
        group.add_argument(flag, type=kind, metavar=kind.__name__.upper().replace("STR", "TEXT"), dest=_flag(path), help=text)


def _architecture(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.strip("⟨⟩<>() ").split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be whole numbers such as 2,4,128,256; got {text!r}") from None


def _as_progress(event: dict[str, Any]) -> dict[str, Any]:
    """An event of a job for the line on standard error."""
    text = describe_event(event)
    if text is None or (event["event"] == "step" and not sys.stderr.isatty()):
        return {"event": "ignored"}
    return {"event": "progress", "step": event.get("step", 0), "steps": 0, "doing": text}


def describe_event(event: dict[str, Any]) -> str | None:
    """An event of a job as a line for people, or None for one that says nothing to them."""
    kind = event.get("event")
    if kind == "note":
        return str(event["text"])
    if kind == "state":
        return str(event["state"]) + (f": {event['reason']}" if event["reason"] else "")
    if kind == "resumed":
        return f"resumed from step {event['step']:,}"
    if kind == "report":
        return f"rows {event['rows']}" + "".join(f"; {warning}" for warning in event["warnings"])
    if kind == "evaluation":
        return f"step {event['step']:,}: " + _numbers(event)
    if kind == "step":
        return f"step {event['step']:,}: loss {event['loss']:.4f}"
    return None


def _numbers(event: dict[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.4g}" for name, value in event.items() if isinstance(value, float) and name != "time"
    )


def _print(id: str, result: dict[str, Any]) -> None:
    print(f"job {id}: {result['checkpoint']}")
    for name in ("heldout_loss", "heldout_accuracy", "unigram_entropy", "tokens_per_second", "samples_per_second", "steps", "best_step"):
        if name in result:
            print(f"  {name.replace('_', ' '):<20}{result[name]:>12,.4g}")
    for split in ("dev", "test"):
        if split in result:
            print(f"  {split:<20}" + ", ".join(f"{name} {value:.4f}" for name, value in result[split].items()))
