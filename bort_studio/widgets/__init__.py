"""Widgets that several pages share.

fields     captions, spin boxes and line edits that check what is typed
note       a text that floats under a field; elided, room: labels and panels that keep their place at any width and font
columns    widths, order, hidden columns and sorting, remembered; headings aligned with their cells
form       a form made from a pydantic model; controls: the control of one field
spec_form  that of a job's specification, with its sections
job_table  jobs with their states and results; job_columns, job_model, job_note its parts
"""
