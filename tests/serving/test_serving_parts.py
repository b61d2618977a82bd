"""Figures, queues, groups, names of hosts, and the limits of what is held."""

import threading

import pytest
from asking import Ask, ask, connect, digits, get, request, served, service_of

from graphnet.crew import threads_here
from graphnet.errors import GraphnetError, SpecError
from graphnet.serving.bodies import json_limit, read_json
from graphnet.serving.desk import Queue
from graphnet.serving.figures import Figures, Histogram
from graphnet.serving.limits import Limits
from graphnet.serving.server import Service, address_of, hosts_of, is_local, listen


def test_metrics_are_what_prometheus_reads():
    service = service_of(digits())
    ask(service, get("/healthz"), get("/nothing"), Ask(body=b"{}"))
    lines = service.figures.text().splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert values['graphnet_model_info{name="digits"}'] == "1"
    codes = {k: v for k, v in values.items() if k.startswith("graphnet_requests_total")}
    assert codes == {f'graphnet_requests_total{{code="{c}"}}': "1" for c in (200, 404, 422)}
    assert values["graphnet_request_seconds_count"] == "3"
    assert values['graphnet_batch_requests_bucket{le="1"}'] == "1"
    for name in ("graphnet_in_flight", "graphnet_waiting", "graphnet_body_bytes"):
        assert values[name] == "0"
    for name in {key.partition("{")[0] for key in values}:
        family = name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
        assert sum(line.startswith(f"# TYPE {family} ") for line in lines) == 1
    (answer,) = ask(service_of(digits()), get("/metrics"))
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_a_histogram_counts_up_to_each_bound():
    found = Histogram((1, 10))
    for value in (0.5, 1, 5, 50):
        found.add(value)
    assert list(found.lines("h", 'a="b"')) == [
        'h_bucket{a="b",le="1"} 2',
        'h_bucket{a="b",le="10"} 3',
        'h_bucket{a="b",le="+Inf"} 4',
        'h_sum{a="b"} 56.5',
        'h_count{a="b"} 4',
    ]


def test_memory_and_connections_are_among_the_figures():
    assert "process_cpu_seconds_total" in Figures("m").text()
    with served(digits()) as found, connect(found.address) as one:
        one.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"graphnet_connections 1\n" in one.recv(65536)


def test_a_queue_gives_what_waits_up_to_a_number_and_nothing_when_it_is_closed():
    queue = Queue()
    for number in range(5):
        queue.put(number)
    assert queue.take(3, 0.0, lambda: 0) == [0, 1, 2]
    # Nothing else is on its way: it does not wait, however long it may.
    assert queue.take(3, 3600.0, lambda: 0) == [3, 4]
    # What is on its way comes.
    queue.put(5)
    coming = [1]

    def put() -> None:
        coming.clear()
        queue.put(6)

    timer = threading.Timer(0.0, put)
    timer.start()
    found = queue.take(2, 60.0, lambda: len(coming))
    timer.join()
    assert found + (queue.take(2, 0.0, lambda: 0) if len(found) == 1 else []) == [5, 6]
    queue.close()
    assert queue.take(1, 0.0, lambda: 0) == []


def test_a_small_model_has_one_thread_and_a_large_one_all_processors(model):
    def threads(name: str, wanted: int | None = None) -> int:
        import graphnet as gn

        service = Service(gn.build(model(name)), "m", wanted, Limits(), print)
        return len(service.desk._threads) // 2

    assert threads("digits") == 1
    assert threads("mnist_deep") == threads_here()
    assert threads("digits", 3) == 3


def test_hosts_that_are_answered():
    with listen("127.0.0.1", 0) as local, listen("0.0.0.0", 0) as everywhere:
        assert is_local(local)
        assert not is_local(everywhere)
        assert address_of(local).startswith("http://127.0.0.1:")
        own = hosts_of(local, "127.0.0.1", ["Model.Example"])
        assert {"localhost", "127.0.0.1", "[::1]", "model.example"} <= own
        assert hosts_of(everywhere, "0.0.0.0", []) is None
        assert hosts_of(everywhere, "0.0.0.0", ["a"]) == {"a"}
        with pytest.raises(GraphnetError, match=r"cannot be listened on: .*--port 0 takes a free"):
            listen("127.0.0.1", local.getsockname()[1])


def test_json_is_read_up_to_a_limit_that_grows_with_the_model():
    assert read_json(b'{"a": [1, 2.5, "x"]}', 100) == {"a": [1, 2.5, "x"]}
    assert json_limit(784) == 2 * 2**20
    assert json_limit(10**6) == 24 * 10**6
    with pytest.raises(GraphnetError, match="body: 11 bytes of JSON, but 10 are read"):
        read_json(b" " * 11, 10)
    with pytest.raises(SpecError, match="body: byte 0xff is not UTF-8"):
        read_json(b"\xff", 10)


def test_requests_that_come_together_are_taken_together():
    with served(digits()) as found:
        with connect(found.address) as one:
            body = b'{"x": ' + str([[0] * 8] * 8).encode() + b"}"
            one.sendall(request(body) * 20)
            data = b""
            while data.count(b"HTTP/1.1 200") < 20:
                data += one.recv(65536)
        figures = found.server.service.figures
        assert figures.batches.sum == 20
        assert figures.samples == 20
