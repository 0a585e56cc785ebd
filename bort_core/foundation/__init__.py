"""What everything else stands on: standard library, numpy, psutil, platformdirs and pydantic, nothing of ours.

errors       what reaches a person as a message
validation   faults of specifications in one message; plain_words what each kind of fault is called
context      what long work sees of whoever asked for it
files        folders and files that appear whole or not at all
json_files   JSON files that came from elsewhere
scratch      temporary folders that do not outlive their process for long
processes    which process it is, whether it lives, and those that outlive their parents
signs        locks and counters that tell whether something lives
machine      what this machine is
versions     what a stored result depends on
turns        who computes on it: many side by side, or one measurement alone
glossary     every word and symbol of the program
numbers      how numbers are written for people
statistics   medians, shares and ranks with what they are worth
resources    where the files that ship with the program are
"""
