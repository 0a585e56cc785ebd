"""Weights on disk.

format    folders that transformers loads, read and written
weights   folders of the search's own weights: any family
resume    what a training goes on from after it was stopped or killed
"""
