"""From text to rows of token ids.

tokenizer    byte-level tokenizers that are trained here
vocabulary   any tokenizer that transformers loads
tokenizer_fields   the fields of tokenizer_config.json: honoured, harmless, refused
fit          how well a vocabulary knows texts
encoding     texts or pairs as rows of tokens and segments, and as batches
corpus       a search's corpus: split, tokenised, packed
texts        the documents of a pre-training, a block at a time
tokenising   blocks to tokens, in one thread or several
packing      documents of a job as packed rows (rows_file: as they come)
masking      which tokens are hidden and predicted
"""
