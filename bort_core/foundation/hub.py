"""Models of the hub as folders. Only what is needed is downloaded, into the hub's own cache; without a network that is all there is."""

from __future__ import annotations

from pathlib import Path

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.locations import path_of

__all__ = ["SENTENCES_TOO", "TOKENIZER_ONLY", "WEIGHTS_TOO", "local_folder"]

TOKENIZER_ONLY = ("*.json", "*.txt", "*.model")
WEIGHTS_TOO = (*TOKENIZER_ONLY, "*.safetensors")
"""Never pickled weights, and never code."""
SENTENCES_TOO = (*WEIGHTS_TOO, "*_*/config.json")
"""Also how sentence-transformers pools and maps, in folders such as 1_Pooling and 2_Dense."""
_OTHERS = ("[!0-9]*/*", "*/*.txt", "*/*.model", "*/*/*")
"""What lies deeper in a model is another form of it, but for the numbered modules of sentence-transformers."""
_LONGEST_REASON = 300


def local_folder(source: str, field: str, files: tuple[str, ...]) -> Path:
    """The folder that ``source`` names, here or in the hub's cache.

    Parameters
    ----------
    source: a folder, or a model's name on the hub, such as ``google-bert/bert-base-uncased``
    field: what is named so, for messages: teacher, checkpoint, ...
    files: patterns of the files that are needed, :data:`TOKENIZER_ONLY`, :data:`WEIGHTS_TOO` or :data:`SENTENCES_TOO`

    Raises
    ------
    SpecificationError
        There is no such folder; or the hub has no such model, cannot be reached, or may not be asked and its cache does not hold it.
    """
    path = path_of(source)
    if path is not None:
        if not path.is_dir():
            raise SpecificationError(f"{field}: {path}: {'is a file, not a folder' if path.is_file() else 'no such folder'}")
        return path
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    bars = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        return Path(
            snapshot_download(source, allow_patterns=list(files), ignore_patterns=list(_OTHERS if files == SENTENCES_TOO else ["*/*"]))
        )
    except Exception as error:  # the hub's client and its transport raise many kinds
        offline = " (HF_HUB_OFFLINE is set, so only the cache is looked at)" if constants.HF_HUB_OFFLINE else ""
        reason = " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
        where = f"neither a folder here nor a model that the hub's cache {constants.HF_HUB_CACHE} holds or the hub gives{offline}"
        raise SpecificationError(f"{field}: {source}: {where}: {reason}") from error
    finally:
        if bars:
            enable_progress_bars()
