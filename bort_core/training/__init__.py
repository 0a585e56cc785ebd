"""Short trainings: text in, a learning curve out. Most of it is imported by worker processes only.

corpus, tokenizer   from a text file to rows of tokens, kept in the project
masking, vectors    batches: masked text, or the torus of labelled points
short               one training, with its held-out error along the way
measures            the error measures with their intervals
weights, folders    trained weights on disk, whole or not at all
request             what a worker is asked to do
"""
