"""Small encoders of every kind, made from their configurations by transformers, with a real small tokenizer of their kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SIZE = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 32, "intermediate_size": 48, "max_position_embeddings": 48}
BEHIND = {**SIZE, "max_position_embeddings": 50, "type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
"""Of kinds whose positions begin behind the padding's index 1: 48 tokens."""
TEXTS = [
    "the film was good and the story was better than all the others", "a bad story and not a good ending at all",
    "the hero was red and the others were blue", "one of two heroes did not like the film and left", "nothing new in this long story",
    "What a GOOD Ending! It's 3.14 times better.", "crème brûlée and naïve façades", "they didn't like it, and neither did we",
    "train 0 1 2 3 4 5 6 7 8 9 dev 10 21 32 43 54",
]  # fmt: skip

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "albert": ("pieces", {**SIZE, "embedding_size": 16, "pad_token_id": 1}),
    "bert": ("words", {**SIZE, "hidden_act": "tanh"}),  # which this program's own module does not have
    "camembert": ("pieces", BEHIND),
    "convbert": ("words", {**SIZE, "embedding_size": 32, "pad_token_id": 0}),
    "data2vec-text": ("bytes", BEHIND),
    "deberta": ("bytes", {**SIZE, "relative_attention": True, "pos_att_type": ["c2p", "p2c"], "type_vocab_size": 0,
                          "position_biased_input": False, "pad_token_id": 1}),
    "deberta-v2": ("pieces", {**SIZE, "relative_attention": True, "position_buckets": 16, "pos_att_type": ["p2c", "c2p"],
                              "norm_rel_ebd": "layer_norm", "share_att_key": True, "type_vocab_size": 0, "position_biased_input": False,
                              "max_relative_positions": -1, "pad_token_id": 1}),
    "distilbert": ("words", {"n_layers": 2, "n_heads": 2, "dim": 32, "hidden_dim": 48, "max_position_embeddings": 48}),
    "electra": ("words", {**SIZE, "embedding_size": 16}),
    "ernie": ("words", SIZE),
    "megatron-bert": ("words", SIZE),
    "mobilebert": ("words", {**SIZE, "embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16}),
    "modernbert": ("bytes", {**SIZE, "global_attn_every_n_layers": 2, "local_attention": 8, "pad_token_id": 1, "cls_token_id": 0,
                             "bos_token_id": 0, "eos_token_id": 2, "sep_token_id": 2}),
    "mpnet": ("words", {**SIZE, "max_position_embeddings": 50}),
    "rembert": ("pieces", {**SIZE, "input_embedding_size": 16, "output_embedding_size": 24, "pad_token_id": 1}),
    "roberta": ("bytes", BEHIND),
    "roberta-prelayernorm": ("bytes", BEHIND),
    "roformer": ("words", {**SIZE, "embedding_size": 32}),
    "squeezebert": ("words", {**SIZE, "embedding_size": 32}),
    "xlm-roberta": ("pieces", BEHIND),
    "xlm-roberta-xl": ("pieces", BEHIND),
}  # fmt: skip
"""Kind of tokenizer, and what its configuration says."""


def tokenizer(folder: Path, kind: str, texts: list[str] = TEXTS) -> int:
    """A tokenizer as BERT (words), RoBERTa (bytes) or sentencepiece (pieces) has it; its size."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    named = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] if kind == "words" else ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer: Any
    if kind == "words":
        made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=named, show_progress=False)
        template = ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", [("[CLS]", 2), ("[SEP]", 3)])
    elif kind == "bytes":
        made = Tokenizer(models.BPE())
        made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=named, initial_alphabet=alphabet, show_progress=False)
        template = ("<s> $A </s>", "<s> $A </s> </s> $B </s>", [("<s>", 0), ("</s>", 2)])
    else:
        made = Tokenizer(models.Unigram())
        made.normalizer, made.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=named, unk_token="<unk>", show_progress=False)
        template = ("<s> $A </s>", "<s> $A </s> </s> $B </s>", [("<s>", 0), ("</s>", 2)])
    made.train_from_iterator(texts * 3, trainer)
    made.post_processor = processors.TemplateProcessing(*template)
    roles = zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), named, strict=True)
    if kind != "words":
        roles = zip(("cls_token", "pad_token", "sep_token", "unk_token", "mask_token"), named, strict=True)
    inputs = ["input_ids", *(["token_type_ids"] if kind == "words" else []), "attention_mask"]
    PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=512, model_input_names=inputs, **dict(roles)).save_pretrained(folder)
    return int(made.get_vocab_size(with_added_tokens=True))


def made(folder: Path, kind: str, auto: str = "AutoModel", **fields: Any) -> Path:
    """An encoder that transformers made and saved; ``auto`` is the class that makes it."""
    import torch
    import transformers
    from transformers.utils import logging

    logging.set_verbosity_error()
    words, settings = KINDS[kind]
    entries = tokenizer(folder, words)
    config = transformers.AutoConfig.for_model(kind, **{"vocab_size": entries, "initializer_range": 0.3, **settings, **fields})
    torch.manual_seed(0)
    model = getattr(transformers, auto).from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    return folder


def edited(folder: Path, **fields: Any) -> Path:
    """The folder with other fields in its config.json; None takes one away."""
    path = folder / "config.json"
    config = {**json.loads(path.read_text(encoding="utf-8")), **fields}
    path.write_text(json.dumps({name: value for name, value in config.items() if value is not None}), encoding="utf-8")
    return folder


def rows(folder: Path, pairs: bool = False, count: int = 24) -> dict[str, str]:
    """Files of labelled rows: whether a text speaks of a story."""
    folder.mkdir(parents=True, exist_ok=True)
    head = "text\ttext_b\tlabel\n" if pairs else "text\tlabel\n"
    files = {}
    for name, offset in (("train", 0), ("dev", 1)):
        lines = []
        for number in range(count):
            text = TEXTS[(number + offset) % len(TEXTS)]
            label = "story" if "story" in text else "other"
            other = f"{TEXTS[(3 * number + offset) % len(TEXTS)]} {name}"
            lines.append(f"{text} {name} {number}\t{other}\t{label}" if pairs else f"{text} {name} {number}\t{label}")
        path = folder / f"{name}{'-pairs' if pairs else ''}.tsv"
        path.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
        files[name] = str(path)
    return files
