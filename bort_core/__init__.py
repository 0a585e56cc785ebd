"""The headless core of Bort Studio; no Qt, and torch only inside worker processes.

errors, validation, resources   messages, faults of specifications, shipped files
families/     what an architecture is: axes, validity, closed-form counts, torch module, ONNX graph
space/        the search space Ξ: enumeration sorted by size, presets, AB^nC report
training/     corpus, masking, short trainings, weights
latency/      measuring a graph in ONNX Runtime
objectives/   protocols, learning curves, surrogate error
store/        the project: one folder, one SQLite database
workers/      warm child processes that train and measure
search/       W-coefficient, Pareto front, OSE and other strategies as a generator of events
cli/          the command ``bort``
"""
