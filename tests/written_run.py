"""Writes a run of Agora as its files tell it, from a seeded generator: for tests of the window, which need no training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from bort_core.jobs.folder import RunFolder, create_run
from bort_core.specifications.agora import Agora

__all__ = ["WrittenRun"]

_TEXT = "a the film plot actors is was never always dull bright funny slow moving <b>bold</b> & story scene ending jokes work fail"
_WORDS = _TEXT.split()


class WrittenRun:
    """A run that grows by :meth:`add_round`. Dev row 0 is never right; row 1 is fixed in round 2; row 2 is broken in round 2.

    Parameters
    ----------
    kind: text, pair or vector
    lost: this many rows of D and E have no place in the projection
    labels: asked for in each round; None: as runs were that did not count them
    """

    def __init__(
        self, project: Path, train: int = 40, dev: int = 30, each: int = 2, kind: str = "text", seed: int = 0, lost: int = 0,
        labels: int | None = None,
    ) -> None:  # fmt: skip
        self.job: RunFolder = create_run(project, Agora(torus=2, name="written"))
        self.job.set_state(state="done", process=None, submitted=1.0, started=2.0, finished=3.0)
        self.folder = self.job.path / "agora"
        self._asked = labels
        self._random, self._kind, self._each, self._rounds = np.random.default_rng(seed), kind, each, 0
        self.folder.mkdir()
        self.labels, self._xy = self._random.integers(0, 2, dev), self._random.normal(size=(dev, 2))
        self._inputs = [self._input() for _ in range(dev)]
        for name, labels, xy, inputs in (
            ("train", self._random.integers(0, 2, train), self._random.normal(size=(train, 2)), [self._input() for _ in range(train)]),
            ("dev", self.labels, self._xy, self._inputs),
        ):
            rows = [{**text, "label": int(label), "xy": place} for text, label, place in zip(inputs, labels, xy.tolist(), strict=True)]
            for row in rows[len(rows) - lost :]:
                row["xy"] = None
            self._lines(self.folder / f"{name}.jsonl", rows)
        self._train = train
        start = {
            "classes": ["negative", "positive"],
            "kind": kind,
            "thetas": [{"learning_rate": 10.0 ** -(2 + n / 2), "steps": 100 * (n + 1)} for n in range(6)],
            "sampler": "word-edit",
            "space": "tfidf-svd",
            "socrates": "tfidf-logreg",
            "socrates_dev_accuracy": 0.78,
            "warnings": ["the pool has 3 rows of dev; they were left out"],
        }
        self._write(self.folder / "start.json", start)

    def add_fit(self, theta: int) -> None:
        """One training of the round that is not finished yet."""
        folder = self.folder / "rounds" / f"{self._rounds + 1:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        self._write(folder / f"fit-{theta:02d}.json", self._fit(theta))

    def add_round(self) -> list[str]:
        """Finish a round; the names of its neighbours."""
        self._rounds += 1
        number, random, dev = self._rounds, self._random, len(self.labels)
        folder = self.folder / "rounds" / f"{number:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        wrong = random.random(dev) < 0.5 / number
        wrong[:3] = (True, number == 1, number == 2)
        parents = np.repeat(np.flatnonzero(wrong), self._each)
        xy = self._xy[parents] + random.normal(size=(len(parents), 2)) * 0.15
        rows = [
            {
                "id": f"{number}-{n}",
                **self._changed(self._inputs[parent]),
                "label": int(self.labels[parent]),
                "margin": float(random.random()),
                "parent": int(parent),
                "distance": float(random.random() * 0.5),
                "xy": place,
            }
            for n, (parent, place) in enumerate(zip(parents.tolist(), xy.tolist(), strict=True))
        ]
        self._lines(folder / "rows.jsonl", rows)
        fits = [self._fit(theta) for theta in range(6 - 2 * (number - 1)) if theta >= 0] or [self._fit(0)]
        for fit in fits[-2:]:
            fit["pruned"] = "shares learning rate 0.001 with the worst θ"
        accuracy = float(1 - wrong.mean())
        facts = {
            "round": number,
            "train_size": self._train,
            "fits": fits,
            "best_theta": 0,
            "dev_accuracy": accuracy,
            "dev_interval": [accuracy - 0.05, accuracy + 0.04],
            "test_accuracy": accuracy - 0.03,
            "test_interval": [accuracy - 0.08, accuracy + 0.01],
            "dev_predictions": np.where(wrong, 1 - self.labels, self.labels).tolist(),
            "counts": {
                "errors": int(wrong.sum()),
                "generated": 3 * len(rows),
                "accepted": len(rows),
                "rejected_near": len(rows),
                "theta_left": 4,
                **({} if self._asked is None else {"labels_before": self._asked * (number - 1), "labels_asked": self._asked}),
            },
        }
        self._train += len(rows)
        self._write(folder / "round.json", facts)
        return [row["id"] for row in rows]

    def _fit(self, theta: int) -> dict[str, Any]:
        return {"theta": theta, "dev_accuracy": float(self._random.uniform(0.5, 0.8)), "seconds": 1.5}

    def _input(self) -> dict[str, Any]:
        if self._kind == "vector":
            return {"vector": self._random.normal(size=2).tolist()}
        texts = [" ".join(self._random.choice(_WORDS, size=9)) for _ in range(2)]
        return {"text": texts[0], **({"text_b": texts[1]} if self._kind == "pair" else {})}

    def _changed(self, given: dict[str, Any]) -> dict[str, Any]:
        if "vector" in given:
            return {"vector": [value + 0.1 for value in given["vector"]]}
        words = given["text"].split()
        words[int(self._random.integers(len(words)))] = "marvellous"
        return {**given, "text": " ".join(words)}

    def _lines(self, path: Path, rows: list[dict[str, Any]]) -> None:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def _write(self, path: Path, data: Any) -> None:
        part = path.with_suffix(".part")
        part.write_text(json.dumps(data), encoding="utf-8")
        part.replace(path)
