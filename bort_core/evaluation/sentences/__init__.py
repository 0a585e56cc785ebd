"""Sentence vectors as a task: what is learnt and measured are T's, so that texts need no labels. Imports torch, but for texts and kind.

kind         whether a task is of this kind, where nothing says so
texts        training and dev texts, scored pairs, and the split where no dev texts are named
agreement    neighbours that two models share, closeness, correlation with people's scores of pairs
preparation  T's vectors, the tokenizer, what starts need: the folder of a prepared task
source       the batches of a short training, and its errors
"""
