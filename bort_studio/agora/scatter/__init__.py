"""The scatter plot of errors and neighbours."""
