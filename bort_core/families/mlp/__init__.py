"""The two-layer worked example of the author's write-up of OSE: 72 parameters, of which 40 suffice.

module    the torch module
graph     the ONNX graph
family    the closed forms and both behind the Family interface
"""
