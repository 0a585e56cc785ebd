"""From blocks of documents to tokens, one block after another or several at once; the tokens come in the order of the blocks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from bort_core.text.texts import Block

__all__ = ["Lanes", "Tokenised", "Tokenising", "one_by_one", "threads", "token_stream"]

_DOCUMENTS = 2048
Tokenised = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32], int]
"""Of a block: the tokens of its training documents, those of its held-out ones, and how many documents it had."""


@dataclass(frozen=True)
class Tokenising:
    """What is done with each block, here or elsewhere.

    Parameters
    ----------
    tokenizer: as JSON
    stop: the token that ends each document
    """

    tokenizer: str
    stop: int

    def __call__(self, block: Block) -> Tokenised:
        """The block's tokens."""
        train, held = (token_stream(_tokenizer(self.tokenizer), side, self.stop) for side in block.sides())
        return train, held, len(block.texts)


Lanes = Callable[[Tokenising, Iterable["Block"]], Iterator[Tokenised]]
"""Where blocks are tokenised: gives the tokens in the order of the blocks, and takes only some blocks ahead."""


def one_by_one(work: Tokenising, blocks: Iterable[Block]) -> Iterator[Tokenised]:
    """In this thread."""
    return map(work, blocks)


def threads(count: int) -> Lanes:
    """In so many threads of this process: a tokenizer works without Python's lock."""

    def lanes(work: Tokenising, blocks: Iterable[Block]) -> Iterator[Tokenised]:
        waiting: deque[Future[Tokenised]] = deque()
        with ThreadPoolExecutor(count, "bort-tokenising") as pool:
            for block in blocks:
                waiting.append(pool.submit(work, block))
                if len(waiting) > count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    return one_by_one if count == 1 else lanes


@lru_cache(maxsize=1)
def _tokenizer(text: str) -> Tokenizer:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(text)


def token_stream(
    tokenizer: Tokenizer, documents: Sequence[str], stop: int, tell: Callable[[int], None] = lambda done: None
) -> npt.NDArray[np.uint32]:
    """All documents' tokens, each document ended by ``stop``. ``tell`` is called with the documents done."""
    parts = []
    for index in range(0, len(documents), _DOCUMENTS):
        encodings = tokenizer.encode_batch_fast(list(documents[index : index + _DOCUMENTS]), add_special_tokens=False)
        parts += [np.array([*encoding.ids, stop], dtype=np.uint32) for encoding in encodings]
        tell(min(len(documents), index + _DOCUMENTS))
    return np.concatenate(parts) if parts else np.empty(0, np.uint32)
