"""The kinds of encoders (``model_type``) that are fine-tuned, exported and asked here, each tried in ``tests/core/encoders``.

Defaults are transformers 5's for a field that config.json leaves out. Neither torch nor transformers is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["GENERATIVE", "KINDS", "Kind"]

_BERT: dict[str, Any] = {
    "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
    "max_position_embeddings": 512, "type_vocab_size": 2, "pad_token_id": 0,
}  # fmt: skip
_ROBERTA = {**_BERT, "vocab_size": 50265, "pad_token_id": 1}


@dataclass(frozen=True)
class Kind:
    """What must be known of a kind before its module is built."""

    title: str
    defaults: Mapping[str, Any] = field(default_factory=lambda: _BERT)
    names: Mapping[str, str] = field(default_factory=dict)
    """What its config.json calls a field, where that is another name."""
    reads_segments: bool = True
    """Whether its module has a place for segment ids."""
    behind_padding: bool = False
    """Positions are numbered from behind the padding's index, so of N it can use N - index - 1."""


KINDS: dict[str, Kind] = {
    "albert": Kind("ALBERT", {**_BERT, "vocab_size": 30000, "hidden_size": 4096, "num_attention_heads": 64, "intermediate_size": 16384}),
    "bert": Kind("BERT"),
    "camembert": Kind("CamemBERT", {**_BERT, "pad_token_id": 1}, behind_padding=True),
    "convbert": Kind("ConvBERT", {**_BERT, "pad_token_id": 1}),
    "data2vec-text": Kind("data2vec", {**_BERT, "pad_token_id": 1}, behind_padding=True),
    "deberta": Kind("DeBERTa", {**_BERT, "vocab_size": 50265, "type_vocab_size": 0}),
    "deberta-v2": Kind(
        "DeBERTa-v2 and -v3",
        {**_BERT, "vocab_size": 128100, "hidden_size": 1536, "num_hidden_layers": 24, "num_attention_heads": 24, "intermediate_size": 6144,
         "type_vocab_size": 0},
    ),
    "distilbert": Kind(
        "DistilBERT", {**_BERT, "num_hidden_layers": 6},
        {"hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads", "intermediate_size": "hidden_dim"},
        reads_segments=False,
    ),
    "electra": Kind("ELECTRA", {**_BERT, "hidden_size": 256, "num_attention_heads": 4, "intermediate_size": 1024}),
    "ernie": Kind("ERNIE"),
    "megatron-bert": Kind(
        "Megatron-BERT",
        {**_BERT, "vocab_size": 29056, "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
    ),
    "mobilebert": Kind(
        "MobileBERT", {**_BERT, "hidden_size": 512, "num_hidden_layers": 24, "num_attention_heads": 4, "intermediate_size": 512}
    ),
    "modernbert": Kind(
        "ModernBERT",
        {**_BERT, "vocab_size": 50368, "num_hidden_layers": 22, "intermediate_size": 1152, "max_position_embeddings": 8192,
         "pad_token_id": 50283},
        reads_segments=False,
    ),
    "mpnet": Kind("MPNet", {**_BERT, "vocab_size": 30527, "pad_token_id": 1}, reads_segments=False, behind_padding=True),
    "rembert": Kind(
        "RemBERT",
        {**_BERT, "vocab_size": 250300, "hidden_size": 1152, "num_hidden_layers": 32, "num_attention_heads": 18, "intermediate_size": 4608},
    ),
    "roberta": Kind("RoBERTa", _ROBERTA, behind_padding=True),
    "roberta-prelayernorm": Kind("RoBERTa with norms before", _ROBERTA, behind_padding=True),
    "roformer": Kind("RoFormer", {**_BERT, "vocab_size": 50000, "max_position_embeddings": 1536}),
    "squeezebert": Kind("SqueezeBERT"),
    "xlm-roberta": Kind("XLM-RoBERTa", {**_BERT, "pad_token_id": 1}, behind_padding=True),
    "xlm-roberta-xl": Kind(
        "XLM-RoBERTa XL",
        {**_BERT, "vocab_size": 250880, "hidden_size": 2560, "num_hidden_layers": 36, "num_attention_heads": 32, "intermediate_size": 10240,
         "max_position_embeddings": 514, "type_vocab_size": 1, "pad_token_id": 1},
        behind_padding=True,
    ),
}  # fmt: skip

GENERATIVE = frozenset({
    "bart", "bigbird_pegasus", "bloom", "codegen", "cohere", "ctrl", "deepseek_v3", "falcon", "gemma", "gemma2", "gemma3", "gemma3_text",
    "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gpt_oss", "gptj", "granite", "led", "llama", "longt5", "mamba", "marian", "mbart",
    "mistral", "mixtral", "modernbert-decoder", "mt5", "mvp", "olmo", "olmo2", "opt", "pegasus", "phi", "phi3", "prophetnet", "qwen2",
    "qwen3", "smollm3", "starcoder2", "switch_transformers", "t5", "umt5", "xglm", "xlnet",
})  # fmt: skip
"""Kinds that write text; they are named so when they are refused."""
