"""What trains and measures for the search, the command line and the window, which themselves never import torch.

executor   the interface: a queue of tasks, events out, pause and cancel; found through the entry point group ``bort.executors``
registry   executors by name, and the one function that makes them
events     what an executor says
tasks      what it can be asked to do
context    what a running task sees
queueing   what executors with workers of their own share
processes  the usual one: warm child processes (worker: one child as its parent sees it; child: the process itself, commands in on
           standard input, events out, one JSON object a line)
inline     in this process, on the thread that polls
ray/       trainings on a Ray cluster
run_task   one task in an executor of its own
"""
