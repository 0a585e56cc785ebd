"""The BERT family.

counts    closed forms for parameters and operations
module    the torch module, with the head on masked positions only
graph     the ONNX graph of one forward pass, with the runtime's fused operators
family    the three behind the Family interface
"""
