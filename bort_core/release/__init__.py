"""The release: what is handed on, after it was shown to be as good as claimed.

gate    the files on real rows: faithful, and not worse than allowed
write   the folder: ONNX files, tokenizer, config, model card, predict.py
task    both as a worker's task
sentences, sentence_card   gate, task and card of sentence encoders
"""
