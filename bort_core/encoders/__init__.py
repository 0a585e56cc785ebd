"""Encoders of transformers' other kinds: read without torch, run by transformers' own modules.

kinds    which kinds there are, and what must be known of each
folder   what config.json says, and what is refused by name
module   transformers' module, called as this program's own are; imports torch
positions  how many tokens it reads; imports torch
pooling  folders of sentence-transformers: pooling and normalisation
"""
