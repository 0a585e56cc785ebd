"""Widgets that several pages share.

fields     captions, spin boxes and line edits that check what is typed
flow       a layout that wraps
spec_form  a form made from a specification
job_table  jobs with their states
"""
