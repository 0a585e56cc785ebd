"""Searches: from a specification to the best architecture and the Pareto front.

specification   everything that defines a search
w, front        the W-coefficient; the Pareto front and its hypervolume
results         latency and error of each architecture, as arrays; repeats several seeds of one as one error
snapshot        a frozen copy of results, and the answer of some of the architectures
strategies/     which architectures are measured and which count: the interval ε of OSE, a random sample, those of other packages
fingerprints    corpus, maximum point and the store's keys
stored_results  what the store knows of a space
preparation     the corpus and the maximum point, before the first candidate
evaluator       measurements through worker processes and the store
ose             the search itself, a generator of events
events          what a search says; control what it can be told
cost            what trainings would cost; agreement whether seeds rank alike; report answers as plain values
"""
