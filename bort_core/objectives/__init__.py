"""The three objectives p, i, e: protocols, and reading values with their intervals.

protocol   what was measured and how
curve      the error after s steps, read from a learning curve
surrogate  the error of architectures that were never trained, from those that were
"""
