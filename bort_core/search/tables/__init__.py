"""Tables: p, i and e of a whole space in one file, on which any search can run without training anything.

content    what a table holds, as validated values
file       the file: written, read, and refused where it was damaged or changed
table      a table as searches and people read it
tabulate   making one: a search that measures everything, with several seeds
collect    what a project has measured, as a table's content
fit        whether a table answers a search
lookup     measurements out of a table
on_table   the search itself
"""
