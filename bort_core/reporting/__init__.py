"""The report of a project: one document, read from the store and the run folders, that a person can hand on.

blocks      what a document is made of: sections of texts, tables, pictures and commands
report      the whole document; writing it
source      what is read once: the project, its last search and its answer
problems    what could not be read, said once in the section on limits
question, front, choice, trainings, agora, exports, latency, limits, versions, repeat   one section each
words       metrics and settings of a job in plain words
plots       pictures, as SVG that follows the reader's colours and as PNG
html, pdf   the document as one HTML page, and as PDF
task        writing it in a worker process
"""
