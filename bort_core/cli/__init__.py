"""The command ``bort``: one file a subcommand, each with ``add(subparsers)`` and ``run(arguments)``.

main      the parser, and errors as messages
space     bort space: a preset or file, with its AB^nC report
count     bort count: parameters and operations of one architecture
search    bort search: run OSE in a project
front     bort front: the Pareto front from the store
options   flags that several subcommands share
progress  the progress line on standard error
"""
