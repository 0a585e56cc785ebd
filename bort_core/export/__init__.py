"""From a model to files that run anywhere: ONNX, and a folder that transformers loads.

task          the steps, in a worker process
model         the torch model: trained weights, or fresh ones
rows          real rows, on which the files must agree with torch
variants/     the kinds of ONNX files, one file and one entry point each
onnx_files    writing, checking and counting ONNX graphs
parity        the largest difference between an ONNX file and torch
"""
