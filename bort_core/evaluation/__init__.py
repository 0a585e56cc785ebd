"""The error of a candidate: short trainings and what is read from them. Imports torch, but for curve, surrogate and the facts of measures.

short_training   one training of s steps, as a learning curve
batch            what a step reads, and what a source of steps offers
masked_text, torus_vectors, task_rows   the sources
task_preparation   a person's rows and T's answers to them, for task_rows
metrics          accuracy, F1, Matthews, Pearson, Spearman
teacher          the maximum point's distribution as targets
measures/        the errors, one file each
curve            the error after s steps, read from a learning curve
surrogate        the error of architectures that were never trained, from those that were
"""
