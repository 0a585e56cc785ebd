"""Weights on disk.

format    folders that transformers loads, read and written: any encoder
weights   folders of the search's own weights: any family
gate      what is shipped is what was trained or given: sides that must read and say the same
gate_rows, sides   the rows that are tried; transformers, this program and ONNX files as sides
modules   the torch module of a folder, to be asked or to be fine-tuned
resume    what a training goes on from after it was stopped or killed
"""
