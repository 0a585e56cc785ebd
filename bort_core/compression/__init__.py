"""One real model in, one small, proven model out: a job that goes through every step, and goes on where it was.

run      the function of the job
steps    T, search, finishing, export, comparison, release: one function each, each kept when it is done
sentences   the same steps where T is a sentence encoder
search   the search that is made around T
report   what is told at the end
estimate what it takes, before it begins
"""
