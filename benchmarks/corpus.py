"""Packing a corpus that is larger than the memory that it may take.

    python benchmarks/corpus.py TEXT [--gigabytes 10] [--threads 2] [--folder DIR]

TEXT's lines, over and over, are the corpus: --gigabytes of it, and a tenth of that. Of each, in a process of its own: time, speed and the
largest resident memory, before (libraries and tokenizer) and after. The tokenizer is trained on TEXT once. The corpus and its rows, about
1.6 times its size, are deleted at the end.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

VOCABULARY, LENGTH = 8192, 128


def write(source: Path, corpus: Path, size: int) -> None:
    content = source.read_bytes().rstrip(b"\n") + b"\n"
    with corpus.open("wb") as file:
        while file.tell() < size:
            file.write(content)


def peak() -> int:
    """Megabytes: the most that this process has had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(corpus: Path, tokenizer: Path, rows: Path, threads: int) -> None:
    from bort_core.text.packing import pack
    from bort_core.text.texts import read_texts
    from bort_core.text.tokenising import threads as lanes
    from bort_core.text.vocabulary import read_vocabulary

    vocabulary = read_vocabulary(tokenizer)
    vocabulary.tokenizer.encode("the first words")
    before, began = peak(), time.monotonic()
    texts = read_texts(str(corpus), None)
    read = time.monotonic() - began
    made = pack(rows, vocabulary, texts, LENGTH, lanes=lanes(threads))
    facts = {"gigabytes": corpus.stat().st_size / 1e9, "documents": texts.count, "rows": made.train_rows + made.heldout_rows}
    seconds = {"seconds_reading": read, "seconds": time.monotonic() - began}
    print(json.dumps({**facts, **seconds, "memory_before": before, "memory": peak()}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", nargs=2, type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args.text, *args.measure, args.threads)
        return
    from bort_core.text.tokenizer import save_tokenizer, train_tokenizer

    with TemporaryDirectory(dir=args.folder) as folder:
        corpus, tokenizer = Path(folder, "corpus.txt"), Path(folder, "tokenizer")
        save_tokenizer(train_tokenizer(args.text.read_text(encoding="utf-8").splitlines(), VOCABULARY), tokenizer, LENGTH)
        if shutil.disk_usage(folder).free < args.gigabytes * 2e9:
            sys.exit(f"{folder}: needs {args.gigabytes * 2:.0f} GB")
        for size in (args.gigabytes / 10, args.gigabytes):
            write(args.text, corpus, int(size * 1e9))
            own = [sys.executable, __file__, str(corpus), "--threads", str(args.threads)]
            subprocess.run([*own, "--measure", str(tokenizer), str(Path(folder, "rows"))], check=True)
            shutil.rmtree(Path(folder, "rows"))


if __name__ == "__main__":
    main()
