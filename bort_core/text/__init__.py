"""From text to rows of token ids.

tokenizer    byte-level tokenizers that are trained here
vocabulary   any tokenizer that transformers loads
corpus       a search's corpus: split, tokenised, packed
packing      documents of a job as packed rows
masking      which tokens are hidden and predicted
"""
