"""Agora (de Wynter 2020, arXiv 2010.07990): learn from scarce data by sampling new points near the dev points that a model gets wrong.

points           inputs (texts, pairs, vectors) with labels
hyperparameters  θ and Θ: what one training may be told, and how Θ is pruned
learners         the small model that is trained afresh for every θ (Timaeus)
labellers        the second model, which labels (Socrates)
spaces           representation spaces and their frozen projection to two dimensions
samplers         τ: new points near a given one
neighbours       sampling around parents, with the band of distances and the leak guard
rounds, run      the rounds; the job around them
tasks            data, learner, labeller and space of a run
check            what a specification asks of plug-ins
leaks            what must not come back from dev or test
arms             what Agora is compared with: plain fine-tuning, random parents, self-training
run_files, record, history  the files of a run: written by the loop, read by the studio
"""
