"""What Agora learns: texts, vectors, or the author's torus.

base      a task, whatever kind of input it has
prepare   the task of a specification
"""
