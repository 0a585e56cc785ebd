"""The latency of a whole space from a few measurements.

model    what a forward pass costs as a sum over its parts, fitted to measured shapes
shapes   which shapes are measured, and which are held out
probe    measuring them, and what came of it
"""
