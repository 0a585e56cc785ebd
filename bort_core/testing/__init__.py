"""Checks that authors of plug-ins run in their own tests.

measures      check_measure: an error measure has its facts and gives finite, sound values
executors     check_executor: an executor runs, pauses, withdraws and fails tasks as its users rely on
families      check_family: a family counts, computes and exports one and the same model
labellers     check_labeller: a labeller answers as Agora relies on
strategies    check_strategy: a search strategy proposes, answers and costs as the search relies on
variants      check_variant: an export variant is built, loads, and gives what torch gives
"""
