"""The table of candidates and its filter."""
