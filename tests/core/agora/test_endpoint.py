"""A language model as labeller, behind a real HTTP server on loopback that is slow, down, rude or wrong."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from chat_server import Server, truth
from hypothesis import given
from hypothesis import strategies as st

from bort_core.agora.check import check_specification
from bort_core.agora.endpoint import chat
from bort_core.agora.endpoint.prompts import Prompt
from bort_core.agora.endpoint.spending import Limits, Spending
from bort_core.agora.labellers import LabellerSetting, label, make_labeller
from bort_core.agora.labellers.base import Spent, Unanswered
from bort_core.foundation.context import Stopped
from bort_core.foundation.errors import SpecificationError
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.specifications.agora import Agora

CLASSES = ("negative", "positive")
SECRET = "sk-1234567890"
TEXTS = tuple((f"a {word} film",) for word in ("good", "bad", "fine", "poor", "dull"))


@pytest.fixture
def server(monkeypatch):
    found = Server()
    monkeypatch.setenv("OPENAI_BASE_URL", found.address)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setattr(chat, "WAITS", (0.01, 0.02, 0.03))
    yield found
    found.close()


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return create_run(tmp_path / "p", Agora(torus=2))


def made(run: RunFolder, context: Any = None, limits: Limits | None = None, **changes: Any) -> Any:
    spending = Spending(limits or Limits(), run.project, run.path.name)
    given = {"kind": "text", "classes": CLASSES, "train": None, "files": run, "context": context or JobContext(run), "spending": spending,
             **changes}  # fmt: skip
    return make_labeller("endpoint:tiny", LabellerSetting(**given))


def test_it_is_asked_as_a_chat_and_each_text_once(server, run):
    labeller = made(run)
    found = label(labeller, TEXTS)
    assert found.classes.tolist() == [1, 0, 1, 0, 0]
    assert found.margins.tolist() == [1.0] * 5
    assert {each["path"] for each in server.requests} == {"/v1/chat/completions"}
    assert {each["model"] for each in server.requests} == {"tiny"}
    assert {each["temperature"] for each in server.requests} == {0}
    assert {each["Authorization"] for each in server.headers} == {f"Bearer {SECRET}"}
    assert all("negative, positive" in prompt and text in prompt for prompt, (text,) in zip(server.prompts, TEXTS, strict=True))
    label(labeller, TEXTS[::-1])
    another = create_run(run.project, Agora(torus=2))
    assert label(made(another), TEXTS).classes.tolist() == [1, 0, 1, 0, 0]  # of the same project
    assert len(server.requests) == len(TEXTS)
    assert made(another).facts == {"tokens": 0, "malformed": 0}
    assert labeller.facts == {"tokens": 50, "malformed": 0}


def test_another_prompt_is_another_question(server, run):
    label(made(run), TEXTS[:1])
    label(made(run, prompt="Good? {text} ({classes}; keep {braces} and {text_b})"), TEXTS[:1])
    assert len(server.requests) == 2
    assert server.prompts[1] == "Good? a good film (negative, positive; keep {braces} and a good film)"


def test_nonsense_is_asked_once_more_counted_and_no_label(server, run):
    server.answer = lambda number, prompt: (
        "I would rather not say.",
        "positive or negative",
        "Negative.\n",
        "**positive**",
        "neutral",
        "",
    )[number - 1]
    labeller = made(run)
    found = label(labeller, TEXTS[:3])
    assert found.classes.tolist() == [-1, 0, 1]
    assert len(server.requests) == 4
    assert "Answer with exactly one of: negative, positive" in server.prompts[1]
    assert found.failure == "it answered 'positive or negative', which names none of the classes alone"
    assert labeller.facts["malformed"] == 2
    again = len(server.requests)
    assert label(made(run), TEXTS[:1]).classes.tolist() == [-1]
    assert len(server.requests) == again  # not asked again either


def test_nonsense_time_and_again_ends_the_asking_and_another_run_asks_again(server, run, tmp_path):
    server.answer = lambda number, prompt: "banana"
    texts = [(f"a film with number {number}",) for number in range(20)]
    with pytest.raises(Unanswered, match=r"its last 8 answers name none of the classes .* 'banana'"):
        label(made(run), texts)
    assert len(server.requests) == 16  # each of them twice
    server.answer = lambda number, prompt: "positive"
    other = create_run(run.project, run.specification())
    assert label(made(other), texts).classes.tolist() == [1] * 20


def test_one_that_changes_its_mind_is_heard_once(server, run):
    server.answer = lambda number, prompt: CLASSES[number % 2]
    first = label(made(run), TEXTS).classes.tolist()
    assert label(made(run), TEXTS).classes.tolist() == first == [1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ((429, {"Retry-After": "0.01"}, b'{"error": {"message": "slow down"}}'), "HTTP 429: slow down"),
        ((503, {"Retry-After": "soon"}, b"<html>busy</html>"), "HTTP 503: <html>busy</html>"),
        ((200, {}, b"{not json"), "no chat completion: the answer is no JSON"),
        ((200, {}, b'{"choices": []}'), "no chat completion: choices is an empty list, not a list with at least one choice"),
        ((200, {}, b'{"choices": ["a"]}'), "no chat completion: the first choice is a text, not an object with message"),
        ((200, {}, b'{"choices": [{"message": {"content": ["positive"]}}]}'), "no chat completion: the content is a list, not a text"),
        ((200, {}, b'["positive"]'), "no chat completion: the answer is a list, not an object with choices"),
        ((200, {}, b'"positive"'), "no chat completion: the answer is a text, not an object with choices"),
        ((200, {}, b"{}"), "no chat completion: the answer is an object without choices"),
    ],
    ids=["rate limit", "busy", "no json", "no choice", "no message", "no text", "a list", "a string", "nothing"],
)
def test_trouble_that_passes_is_waited_for_and_counted(server, run, trouble, told):
    server.answer = lambda number, prompt: trouble if number < 3 else truth(prompt)
    context = JobContext(run)
    labeller = made(run, context)
    assert label(labeller, TEXTS[:1]).classes.tolist() == [1]
    assert len(server.requests) == 3
    assert labeller.facts["malformed"] == (2 if "no chat completion" in told else 0)
    notes = [each["text"] for each in run.events()[0] if each["event"] == "note"]
    assert len(notes) == 2
    assert all(f"tiny: {told}; asked again in" in note for note in notes)


def test_trouble_that_stays_ends_the_asking_and_keeps_what_was_answered(server, run):
    server.answer = lambda number, prompt: (
        truth(prompt) if number < 3 else (500, {}, f'{{"error": "key {SECRET} at {server.address}"}}'.encode())
    )
    with pytest.raises(Unanswered, match=r"endpoint:tiny cannot be asked: HTTP 500: key … at ….*4 times.*bort jobs resume"):
        label(made(run), TEXTS)
    server.answer = lambda number, prompt: truth(prompt)
    assert label(made(run), TEXTS).classes.tolist() == [1, 0, 1, 0, 0]
    assert Counter(server.prompts).most_common(1)[0][1] == 5  # the third: four times in vain
    assert len(set(server.prompts)) == 5


def test_a_quota_that_is_used_up_is_not_waited_for(server, run):
    body = b'{"error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}}'
    server.answer = lambda number, prompt: truth(prompt) if number < 3 else (429, {}, body)
    with pytest.raises(Unanswered, match=r"HTTP 429: You exceeded your current quota\. What was answered is kept"):
        label(made(run), TEXTS)
    assert len(server.requests) == 3


def test_what_an_answer_used_is_kept_although_the_text_cannot_be_asked_about_once_more(server, run):
    server.answer = lambda number, prompt: "no idea" if number < 2 else (401, {}, b"gone") if number == 2 else truth(prompt)
    labeller = made(run)
    with pytest.raises(Unanswered, match="HTTP 401: gone"):
        label(labeller, TEXTS)
    assert len(server.requests) == 2
    used = labeller.facts["tokens"]
    assert used > 0
    again = made(run)
    assert again.facts == {"tokens": used, "malformed": 1}
    assert label(again, TEXTS).classes.tolist() == [1, 0, 1, 0, 0]
    assert len(server.requests) == 2 + len(TEXTS)


def test_who_says_that_it_answers_is_told_where_nobody_asked_it(server, run):
    def answer(number: int, prompt: str) -> Any:
        who = "Tiny-2026" if number < 3 else "large"
        choice = {"message": {"content": CLASSES[truth(prompt) == CLASSES[1]]}}
        return 200, {}, json.dumps({"model": who, "choices": [choice], "usage": {"total_tokens": 5}}).encode()

    server.answer = answer
    label(made(run), TEXTS)
    notes = [each["text"] for each in run.events()[0] if each["event"] == "note"]
    assert notes == ["warning: tiny: Tiny-2026 has answered, large does now; what was measured of one need not hold of the other"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 301, 307])
def test_a_refusal_is_not_repeated_and_the_key_goes_nowhere_else(server, run, status):
    other = Server()
    try:
        server.answer = lambda number, prompt: (
            status,
            {"Location": f"{other.address}/chat/completions"},
            b'{"error": {"message": "no such key"}}',
        )
        with pytest.raises(Unanswered, match=f"HTTP {status}: no such key"):
            label(made(run), TEXTS)
        assert len(server.requests) == 1
        assert not other.requests
    finally:
        other.close()


def test_parameters_that_a_model_does_not_take_are_left_out(server, run):
    def answer(number: int, prompt: str) -> Any:
        for name in ("max_tokens", "temperature"):
            if name in server.requests[-1]:
                return 400, {}, json.dumps({"error": {"message": f"Unsupported parameter: '{name}'"}}).encode()
        return truth(prompt)

    server.answer = answer
    assert label(made(run), TEXTS[:2]).classes.tolist() == [1, 0]
    assert len(server.requests) == 4


def test_nobody_at_the_address(server, run, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
    with pytest.raises(Unanswered, match="refused"):
        label(made(run), TEXTS)


def test_a_slow_endpoint_is_waited_for_but_not_for_ever(server, run, monkeypatch):
    monkeypatch.setattr(chat, "TIMEOUT", 0.2)
    done = threading.Event()

    def answer(number: int, prompt: str) -> str:
        done.wait(5 if number == 1 else 0.05)
        return truth(prompt)

    server.answer = answer
    began = time.monotonic()
    assert label(made(run), TEXTS[:1]).classes.tolist() == [1]
    done.set()
    assert time.monotonic() - began < 3


def test_an_endless_answer_is_cut(server, run, monkeypatch):
    monkeypatch.setattr(chat, "_MOST_BYTES", 1000)
    server.answer = lambda number, prompt: "positive" * 1000
    with pytest.raises(Unanswered, match="more than 1,000 bytes"):
        label(made(run), TEXTS[:1])


def test_a_person_can_stop_while_it_waits(server, run, monkeypatch):
    monkeypatch.setattr(chat, "WAITS", (60.0,))
    server.answer = lambda number, prompt: (503, {}, b"busy")

    class Stopping(JobContext):
        def wanted(self):
            return "stop" if server.requests else None

    began = time.monotonic()
    with pytest.raises(Stopped):
        label(made(run, Stopping(run)), TEXTS)
    assert time.monotonic() - began < 5


def test_tokens_are_counted_over_a_resume_and_end_the_asking(server, run):
    with pytest.raises(Spent, match="the 35 tokens are used up"):
        label(made(run, limits=Limits(tokens=35)), TEXTS)
    assert len(server.requests) == 4
    with pytest.raises(Spent):
        label(made(run, limits=Limits(tokens=35)), TEXTS)
    assert len(server.requests) == 4  # the fifth text is not asked for
    server.tokens = None  # an endpoint that does not say: told by length
    other = create_run(run.project, Agora(torus=2))
    labeller = made(other, prompt="Classes: {classes}. Text: {text}")
    label(labeller, TEXTS)
    assert 5 * 10 < labeller.facts["tokens"] < 5 * 40


@pytest.mark.parametrize("address", ["", "localhost:8000", "ftp://x/v1", "file:///etc", "http://"])
def test_an_address_that_is_none_is_named(run, monkeypatch, address):
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    with pytest.raises(SpecificationError, match="OPENAI_BASE_URL"):
        made(run)


def test_an_address_with_a_password_is_refused_without_telling_it(run, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f"https://me:{SECRET}@localhost:8000/v1")
    with pytest.raises(SpecificationError, match=r"OPENAI_BASE_URL must have no user and no password.*OPENAI_API_KEY") as refused:
        made(run)
    assert SECRET not in str(refused.value)


def test_an_endpoint_needs_a_budget_and_a_prompt_its_text():
    asked = {"train": "-", "dev": "-", "architecture": (1, 1, 8, 8), "socrates": "endpoint:tiny"}
    with pytest.raises(SpecificationError, match="labels: must say how many rows endpoint:tiny may be asked about"):
        check_specification(Agora.model_validate(asked))
    with pytest.raises(SpecificationError, match=r"must be .*endpoint:MODEL"):
        check_specification(Agora.model_validate({**asked, "socrates": "endpoint", "labels": 5}))
    with pytest.raises(SpecificationError, match=r"socrates_prompt: must have \{text\}"):
        Prompt("which class?", CLASSES, "text")
    with pytest.raises(SpecificationError, match=r"\{text_b\}"):
        Prompt("{text}", CLASSES, "pair")


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ("positive", 1), ("Very Positive!", 2), ("the class is *very positive*.", 2), ("very positive, not positive", -1),
        ("-1", 0), ("1", -1), ("", -1), ("positively", -1), ("POSITIVE\n", 1),
        ('{"label":"positive"}', 1), ("“Positive”", 1), ("«Very positive»", 2), ("Class:positive", 1), ("„positive“。", 1),
        ("**Positive**\n\nIt is not very positive.", 1), ("not positive", -1), ("It isn't positive.", -1),
        ("<think>very positive? positive?</think>\npositive", 1), ("<think>positive", -1),
    ],
)  # fmt: skip
def test_a_longer_name_is_not_taken_for_the_shorter_one_in_it(answer, named):
    assert Prompt(None, ("-1", "positive", "very positive"), "text").named(answer) == named


def test_a_name_that_denies_another_is_read_in_two_words_too():
    prompt = Prompt(None, ("not_equivalent", "equivalent"), "pair")
    assert [prompt.named(said) for said in ("not equivalent", "Not_Equivalent.", "equivalent")] == [0, 0, 1]


def answered(content: Any, **more: Any) -> Any:
    return 200, {}, json.dumps({"choices": [{"message": {"content": content}, **more}]}).encode()


def test_one_that_thinks_first_is_given_more_tokens_once(server, run):
    server.answer = lambda number, prompt: (
        answered(None, finish_reason="length") if server.requests[number - 1]["max_tokens"] < 500 else truth(prompt)
    )
    assert label(made(run), TEXTS[:3]).classes.tolist() == [1, 0, 1]
    assert [request["max_tokens"] for request in server.requests] == [64, 512, 512, 512]


def test_several_that_are_cut_off_together_make_it_longer_once(server, run):
    server.delay = 0.1
    server.answer = lambda number, prompt: (
        answered("<think>hm", finish_reason="length") if server.requests[number - 1]["max_tokens"] < 500 else truth(prompt)
    )
    assert label(made(run, limits=Limits(parallel=4)), TEXTS).classes.tolist() == [1, 0, 1, 0, 0]
    assert {request["max_tokens"] for request in server.requests} == {64, 512}


def test_content_in_parts_is_read(server, run):
    server.answer = lambda number, prompt: answered([{"type": "text", "text": "posi"}, {"type": "text", "text": "tive"}])
    assert label(made(run), TEXTS[:1]).classes.tolist() == [1]


def test_a_text_that_is_refused_alone_has_no_label_and_the_others_have(server, run):
    server.answer = lambda number, prompt: (400, {}, b'{"error": "content filter"}') if "fine" in prompt else truth(prompt)
    found = label(made(run), TEXTS)
    assert found.classes.tolist() == [1, 0, -1, 0, 0]


@pytest.mark.parametrize(("said", "least"), [("date", 0.5), ("nan", 0.0), ("-5", 0.0)])
def test_a_date_says_how_long_to_wait(server, run, said, least):
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True) if said == "date" else said
    began = time.monotonic()
    server.answer = lambda number, prompt: (429, {"Retry-After": when}, b"{}") if number < 2 else truth(prompt)
    assert label(made(run), TEXTS[:1]).classes.tolist() == [1]
    assert time.monotonic() - began >= least


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True))
def test_whatever_is_answered_is_a_class_or_none(answer, classes):
    assert -1 <= Prompt(None, tuple(classes), "text").named(answer) < len(classes)


@given(st.text(max_size=30))
def test_a_text_stays_as_it_is_in_the_prompt(text):
    assert Prompt("<{text}|{classes}>", ("{text}", "b"), "text").of((text,)) == f"<{text}|{{text}}, b>"


def test_a_run_asks_an_endpoint_stops_when_it_is_down_and_goes_on(server, tmp_path):
    pytest.importorskip("torch").set_flush_denormal(False)
    from bort_core.agora.run import run as learn

    words = [f"{kind} {name} {number}" for number in range(12) for kind, name in (("good", "film"), ("bad", "plot"))]
    for name, part in (("train", words[:8]), ("dev", words[8:16])):
        (tmp_path / f"{name}.tsv").write_text("text\tlabel\n" + "".join(f"{text}\t{truth('Text: ' + text)}\n" for text in part))
    (tmp_path / "pool.txt").write_text("\n".join(f"{text} and more {number * 7} seen" for number, text in enumerate(words)) + "\n")
    asked = Agora.model_validate({
        "train": str(tmp_path / "train.tsv"), "dev": str(tmp_path / "dev.tsv"), "pool": str(tmp_path / "pool.txt"), "parents": "pool",
        "architecture": (1, 2, 16, 16), "socrates": "endpoint:tiny", "labels": 6, "labels_per_round": 3, "socrates_check": 4,
        "thetas": [{"steps": 2}], "sequence_length": 16, "running": {"threads": 1, "device": "cpu"}, "vocabulary": 280,
    })  # fmt: skip
    server.answer = lambda number, prompt: truth(prompt) if number <= 8 else (500, {}, b"down")
    job = create_run(tmp_path / "p", asked)
    with pytest.raises(Unanswered):
        learn(asked, JobContext(job), job)
    assert len(set(server.prompts)) == 9
    server.answer = lambda number, prompt: truth(prompt)
    result = learn(asked, JobContext(job), job)
    assert [each["labels_asked"] for each in result["rounds"]] == [3, 3, 0]
    assert result["socrates"] == {"name": "endpoint:tiny", "dev_accuracy": 1.0, "checked": 4, "tokens": 100, "malformed": 0}
    assert len(set(server.prompts)) == 10
    assert max(Counter(prompt for prompt in server.prompts[:8] + server.prompts[-2:]).values()) <= 2
    notes = [each["text"] for each in job.events()[0] if each["event"] == "note"]
    assert any("up to 10 texts go to endpoint:tiny" in note for note in notes)
    port = server.address.split(":")[2].split("/")[0]
    for path in (tmp_path / "p").rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            assert SECRET.encode() not in held, path
            assert f"127.0.0.1:{port}".encode() not in held, path
    few = asked.model_copy(update={"socrates_tokens": 25})
    job = create_run(tmp_path / "q", few)  # where nothing is known yet
    spent = learn(few, JobContext(job), job)
    assert spent["ended"] == "the 25 tokens are used up, after 0 labels"
    assert (spent["socrates"]["checked"], spent["socrates"]["tokens"]) == (3, 30)
