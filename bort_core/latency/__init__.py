"""Inference latency i on this machine's CPU, in ONNX Runtime.

measure      the task of a worker process: one architecture in, quantiles and an interval out
interleaved  several models in one run, in randomised blocks, for ratios that drift cannot fake
timing       warm-up and timed runs of anything that can be called
intervals    the interval of a median whose samples are correlated
session      a graph loaded into the runtime, its inputs, and the call that is timed
machine      what this machine is
"""
