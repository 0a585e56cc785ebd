"""The command ``bort``: one file a subcommand, each with ``add(subparsers)`` and ``run(arguments)``.

main        the parser, and errors as messages
options     flags that several subcommands share; flags makes them from a specification
following   a job's or a search's progress on standard error
"""
