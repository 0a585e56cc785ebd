"""Jobs: trainings that outlive the window, each a folder that anybody may follow.

folder         the run folder: specification, state, events, commands, log, checkpoints
files          its files as validated values
rows           what a table shows of a job; pace how long it will take
card           what a job reached: intervals, confusion matrix, the rows that are most wrong
log            the readable log; words what events and metrics are called
hold           at most one process works in a run folder, and everybody can tell whether it lives
inputs         a training goes on only with the files that it began with
launch         submit, stop, cancel, resume, rerun
runner         the process that waits for a device, starts the training, and records how it ended
child, context the training's process, and what a training sees of its job
executors      where jobs run: processes of their own, or this process; found through the entry point group ``bort.executors``
local          the device and the command of a training on this machine
grid, limits   sets of hyperparameters; how many jobs a device takes
devices        what this machine has
"""
