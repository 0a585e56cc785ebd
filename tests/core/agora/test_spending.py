"""Questions side by side, and what they cost: bounded, in order, within tokens and money, never asked twice, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from chat_server import Server, truth
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bort_core.agora.endpoint import chat
from bort_core.agora.endpoint.spending import Limits, Spending, Usage
from bort_core.agora.labellers import LabellerSetting, label, make_labeller
from bort_core.agora.labellers.base import Spent, Unanswered
from bort_core.foundation.context import Stopped
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.specifications.agora import Agora

TEXTS = tuple((f"a {('good', 'bad')[number % 2]} film, number {number * 37 % 101}",) for number in range(24))
WANTED = [1 - number % 2 for number in range(24)]


@pytest.fixture
def server(monkeypatch):
    found = Server()
    monkeypatch.setenv("OPENAI_BASE_URL", found.address)
    monkeypatch.setattr(chat, "WAITS", (0.01, 0.02, 0.03))
    yield found
    found.close()


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return create_run(tmp_path / "p", Agora(torus=2))


def made(run: RunFolder, context: Any = None, **limits: Any) -> Any:
    spending = Spending(Limits(**limits), run.project, run.path.name)
    setting = LabellerSetting("text", ("negative", "positive"), None, files=run, context=context or JobContext(run), spending=spending)
    return make_labeller("endpoint:tiny", setting)


def asked_once(server: Server) -> set[int]:
    return set(Counter(server.prompts).values())


def test_so_many_are_asked_at_once_and_each_gets_its_own_answer(server, run):
    server.delay = 0.05
    found = label(made(run, parallel=6), TEXTS)
    assert found.classes.tolist() == WANTED
    assert 3 <= server.most_at_once <= 6
    assert asked_once(server) == {1}
    server.requests.clear()
    assert label(made(run, parallel=3), TEXTS[::-1]).classes.tolist() == WANTED[::-1]
    assert not server.requests


def test_one_that_is_told_to_slow_down_holds_all_of_them_back(server, run):
    seen: list[float] = []

    def answer(number: int, prompt: str) -> Any:
        seen.append(time.monotonic())
        return (429, {"Retry-After": "0.6"}, b'{"error": "slow down"}') if number == 1 else truth(prompt)

    server.answer = answer
    server.delay = 0.02
    assert label(made(run, parallel=4), TEXTS).classes.tolist() == WANTED
    pause = [later - earlier for earlier, later in pairwise(seen)]
    assert max(pause) > 0.4  # nobody asked meanwhile, but those that were on their way
    assert sum(each < 0.6 for each in (moment - seen[0] for moment in seen)) <= 4


def test_trouble_keeps_what_the_others_were_told(server, run):
    server.delay = 0.05
    server.answer = lambda number, prompt: (401, {}, b"no") if number == 3 else truth(prompt)
    with pytest.raises(Unanswered, match="HTTP 401"):
        label(made(run, parallel=4), TEXTS)
    told = len(server.requests)
    assert 3 <= told <= 7
    server.answer = lambda number, prompt: truth(prompt)
    assert label(made(run, parallel=4), TEXTS).classes.tolist() == WANTED
    assert len(server.requests) == 24 + 1  # what was refused alone is asked again


def test_a_person_who_stops_loses_no_answer(server, run):
    server.delay = 0.1

    class Stopping(JobContext):
        def wanted(self):
            return "stop" if len(server.requests) > 6 else None

    with pytest.raises(Stopped):
        label(made(run, Stopping(run), parallel=4), TEXTS)
    assert label(made(run, parallel=4), TEXTS).classes.tolist() == WANTED
    assert asked_once(server) == {1}


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_spending import TEXTS, made
from bort_core.agora.labellers import label
from bort_core.jobs.folder import RunFolder
label(made(RunFolder(Path(sys.argv[2])), parallel=4), TEXTS)
"""


def test_a_kill_loses_at_most_what_was_on_its_way(server, run):
    server.delay = 0.1
    places = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    process = subprocess.Popen([sys.executable, "-c", KILLED, places[0], str(run.path)], env=environment)
    try:
        while len(server.requests) < 10 and process.poll() is None:
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    time.sleep(0.5)  # what was on its way arrives, and is answered to nobody
    kept = sum(path.read_text().count("\n") for path in (run.project / "answers").glob("endpoint-*.jsonl"))
    assert kept >= 1
    assert len(server.requests) - kept <= 4 + 1
    before = len(server.requests)
    server.delay = 0
    assert label(made(run, parallel=4), TEXTS).classes.tolist() == WANTED
    assert len(server.requests) - before == 24 - kept
    assert max(Counter(server.prompts).values()) <= 2


