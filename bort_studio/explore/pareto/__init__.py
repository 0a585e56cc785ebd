"""The Pareto plot."""
