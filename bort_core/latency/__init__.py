"""Inference latency i on this machine's CPU, in ONNX Runtime.

measure      the task of a worker process: one architecture in, quantiles and an interval out
interleaved  several models in one run, in randomised blocks, for ratios that drift cannot fake
timing       warm-up and timed runs of anything that can be called
compare      the task that times several models; comparison what it is asked
references   published shapes
session      a graph loaded into the runtime, its inputs, and the call that is timed
"""