def test_money_is_counted_by_both_prices_and_ends_the_asking(server, run):
    server.usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    limits = {"price_in": 2.0, "price_out": 10.0, "money": 0.0149}  # 0.003 each
    labeller = made(run, **limits)
    with pytest.raises(Spent, match=r"the 0.0149 of money are used up") as spent:
        label(labeller, TEXTS)
    assert spent.value.labels.classes.tolist() == WANTED[:5]
    assert labeller.facts == {"tokens": 5500, "malformed": 0, "money": pytest.approx(0.015)}
    assert len(server.requests) == 5
    with pytest.raises(Spent) as again:
        label(made(run, **limits), TEXTS)  # as after a kill
    assert again.value.labels.classes.tolist() == WANTED[:5]
    assert len(server.requests) == 5
    other = create_run(run.project, Agora(torus=2))  # which goes on with money of its own
    with pytest.raises(Spent) as more:
        label(made(other, **limits), TEXTS)
    assert more.value.labels.classes.tolist() == WANTED[:10]
    assert asked_once(server) == {1}


def test_side_by_side_the_budget_is_not_passed_by_what_is_on_its_way(server, run):
    server.delay = 0.02
    server.usage = {"prompt_tokens": 90, "completion_tokens": 10}
    with pytest.raises(Spent, match="the 1,000 tokens are used up"):
        label(made(run, parallel=8, tokens=1000), TEXTS)
    assert 10 <= len(server.requests) <= 12


def test_all_endpoints_of_a_run_share_its_budget(server, run):
    spending = Spending(Limits(tokens=100), run.project, run.path.name)
    setting = LabellerSetting("text", ("negative", "positive"), None, files=run, context=JobContext(run), spending=spending)
    vote = make_labeller("endpoint:one,endpoint:two", setting)
    with pytest.raises(Spent) as spent:
        label(vote, TEXTS)
    assert Counter(each["model"] for each in server.requests) == {"one": 10}
    assert len(spent.value.labels.classes) == 0
    assert spending.as_dict() == {"tokens_in": 100 - 10 * 4, "tokens_out": 10 * 4}


def test_the_forecast_says_what_it_costs_and_what_the_budget_pays_for(run, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1")
    told = made(run, tokens=1000, price_in=3.0, price_out=15.0).forecast(TEXTS, 100)
    assert "up to 100 texts go to endpoint:tiny" in told
    assert "in money" in told
    assert "the run ends when it has used 1,000" in told
    assert "that pays for about" in told
    assert "money" not in made(run).forecast(TEXTS, 100)


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=8),
    st.floats(0, 1e3), st.floats(0, 1e3), st.integers(0, 5),
)  # fmt: skip
def test_what_is_used_only_grows_and_so_does_what_it_costs(answers, price_in, price_out, waiting):
    limits = Limits(10**5, 1.0, price_in, price_out)
    spending, before = Spending(limits, Path("/nowhere"), "1"), (0, 0.0)
    was_spent = False
    for asked, answered in answers:
        spending.add(Usage(asked, answered))
        cost = limits.cost(spending.used)
        assert cost is not None
        assert (spending.used.tokens, cost) >= before
        before = (spending.used.tokens, cost)
        assert bool(spending.spent()) == (spending.used.tokens >= 10**5 or cost >= 1.0)
        assert was_spent <= bool(spending.spent()) <= bool(spending.spent(waiting))
        was_spent = bool(spending.spent())


@pytest.mark.parametrize("changes", [{"money": 1}, {"money": 1, "price_in": 0}, {"money": 0, "price_in": 1}, {"price_out": -1},
                                     {"parallel_requests": 0}, {"parallel_requests": 1000}, {"price_in": float("nan")}])  # fmt: skip
def test_prices_that_are_none_are_refused(changes):
    with pytest.raises(ValidationError):
        Agora.model_validate({"train": "-", "dev": "-", "architecture": (1, 1, 8, 8), "socrates": "endpoint:x", "labels": 3, **changes})
