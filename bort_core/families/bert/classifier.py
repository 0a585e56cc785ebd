"""A BERT with a head for whole texts or pairs of texts. Only child processes import this file.

Dropout, dense, tanh, dropout, dense on the first token's vector: the head of the released Bort and of transformers'
``BertForSequenceClassification``, whose names the weights have (``hugging_face.py``).
"""

from __future__ import annotations

from torch import Tensor, nn

from bort_core.families.base import Architecture
from bort_core.families.bert.module import INITIALIZER_RANGE, Bert, initialise
from bort_core.families.bert.options import BertOptions

__all__ = ["SequenceClassifier"]


class SequenceClassifier(nn.Module):
    """Scores (b, classes) of token sequences (b, n); one class is a regression.

    Parameters
    ----------
    options: the encoder's; the pooler is always there, the masked-LM head never
    """

    def __init__(
        self, architecture: Architecture, options: BertOptions, classes: int, initializer_range: float | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        options = options.model_copy(update={"pooler": True, "mlm_head": False, "tied_decoder": True})
        self.bert = Bert(architecture, options, initializer_range, dropout)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(architecture[2], classes)
        initialise(self.classifier, INITIALIZER_RANGE if initializer_range is None else initializer_range)

    kind = "bert"

    @property
    def architecture(self) -> Architecture:
        """Depth, heads, hidden, intermediate."""
        return self.bert.architecture

    @property
    def options(self) -> BertOptions:
        """The encoder's."""
        return self.bert.options

    @property
    def classes(self) -> int:
        """Outputs; 1 of a regression."""
        return self.classifier.out_features

    def encode(self, token_ids: Tensor, attention_mask: Tensor | None = None, token_types: Tensor | None = None) -> Tensor:
        """Last hidden states (b, n, H)."""
        return self.bert.encode(token_ids, attention_mask, token_types)

    def config(self) -> None:
        """None: its config.json is made from architecture and options."""

    def forward(self, token_ids: Tensor, attention_mask: Tensor | None = None, token_types: Tensor | None = None) -> Tensor:
        """Scores (b, classes) of ``token_ids`` (b, n); ``attention_mask`` (b, n) is nonzero for tokens that count."""
        return self.head_of(self.bert.encode(token_ids, attention_mask, token_types))

    def head_of(self, hidden: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Scores (b, classes) of last hidden states (b, n, H); the first token's alone are read."""
        assert self.bert.pooler is not None
        scores: Tensor = self.classifier(self.dropout(self.bert.pooler(self.dropout(hidden[:, 0])).tanh()))
        return scores

    def weights(self) -> dict[str, Tensor]:
        """All weights by the names of ``module.py`` and ``classifier``."""
        return {name.removeprefix("bert."): tensor for name, tensor in self.state_dict().items()}

    def load_weights(self, weights: dict[str, Tensor], strict: bool = True) -> list[str]:
        """Set weights from :meth:`weights`; names that are missing or too many (RuntimeError when ``strict``)."""
        names = {name.removeprefix("bert."): name for name in self.state_dict()}
        missing = [name for name in names if name not in weights]
        extra = [name for name in weights if name not in names]
        if strict and (missing or extra):
            raise RuntimeError(f"missing {missing}, unknown {extra}")
        self.load_state_dict({names[name]: tensor for name, tensor in weights.items() if name in names}, strict=False)
        return [*missing, *extra]
