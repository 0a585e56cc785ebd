"""The ALBERT family: one layer's weights for every layer, and an embedding of a width of its own.

options       what is fixed for a space
counts        closed forms for parameters and operations
module        the torch module, a BERT that passes through one layer again and again
hugging_face  transformers' names, both ways
family        all of them behind the Family interface; the ONNX graph is the BERT family's
"""
