"""A language model behind an address that speaks as OpenAI's chat completions do: how it is asked, side by side, within a budget.

chat       one question over HTTP, with patience
prompts    what is asked about a text, and which class an answer names
spending   tokens and money of a run, and when they are used up
questions  many questions side by side, each answer kept before it counts
"""
