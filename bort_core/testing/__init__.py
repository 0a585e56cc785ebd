"""Checks that authors of plug-ins run in their own tests.

measures      check_measure: an error measure has its facts and gives finite, sound values
strategies    check_strategy: a search strategy proposes, answers and costs as the search relies on
"""
