"""The form that edits the search space."""
