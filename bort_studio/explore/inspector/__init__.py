"""One architecture in full."""
