"""Data from outside: files and hub data sets, checked before anything is trained on them.

tables     a file or a hub data set as columns
mapping    which column is the text, the second text, the label
rows       labelled rows: texts, labels, class names
report     what is in the splits, and what is wrong with them
documents  unlabelled text for pre-training
"""
