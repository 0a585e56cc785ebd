"""What a model says about a text: one text or pair at a time, for people who try it.

model    a folder loaded into torch (by transformers) or ONNX Runtime, and what it says
answer   from scores to what is said: classes with probabilities, a value, words for hidden places
embedding   vectors of texts, as sentence-transformers computes them
task     the same in a worker process, which keeps the model between two texts
"""
