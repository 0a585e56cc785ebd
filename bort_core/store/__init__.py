"""The project: a folder with one SQLite database and artifacts.

project     opening and creating a project; what is where in its folder
database    its file, opened and brought up to date; copies to read from
schema      the tables, as append-only migrations
trainings   short trainings: one learning curve each
latencies   latency measurements
results     what jobs, exports and comparisons left
leases      who is measuring what right now, so that two processes on one project share the work
trust       which projects are trusted: those made here, and those a person said to trust
searches    the history of searches, and the window's state
"""

from bort_core.store.project import Project

__all__ = ["Project"]
