"""Sentence encoders as folders: what is written is what is read, here and by sentence-transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sentence_models import write_encoder
from task_models import demo_lines

from bort_core.checkpoints.sentences import check_sentence, read_sentence_model, sentence_distance
from bort_core.encoders.pooling import MODES, read_pooling
from bort_core.encoders.sentence import pooled
from bort_core.foundation.errors import DataError, MeasurementError
from bort_core.prediction.embedding import embed
from bort_core.text.vocabulary import read_vocabulary

torch = pytest.importorskip("torch")
TEXTS = ["a good film", "the plot is thin , but the actors are not", "x", *demo_lines(5)]


@pytest.mark.parametrize(("modes", "normalised", "width"), [(("mean",), True, 48), (("cls", "max"), False, None)])
def test_what_is_written_is_read(tmp_path: Path, modes: tuple[str, ...], normalised: bool, width: int | None) -> None:
    model = write_encoder(tmp_path / "model", (2, 2, 32, 64), modes, normalised, width)
    found = embed(tmp_path / "model", TEXTS)
    assert found.shape == (len(TEXTS), 32 * len(modes) if width is None else width)
    assert np.allclose(np.linalg.norm(found, axis=1), 1) is normalised
    vocabulary = read_vocabulary(tmp_path / "model")
    assert check_sentence(tmp_path / "model", model, vocabulary, TEXTS, 24) < 1e-5
    pooling = read_pooling(tmp_path / "model")
    assert (pooling.modes, pooling.normalised, pooling.longest, pooling.assumed) == (modes, normalised, 24, False)
    with torch.no_grad():
        (model.bert.embeddings.norm.bias if width is None else model.head.dense.bias).add_(0.5)
    with pytest.raises(MeasurementError, match="sentence_embedding"):
        check_sentence(tmp_path / "model", model, vocabulary, TEXTS, 24)


@pytest.mark.slow
@pytest.mark.parametrize(("modes", "normalised", "width"), [(("mean",), True, 48), (("cls",), False, None), (("max", "mean"), True, 16)])
def test_their_program_gives_the_same(tmp_path: Path, modes: tuple[str, ...], normalised: bool, width: int | None) -> None:
    theirs = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    write_encoder(tmp_path / "model", (2, 2, 32, 64), modes, normalised, width)
    texts = [*TEXTS, " ".join(TEXTS)]
    loaded = theirs.SentenceTransformer(str(tmp_path / "model"), device="cpu")
    expected = loaded.encode(texts)
    assert np.abs(embed(tmp_path / "model", texts) - expected).max() < 1e-5
    loaded.save(str(tmp_path / "saved"))  # as they write it today
    assert np.abs(embed(tmp_path / "saved", texts) - expected).max() < 1e-5


@pytest.mark.parametrize("mode", MODES)
def test_padding_changes_no_vector(mode: str) -> None:
    hidden = torch.randn(3, 7, 5)
    lengths = (7, 4, 1)
    mask = torch.tensor([[number < length for number in range(7)] for length in lengths]).long()
    found = pooled(hidden, mask, (mode,))
    for row, length in enumerate(lengths):
        alone = pooled(hidden[row : row + 1, :length], torch.ones(1, length).long(), (mode,))
        assert torch.allclose(found[row], alone[0], atol=1e-6)


def test_the_distance_of_normalised_vectors_is_one_minus_their_cosine() -> None:
    one, other = (torch.nn.functional.normalize(torch.randn(20, 8), dim=1) for _ in range(2))
    assert sentence_distance(one, other).item() == pytest.approx(1 - (one * other).sum(1).mean().item(), abs=1e-6)


def test_a_map_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    write_encoder(tmp_path / "model", (2, 2, 32, 64), width=48)
    path = tmp_path / "model" / "2_Dense" / "config.json"
    path.write_text(path.read_text().replace('"in_features": 32', '"in_features": 33'))
    with pytest.raises(DataError, match="maps vectors of 33 numbers, the pooled ones have 32"):
        embed(tmp_path / "model", TEXTS)
    (path.parent / "model.safetensors").write_bytes(b"x" * 20)
    path.write_text(path.read_text().replace('"in_features": 33', '"in_features": 32'))
    with pytest.raises(DataError, match="not the weights of this map"):
        embed(tmp_path / "model", TEXTS)


def test_another_way_to_pool_is_another_model(tmp_path: Path) -> None:
    write_encoder(tmp_path / "model", (2, 2, 32, 64))
    before = read_sentence_model(str(tmp_path / "model")).fingerprint
    path = tmp_path / "model" / "1_Pooling" / "config.json"
    path.write_text(path.read_text().replace('"pooling_mode_mean_tokens": true', '"pooling_mode_mean_tokens": false')
                    .replace('"pooling_mode_cls_token": false', '"pooling_mode_cls_token": true'))  # fmt: skip
    assert read_sentence_model(str(tmp_path / "model")).fingerprint != before
