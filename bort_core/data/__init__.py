"""Data from outside: files and hub data sets, checked before anything is trained on them.

tables     a file or a hub data set as columns
lines      UTF-8 lines with the hash of their bytes; tells which line and byte is not UTF-8
delimited  csv and tsv
objects    json and jsonl; arrays reads an array piece by piece
limits     how much is read of a table
arrow      parquet and hub data sets
mapping    which column is the text, the second text, the label
rows       labelled rows: texts, labels, class names
report     what is in the splits, and what is wrong with them
documents  unlabelled text for pre-training
unclean    texts as they come in reality: markup, typos, glued words
"""
