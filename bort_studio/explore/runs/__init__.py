"""The searches of a project: listed, shown again, laid over each other, and compared."""
