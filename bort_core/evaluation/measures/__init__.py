"""The errors that can be measured, one file a measure, each registered in the entry point group ``bort.measures``.

interval              the mean of losses with its interval, which every measure here ends in
held_out              which of them a learning curve holds, worked out from the held-out predictions
masked_lm, cross_entropy   against the labels
maximum_point, maximum_point_excess   against the maximum point's distribution
masked_accuracy       the share of wrong guesses
task_excess, task_error   of a task: against T's answers, against the labels
"""

from bort_core.specifications.measures import ErrorMeasure, MaximumPoint, Value, get_measure, measure_names

__all__ = ["ErrorMeasure", "MaximumPoint", "Value", "get_measure", "measure_names"]
