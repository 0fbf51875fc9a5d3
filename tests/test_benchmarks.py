"""The benchmarks themselves: what their server answers, and their arithmetic; no speed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import aiohttp
import pytest

import benchmarks.__main__ as command_line
from benchmarks import answers, contest, report
from benchmarks.__main__ import settle
from benchmarks.chart import chart
from benchmarks.figures import Figure, figure, per_item, ratio, worse
from benchmarks.harness import Command, check
from benchmarks.programs import program, server
from benchmarks.server import Requests, answer
from unmta_async import UnmtaClient

CREATE = b'POST /clusters/c/domains HTTP/1.1\r\nContent-Length: 20\r\n\r\n{"name":"a.example"}'


@pytest.mark.parametrize("cut", range(1, len(CREATE), 7))
def test_a_request_in_pieces_is_one_request(cut: int) -> None:
    requests = Requests()
    assert requests.feed(CREATE[:cut]) == []
    assert len(requests.feed(CREATE[cut:])) == 1


def test_requests_in_one_piece_are_all_of_them_with_their_own_bodies() -> None:
    get = b"GET /clusters/c-3/domains HTTP/1.1\r\nHost: x\r\n\r\n"
    found = Requests().feed(get + CREATE + get)
    assert [line.split()[0] for line, _ in found] == [b"GET", b"POST", b"GET"]
    assert [len(body) for _, body in found] == [0, 20, 0]


def test_a_chunked_body_is_refused_rather_than_misread() -> None:
    with pytest.raises(ValueError, match="chunked"):
        Requests().feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")


def test_what_the_server_does_not_know_is_not_found() -> None:
    assert answer(b"GET /nothing HTTP/1.1", b"").startswith(b"HTTP/1.1 404 ")
    assert answer(b"PUT /clusters/c/domains HTTP/1.1", b"").startswith(b"HTTP/1.1 404 ")


async def test_the_package_takes_the_servers_answers_for_the_apis() -> None:
    with server() as base_url:
        async with UnmtaClient(base_url=base_url, token="t") as client:
            assert (await client.domains.get("c-0", "a.example.com")).name == "a.example.com"
            assert (await client.domains.create("c-0", name="b.example.com")).status == "pending"
            assert len(await client.domains.list("c-12")) == 12
            assert list(await client.domains.list("c-0")) == []
            assert list(await client.credentials.list("c-0")) == []
            made = await client.credentials.create("c-0", user="webapp", allow_all_domains=True)
            assert made.credential.user == "webapp"


async def test_a_connection_is_kept_alive() -> None:
    with server() as base_url:
        async with aiohttp.ClientSession() as session:
            for _ in range(3):
                async with session.get(f"{base_url}/clusters/c-1/domains") as response:
                    assert response.status == 200
                    assert response.headers["Connection"] == "keep-alive"
                    await response.read()
            assert session.connector is not None
            assert sum(map(len, session.connector._conns.values())) == 1


def test_listed_domains_differ_in_their_keys() -> None:
    listed = json.loads(answers.domain_list(50))["data"]
    assert len({each["dkim_public_key"] for each in listed}) == 50
    assert {len(each["dkim_public_key"]) for each in listed} == {392}


@pytest.mark.parametrize("kind", ["get", "create", "list", "decode", "provision", "plan"])
def test_our_contender_measures(kind: str) -> None:
    with server() as base_url, program(Path(sys.executable), "ours") as ours:
        command = Command(kind=kind, count=3, concurrency=2, size=10, base_url=base_url)
        measured = ours.ask(command)
    assert measured["requests"] == 2 if kind == "plan" else set(measured) == {"cpu", "wall"}


def test_a_contender_that_does_not_do_its_work_is_found_out() -> None:
    with pytest.raises(ValueError, match="list gave 9, not 10"):
        check([{}] * 9, Command(kind="list", count=1, size=10))
    with pytest.raises(ValueError, match="get gave other"):
        check({"name": "other"}, Command(kind="get", count=1))


def test_a_program_that_fails_ends_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    with program(Path(sys.executable), "ours") as ours, pytest.raises(RuntimeError, match="failed"):
        ours.ask(Command(kind="nonsense", count=1, base_url="http://127.0.0.1:1/"))
    assert "nonsense" in capfd.readouterr().err


def test_a_figure_is_the_median_with_its_quartiles() -> None:
    assert figure([5.0, 1.0, 3.0, 2.0, 4.0]) == Figure(3.0, 2.0, 4.0)
    assert figure([7.0]) == Figure(7.0, 7.0, 7.0)


def test_ratios_are_taken_round_by_round() -> None:
    # Every other round the machine is ten times as slow, for both.
    slow_and_fast = ratio([2.0, 20.0, 2.0, 20.0], [1.0, 10.0, 1.0, 10.0])
    assert slow_and_fast == Figure(2.0, 2.0, 2.0)


def test_a_ratio_of_different_numbers_of_rounds_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        ratio([1.0], [1.0, 2.0])


def test_the_cost_of_one_more_item_is_free_of_what_starting_costs() -> None:
    assert per_item(50, 1000 + 50 * 7, 250, 1000 + 250 * 7) == 7


def test_worse_is_more_than_the_tolerance_above_the_baseline() -> None:
    baseline = {"get": {"ours/plain": 1.0, "ours/floor": 1.0}, "gone": {"ours/plain": 1.0}}
    now = {"get": {"ours/plain": 1.14, "ours/floor": 1.16}, "new": {"ours/plain": 9.0}}
    assert [str(each) for each in worse(now, baseline)] == ["get ours/floor: 1.16, was 1.00"]


def test_better_is_not_worse() -> None:
    assert list(worse({"get": {"ours/plain": 0.1}}, {"get": {"ours/plain": 1.0}})) == []


def test_rounds_are_shared_among_crews_without_loss() -> None:
    assert contest.split(7, 3) == [3, 2, 2]
    assert contest.split(2, 3) == [1, 1]


def test_bulk_takes_part_only_in_creates() -> None:
    by_name = {each.name: each for each in contest.SCENARIOS}
    assert "ours-bulk" in contest.match(by_name["create-64"], contest.CONTENDERS)
    assert "ours-bulk" not in contest.match(by_name["get"], contest.CONTENDERS)


def test_every_contender_has_a_program_and_pinned_requirements() -> None:
    place = Path(contest.__file__).parent / "contenders"
    for contender in contest.CONTENDERS:
        assert (place / f"{contender.module}.py").exists()
        lines = (place / f"{contender.module}.txt").read_text().split("\n")
        assert all("==" in line for line in lines if line and line != "--editable .")


def test_the_table_has_a_line_for_each_with_its_ratios() -> None:
    rounds = {"plain": [1e-4, 1e-4], "floor": [5e-5, 5e-5], "ours": [2e-4, 2e-4]}
    _, plain, _, ours = report.table({"get": rounds})
    assert plain.split() == ["get", "plain", "100", "us", "2.00", "[", "2.00", "2.00]"]
    assert "2.00 [ 2.00" in ours
    assert "4.00 [ 4.00" in ours


def test_growth_is_the_large_against_the_small() -> None:
    (line,) = report.growth_lines({"length ours": {"of 10": [1.0], "of 99": [1.5]}})
    assert "1.50 [" in line


def test_the_chart_is_well_formed_and_its_bars_are_as_long_as_the_ratios() -> None:
    drawn = ET.fromstring(chart({"get": {"plain": 1.0, "ours": 0.5}}, "A & B"))
    bars = [each for each in drawn if each.tag.endswith("rect")]
    plain, ours = (float(each.attrib["width"]) for each in bars)
    assert ours == pytest.approx(plain / 2, abs=0.1)


@pytest.fixture
def baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "baseline.json"
    monkeypatch.setattr(command_line, "BASELINE", path)
    monkeypatch.setattr(command_line, "ROOT", tmp_path)
    return path


def test_the_baseline_that_was_written_is_passed(baseline: Path) -> None:
    assert settle({"get": {"ours/plain": 1.0, "floor/plain": 0.8}}, update=True) == 0
    assert settle({"get": {"ours/plain": 1.1, "floor/plain": 9.9}}, update=False) == 0


def test_a_ratio_worse_than_the_baseline_fails(
    baseline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle({"get": {"ours/plain": 1.0}}, update=True)
    assert settle({"get": {"ours/plain": 1.2}}, update=False) == 1
    assert "WORSE: get ours/plain: 1.20, was 1.00" in capsys.readouterr().out


def test_without_a_baseline_for_this_python_it_fails(baseline: Path) -> None:
    baseline.write_text('{"2.7": {"get": {"ours/plain": 1.0}}}')
    assert settle({"get": {"ours/plain": 1.0}}, update=False) == 1
    assert settle({"get": {"ours/plain": 1.0}}, update=True) == 0
    assert set(json.loads(baseline.read_text())) == {"2.7", command_line.VERSION}
