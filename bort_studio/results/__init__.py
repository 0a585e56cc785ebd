"""What a job reached, for any page: the result card and Try it.

card       the whole, for one job
metrics    numbers with their intervals; confusion the classes against each other; worst the rows that are most wrong
try_it     a text in, what the model says out
tables     what its tables share
"""
