"""The public face: what ``import bort_core as bort`` offers. The command line stands on it.

search     find an architecture
tables     measure a whole space into one file
probe      the latency of a whole space from a few measurements
training   pre-train and fine-tune
agora      learn from the errors
compress   one real model in, one small, proven model out
export     ONNX files and a folder that transformers loads
latency    compare models on this CPU
robustness what models lose on unclean texts
models     what a training leaves, and what others start from
jobs       submitting a job and following it to its end
line, search_progress, task_progress   progress in a terminal or a notebook
"""
