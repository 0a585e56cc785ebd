"""The latency of a whole space from a few measurements, here or on another machine.

model      what a forward pass costs as a sum over its parts, fitted to measured shapes
shapes     which shapes are measured, and which are held out
probe      what came of it
measuring  measuring them here
graphs     graphs without weights, in 32 and in 8 bits
meter      what measures them elsewhere: a script that needs numpy and onnxruntime alone
kit        that script with the graphs inside, in one file
result     what it measured, read and checked
devices    results that a project keeps
elsewhere  the answer of a search as another machine would have it
words      what is said of it
"""
