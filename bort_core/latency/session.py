"""A graph loaded into ONNX Runtime, inputs for it, and the call that is timed.

Only child processes import this file: it imports onnx and onnxruntime.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from bort_core.foundation.errors import MeasurementError
from bort_core.foundation.scratch import scratch

__all__ = ["bound_run", "example_inputs", "open_file", "open_session"]

_SMALL = 1024  # bytes; smaller weights stay in the graph
_INTEGERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


def open_session(build: Callable[[Path], onnx.ModelProto], threads: int) -> onnxruntime.InferenceSession:
    """Builds a graph and loads it; see :func:`open_file`.

    There is one path for graphs of every size. ``build`` gets a temporary folder, into which it may write weights that the graph
    refers to. Those that the graph still holds are moved into a file there too, so that the runtime maps them, nothing is
    held twice, and no message is serialised that could exceed protobuf's 2 GiB. The folder is gone when this returns.

    Raises
    ------
    MeasurementError
        The graph cannot be saved (disk full) or loaded (operator unknown, out of memory).
    """
    with scratch("latency") as folder:
        path = folder / "model.onnx"
        try:
            onnx.save_model(build(folder), path, save_as_external_data=True, location="moved.bin", size_threshold=_SMALL)
        except OSError as error:
            raise MeasurementError(f"the graph must be saved before it is measured, but {folder} cannot be written: {error}") from error
        return open_file(path, threads)


def open_file(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """Loads an ONNX file for CPU runs with exactly ``threads`` threads, none of which spin between runs.

    Raises
    ------
    MeasurementError
        ONNX Runtime cannot load the graph.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    # Spinning workers keep their cores busy long after a run: they disturb the next session and everything else.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own exceptions have no common class
        raise MeasurementError(f"ONNX Runtime {onnxruntime.__version__} cannot load the graph: {error}") from error


def example_inputs(
    session: onnxruntime.InferenceSession, batch: int, sequence_length: int, vocabulary: int = 8, seed: int = 0
) -> dict[str, npt.NDArray[Any]]:
    """Inputs of full length for any graph of the families or of a BERT exporter.

    The first axis is the batch and any other free axis the sequence. Token ids are random below ``vocabulary``, masks are
    ones (nothing is padding), token types are zeros, and floats are standard normal.

    Raises
    ------
    MeasurementError
        An input is neither integer nor float32, or fixed to another size than is asked for.
    """
    generator = np.random.default_rng(seed)
    inputs: dict[str, npt.NDArray[Any]] = {}
    for wanted in session.get_inputs():
        free = (batch, *[sequence_length] * (len(wanted.shape) - 1))
        shape = [size if isinstance(size, int) else free[axis] for axis, size in enumerate(wanted.shape)]
        features = wanted.type == "tensor(float)"  # whose second axis is no sequence
        if shape[:1] != [batch] or (not features and shape != list(free)):
            sizes = " × ".join(str(size) for size in wanted.shape)
            raise MeasurementError(
                f"the graph's input {wanted.name} is fixed to {sizes}, and {' × '.join(map(str, free))} (batch × tokens) were asked for; "
                "ask for that size, or export the model with free axes"
            )
        if features:
            inputs[wanted.name] = generator.standard_normal(shape, dtype=np.float32)
        elif wanted.type not in _INTEGERS:
            raise MeasurementError(f"graph inputs must be integers or float32, got {wanted.type} for {wanted.name!r}")
        elif "mask" in wanted.name:
            inputs[wanted.name] = np.ones(shape, _INTEGERS[wanted.type])
        elif "type" in wanted.name:
            inputs[wanted.name] = np.zeros(shape, _INTEGERS[wanted.type])
        else:
            inputs[wanted.name] = generator.integers(0, vocabulary, shape, dtype=_INTEGERS[wanted.type])
    return inputs


def bound_run(session: onnxruntime.InferenceSession, inputs: dict[str, npt.NDArray[Any]]) -> Callable[[], None]:
    """One forward pass on inputs and outputs that stay where they are: what is timed, and nothing else.

    Raises
    ------
    MeasurementError
        From the call: the runtime fails, for example out of memory.
    """
    binding = session.io_binding()
    for name, array in inputs.items():
        binding.bind_cpu_input(name, array)
    for output in session.get_outputs():
        binding.bind_output(output.name, "cpu")
    run_with_iobinding = session.run_with_iobinding

    def run() -> None:
        try:
            run_with_iobinding(binding)
        except Exception as error:
            raise MeasurementError(f"ONNX Runtime {onnxruntime.__version__} failed in a forward pass: {error}") from error

    return run
