"""Connections of callers that are slow, large, hasty, gone or half closed; and stops."""

import json
import socket
import threading

import numpy as np
import pytest
from asking import PNG, codes, connect, digits, everything, png, request, served

from graphnet.serving.limits import HEAD_BYTES, PIPELINED

BODY = json.dumps({"x": np.zeros((8, 8), int).tolist()}).encode()
GOOD = request(BODY)
LAST = request(BODY, more="Connection: close\r\n")
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def server():
    with served(digits()) as found:
        yield found.address


@pytest.fixture(scope="module")
def hasty():
    """A server that waits for nobody."""
    with served(digits(), seconds=0.1, keep=1.0) as found:
        yield found.address


@pytest.fixture(scope="module")
def small():
    """A server that takes little."""
    with served(digits(), body=1000, connections=3, grace=0.1) as found:
        yield found.address


def told(address, *parts: bytes, shut: bool = False) -> bytes:
    """All that a connection gives to these bytes."""
    with connect(address) as connection:
        for part in parts:
            connection.sendall(part)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        return everything(connection)


def test_pipelined_requests_are_answered_in_their_order(server):
    missing = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
    found = told(server, GOOD + missing + HEAD + b"\r\n" + request(b"{}") + LAST)
    assert codes(found) == [200, 404, 200, 422, 200]


def test_a_request_may_come_byte_by_byte_or_in_chunks(server):
    assert codes(told(server, *(LAST[i : i + 1] for i in range(len(LAST))))) == [200]
    head = LAST.split(b"\r\n\r\n")[0].replace(
        f"Content-Length: {len(BODY)}".encode(), b"Transfer-Encoding: chunked"
    )
    chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:7], BODY[7:])]
    assert codes(told(server, head + b"\r\n\r\n", *chunks, b"0\r\n\r\n")) == [200]


def test_who_has_said_all_is_answered(server):
    assert codes(told(server, GOOD, shut=True)) == [200]
    assert codes(told(server, GOOD + GOOD, shut=True)) == [200, 200]
    assert told(server, GOOD[:-5], shut=True) == b""
    assert told(server, shut=True) == b""


def test_a_head_has_no_body_and_a_waiting_caller_is_told_to_go_on(server):
    head = HEAD.replace(b"GET", b"HEAD") + b"Connection: close\r\n\r\n"
    found = told(server, head)
    assert codes(found) == [200]
    assert found.endswith(b"\r\n\r\n")
    asked = request(BODY, more="Expect: 100-continue\r\nConnection: close\r\n")
    assert codes(told(server, asked[: -len(BODY)], asked[-len(BODY) :]))[-1] == 200
    too_large = asked.replace(f"Length: {len(BODY)}".encode(), b"Length: 99999999")
    assert codes(told(server, too_large[: -len(BODY)])) == [413]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"CONNECT evil.example:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (GOOD.replace(b"Length: ", b"Length: -"), 400),
        (GOOD.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"), 400),
        (HEAD + b"X: " + b"a" * HEAD_BYTES + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * HEAD_BYTES, 431),
        (HEAD + b"X: y\r\n" * (HEAD_BYTES // 2) + b"\r\n", 431),
    ],
)
def test_what_is_no_request_is_refused_and_ends_the_connection(server, data, code):
    found = told(server, data)
    assert codes(found) == [code], found[:300]
    assert b"connection: close" in found
    assert "error" in json.loads(found.partition(b"\r\n\r\n")[2])


def test_what_is_wrong_behind_good_requests_is_said_behind_their_answers(server):
    assert codes(told(server, GOOD + GOOD + b"\0\0\0\r\n\r\n")) == [200, 200, 400]
    broken = request(BODY).replace(
        f"Content-Length: {len(BODY)}".encode(), b"Transfer-Encoding: chunked"
    )
    assert codes(told(server, GOOD + broken)) == [200, 400]
    trailers = b"".join(b"T%d: %b\r\n" % (i, b"a" * 1000) for i in range(40))
    chunked = broken[: -len(BODY)] + b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY) + trailers
    assert codes(told(server, chunked))[-1] == 431


def test_a_wish_for_another_protocol_is_answered_as_if_it_were_none(server):
    wish = b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    found = told(server, HEAD + wish)
    assert codes(found) == [200]
    assert b"connection: close" in found


def test_as_many_requests_wait_on_a_connection_as_may(server):
    found = codes(told(server, GOOD * (PIPELINED + 10)))
    assert found[-1] == 429
    assert set(found[:-1]) == {200}
    assert len(found) >= PIPELINED


