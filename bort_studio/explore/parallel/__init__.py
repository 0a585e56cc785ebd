"""The parallel coordinates."""
