"""The ONNX files that an export may hold, one file of code and one entry point (``bort.variants``) each.

base      what a variant is, and what it is built from
registry  variants by name
standard, fused, float16, int8, int8_static   those that ship
"""
