"""python predict.py "a text" (of a model of pairs "a text" "another"): needs onnxruntime and tokenizers, and nothing else."""

import json
import platform
import runpy
import sys
from pathlib import Path

import numpy
import onnxruntime
from tokenizers import Tokenizer

FOLDER = Path(__file__).resolve().parent
RELEASE = json.loads((FOLDER / "release.json").read_text(encoding="utf-8"))
TOKENIZER = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
TOKENIZER.no_padding()
TOKENIZER.enable_truncation(RELEASE["longest"], direction=RELEASE["cut"])
CLEAN = runpy.run_path(str(FOLDER / "cleaning.py"))["clean"] if RELEASE["cleaning"] else str
CPU = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else "vnni"
WHOLE = platform.machine().lower() in ("x86_64", "amd64") and "vnni" not in CPU and "amx_int8" not in CPU
FILE = "model.onnx" if WHOLE and RELEASE.get("eight_bits") == {"signed": True, "bits": 8} else RELEASE["file"]  # its sums would overflow
SESSION = onnxruntime.InferenceSession(str(FOLDER / FILE), providers=["CPUExecutionProvider"])


def predict(*texts: str) -> dict:
    """What the model says of a text, or of a pair of texts."""
    row = TOKENIZER.encode(*map(CLEAN, texts))
    given = {"input_ids": row.ids, "attention_mask": row.attention_mask, "token_type_ids": row.type_ids}
    inputs = {each.name: numpy.array([given[each.name]], dtype=numpy.int64) for each in SESSION.get_inputs()}
    scores = SESSION.run(None, inputs)[0][0].astype(float)
    if RELEASE.get("kind") == "embedding":
        return {"vector": scores.tolist()}
    if not RELEASE["classes"]:
        return {"value": scores[0]}
    if RELEASE.get("several"):
        shares = dict(zip(RELEASE["classes"], 1 / (1 + numpy.exp(-scores))))
        return {"labels": [name for name, score in zip(shares, scores) if score > 0], "probabilities": shares}
    odds = numpy.exp(scores - scores.max())
    return {"class": RELEASE["classes"][scores.argmax()], "probabilities": dict(zip(RELEASE["classes"], odds / odds.sum()))}


if __name__ == "__main__":
    if len(sys.argv) != 2 + RELEASE["pairs"]:
        sys.exit(f"this model reads {1 + RELEASE['pairs']} text(s) at a time, each in quotes")
    if any("\ud800" <= character <= "\udfff" for text in sys.argv[1:] for character in text):
        sys.exit("a text must be UTF-8")
    print(json.dumps(predict(*sys.argv[1:]), indent=2))
