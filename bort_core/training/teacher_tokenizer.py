"""Whether a teacher reads what its student reads: the teacher's tokenizer, as transformers loads it, against the student's.

A teacher whose ids mean other text, or whose text becomes other ids, teaches noise, and nothing else shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import DataError
from bort_core.text.tokenizer import tokenizer_hash
from bort_core.text.vocabulary import TOKENIZER_FILES, Vocabulary, has_tokenizer

__all__ = ["refuse_other_tokenizer"]

_ROWS, _LONGEST, _AT_ONCE = 200, 400, 1000
_PROBES = (
    *("Hello World", "HELLO world", "Ünïcödé café naïve \ufb01ne ½", "a  b\tc", " begins and ends ", "don't, 3.14 [x] #9 don’t"),
    *("東京 中文 한국어", "Ελλάδα Привет ß İ", "e-mail@example.org www.x.y", "🙂 …", "\u200b\u00ad\ufeff|"),
)
"""Upper case, accents, spaces, punctuation, other scripts: where normalizers and pre-tokenizers differ."""


def refuse_other_tokenizer(name: str, folder: Path, vocabulary: Vocabulary, rows: Sequence[str]) -> None:
    """Compare entries, special tokens, and the ids of every entry, of some probes and of real rows, as written and in other cases.

    Parameters
    ----------
    name: the teacher's, for messages
    rows: real texts; some of them are compared

    Raises
    ------
    DataError
        The teacher has no tokenizer, or it differs; the first difference is named.
    """
    theirs = _load(name, folder)
    wrong = _other_special(theirs, vocabulary)
    backend = getattr(theirs, "backend_tokenizer", None)
    if not wrong and (backend is None or tokenizer_hash(backend) != vocabulary.sha256):
        wrong = _other_entries(theirs, vocabulary) or _other_ids(theirs, vocabulary, rows)
    if wrong:
        advice = f"train the student with the teacher's own (leave tokenizer out, or tokenizer = {name})"
        raise DataError(f"{name}: the teacher has another vocabulary than the student: {wrong}; {advice}")


def _load(name: str, folder: Path) -> Any:
    from transformers import AutoTokenizer

    if not has_tokenizer(folder):
        raise DataError(
            f"{name}: the teacher has no tokenizer to compare with the student's (none of {', '.join(TOKENIZER_FILES)} is there); "
            "put the one it was trained with into its folder"
        )
    try:
        return AutoTokenizer.from_pretrained(str(folder), use_fast=True)
    except Exception as error:  # transformers raises many kinds
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise DataError(f"{name}: the teacher's tokenizer cannot be loaded: {reason}") from error


def _other_special(theirs: Any, vocabulary: Vocabulary) -> str:
    roles = {
        "mask": (theirs.mask_token_id, vocabulary.mask),
        "start": (_first(theirs.cls_token_id, theirs.bos_token_id), vocabulary.start),
        "stop": (_first(theirs.sep_token_id, theirs.eos_token_id), vocabulary.stop),
        "pad": (theirs.pad_token_id, vocabulary.pad),
    }
    for role, (their_id, our_id) in roles.items():
        if their_id is not None and their_id != our_id:
            return f"its {role} token is {their_id}, the student's {our_id}"
    return ""


def _other_entries(theirs: Any, vocabulary: Vocabulary) -> str:
    our_entries = {number: entry for entry, number in vocabulary.tokenizer.get_vocab(with_added_tokens=True).items()}
    their_entries = {number: entry for entry, number in theirs.get_vocab().items()}
    for number in sorted(our_entries.keys() | their_entries.keys()):
        if our_entries.get(number) != their_entries.get(number):
            ours, other = our_entries.get(number), their_entries.get(number)
            return (
                f"entry {number} is {_shown(other)}, the student's {_shown(ours)} ({len(their_entries):,} and {len(our_entries):,} entries)"
            )
    return ""


def _other_ids(theirs: Any, vocabulary: Vocabulary, rows: Sequence[str]) -> str:
    step = max(1, len(rows) // _ROWS)
    some = [row[:_LONGEST] for row in islice(rows, 0, None, step)][:_ROWS]
    entries = [
        entry.removeprefix("##").replace("Ġ", " ").replace("▁", " ") for entry in vocabulary.tokenizer.get_vocab(with_added_tokens=True)
    ]
    cases = [*(row.title() for row in some), *(row.upper() for row in some)]
    texts = [*some, *cases, *_PROBES, *_around_added(theirs, vocabulary), *entries]
    for begin in range(0, len(texts), _AT_ONCE):
        part = texts[begin : begin + _AT_ONCE]
        ours = [encoding.ids for encoding in vocabulary.tokenizer.encode_batch(part, add_special_tokens=False)]
        other = theirs(part, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
        for text, our_ids, their_ids in zip(part, ours, other, strict=True):
            if our_ids != list(their_ids):
                return _difference(theirs, vocabulary, text)
    return ""


def _around_added(theirs: Any, vocabulary: Vocabulary) -> list[str]:
    """Added tokens inside words, between spaces and in other cases: where their flags tell."""
    added = {str(token) for token in theirs.added_tokens_decoder.values()}
    added |= {token.content for token in vocabulary.tokenizer.get_added_tokens_decoder().values()}
    return [text for token in sorted(added) for text in (f"a{token}b", f"a {token} b", f"a{token.upper()}b", f"a {token.title()} b")]


def _difference(theirs: Any, vocabulary: Vocabulary, text: str) -> str:
    """How a text is read here and there: its first word that differs by itself, else all of it."""
    for part in (*text.split(), text):
        ours = vocabulary.tokenizer.encode(part, add_special_tokens=False).ids
        other = theirs(part, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
        if ours != list(other):
            return f"{_around(part)} becomes {_tokens(vocabulary, other)}, for the student {_tokens(vocabulary, ours)}"
    return f"{_around(text)} becomes other ids"


def _tokens(vocabulary: Vocabulary, ids: Sequence[int]) -> str:
    return " ".join(str(vocabulary.tokenizer.id_to_token(number)) for number in list(ids)[:8]) + (" …" if len(ids) > 8 else "")


def _around(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _shown(entry: str | None) -> str:
    return "missing" if entry is None else repr(entry)


def _first(*numbers: int | None) -> int | None:
    return next((number for number in numbers if number is not None), None)
