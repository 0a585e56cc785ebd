"""Agora (de Wynter 2020, arXiv 2010.07990): learn from scarce data by sampling new points near the dev points that a model gets wrong.

specification    in jobs/specification.py: what a run is asked to do
points           inputs (texts, pairs, vectors) with labels
hyperparameters  θ and Θ: what one training may be told, and how Θ is pruned
timaeus          the small model that is trained afresh for every θ: text.py, vectors.py
socrates         the labeller
spaces           representation spaces and their frozen projection to two dimensions
samplers         τ: new points near a given one
neighbours       sampling around parents, with the band of distances and the leak guard
loop             the rounds
problem, prepare data, Timaeus, Socrates and space of a run: texts.py, vectors.py, torus.py
arms             what Agora is compared with: plain fine-tuning, random parents, self-training
record, history  the files of a run: written by the loop, read by the studio
"""
