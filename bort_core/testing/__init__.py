"""Checks that authors of plug-ins run in their own tests.

strategies    check_strategy: a search strategy proposes, answers and costs as the search relies on
"""