def test_a_body_that_is_too_large_is_refused_while_it_comes(small):
    large = request(b" " * 5_000_000)
    found = told(small, large[:200])
    assert codes(found) == [413]
    chunked = large.replace(b"Content-Length: 5000000", b"Transfer-Encoding: chunked")
    head = chunked.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert codes(told(small, head + b"1000\r\n" + b" " * 4096)) == [413]


def test_callers_that_are_slow_are_not_waited_for(hasty):
    assert told(hasty) == b""
    assert codes(told(hasty, HEAD)) == [408]
    assert codes(told(hasty, GOOD[:-3])) == [408]
    assert codes(told(hasty, GOOD + HEAD)) == [200, 408]
    assert codes(told(hasty, GOOD)) == [200]  # and is closed when it asks nothing more


def test_more_connections_than_may_be_open_are_told_so(small):
    with connect(small) as first, connect(small) as second, connect(small) as third:
        for one in (first, second, third):
            one.sendall(HEAD + b"\r\n")
            assert codes(one.recv(1000)) == [200]
        found = told(small)
        assert codes(found) == [503]
        assert b"retry-after: 1" in found


def test_a_caller_that_leaves_takes_nobody_with_it(server):
    for _ in range(5):
        gone = connect(server)
        gone.sendall(GOOD * 3 + GOOD[:-4])
        gone.close()
    assert codes(told(server, LAST)) == [200]
    figures = HEAD.replace(b"healthz", b"metrics") + b"Connection: close\r\n\r\n"
    assert b"\ngraphnet_waiting 0\n" in told(server, figures)


def stopped_under_load(count: int, **limits) -> tuple[int, int, int]:
    """Callers that ask again when they are answered, on a server that is stopped: requests that
    were sent whole, whole answers, and those that said they were the last."""
    sent, answered, last = [0] * count, [0] * count, [0] * count
    enough = threading.Event()
    with served(digits(), **limits) as found:

        def call(i: int) -> None:
            with connect(found.address) as connection:
                file = connection.makefile("rb")
                while True:
                    connection.sendall(GOOD)
                    sent[i] += 1
                    head = b""
                    while not head.endswith(b"\r\n\r\n"):
                        line = file.readline()
                        if not line:
                            return
                        head += line
                    length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
                    assert len(file.read(length)) == length
                    answered[i] += 1
                    if sum(answered) > 5 * count:
                        enough.set()
                    if b"connection: close" in head:
                        last[i] += 1
                        return

        callers = [threading.Thread(target=call, args=(i,)) for i in range(count)]
        for caller in callers:
            caller.start()
        assert enough.wait(60)
        found.stop()
        for caller in callers:
            caller.join(30)
    return sum(sent), sum(answered), sum(last)


def test_a_stop_loses_no_request_that_was_sent():
    sent, answered, last = stopped_under_load(32)
    assert (sent, last) == (answered, 32)


def test_a_stop_answers_what_is_on_its_way_and_takes_nothing_new():
    with served(digits()) as found:
        begun, silent = connect(found.address), connect(found.address)
        begun.sendall(GOOD[:-5])
        silent.sendall(HEAD + b"\r\n")
        assert silent.recv(1000).startswith(b"HTTP/1.1 200")
        found.stop()
        assert everything(silent) == b""  # by then it has stopped
        begun.sendall(GOOD[-5:])
        end = everything(begun)
        assert codes(end) == [200]
        assert b"connection: close" in end
        with pytest.raises(ConnectionError):
            connect(found.address)
        begun.close()
        silent.close()


def test_who_has_connected_before_a_stop_is_answered():
    with served(digits()) as found:
        waiting = [connect(found.address) for _ in range(20)]
        for one in waiting:
            one.sendall(GOOD)
        found.stop()
        assert [codes(everything(one)) for one in waiting] == [[200]] * 20
        for one in waiting:
            one.close()


def test_a_second_stop_and_the_end_of_grace_end_open_requests():
    for limits, stops in (({}, 2), ({"grace": 0.1}, 1)):
        with served(digits(), **limits) as found:
            begun = connect(found.address)
            begun.sendall(GOOD[:-5])
            silent = connect(found.address)
            silent.sendall(HEAD + b"\r\n")
            assert silent.recv(1000)
            for _ in range(stops):
                found.stop()
            with begun, silent:
                assert data_or_reset(begun) == b""


def data_or_reset(connection: socket.socket) -> bytes:
    try:
        return everything(connection)
    except ConnectionResetError:
        return b""


def test_pictures_that_take_long_to_read_do_not_hold_up_others(server):
    large = png(np.zeros((3000, 3000)))
    with connect(server) as slow, connect(server) as quick:
        slow.sendall(request(large, PNG, "Connection: close\r\n"))
        quick.sendall(LAST)
        assert codes(everything(quick)) == [200]
        assert codes(everything(slow)) == [200]
