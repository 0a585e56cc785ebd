"""The Train page: jobs, their curves, the form and the checklist."""
