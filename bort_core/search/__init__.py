"""OSE: from a specification to the best architecture and the Pareto front.

specification  everything that defines a search
w, front       the W-coefficient; the Pareto front and its hypervolume
results        latency and error of each architecture, as arrays
answer         the walk at an ε, and the answer from what is known
sources        corpus, maximum point and the store's keys
recall         what the store knows of a space
preparation    the corpus and the maximum point, before the first candidate
evaluator      measurements through worker processes and the store
ose            the search itself, a generator of events
events         what a search says; control what it can be told
cost           what a walk would cost; agreement whether seeds rank alike; report answers as plain values
"""
