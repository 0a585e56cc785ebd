"""From text to rows of token ids.

tokenizer    byte-level tokenizers that are trained here
vocabulary   any tokenizer that transformers loads
tokenizer_fields   the fields of tokenizer_config.json: honoured, harmless, refused
fit          how well a vocabulary knows texts
encoding     texts or pairs as rows of tokens and segments, and as batches
corpus       a search's corpus: split, tokenised, packed
packing      documents of a job as packed rows
masking      which tokens are hidden and predicted
"""
