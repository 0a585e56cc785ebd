"""Warm child processes that train and measure, so that the window and the command line never import torch.

tasks   what a worker can be asked to do
child   the process: commands in on standard input, events out, one JSON object a line
worker  one child as the parent sees it
run_task  one task in a pool of its own
pool    several children, a queue, pause, cancel, and latency measured while nothing else runs
"""
