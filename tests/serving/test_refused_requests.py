"""What a caller does wrong is a 4xx with one clear line; nothing a caller does is a 5xx."""

import json

import numpy as np
import pytest
from asking import EXAMPLES, PNG, Ask, ask, digits, get, png, said_by, service_of

import graphnet as gn
from graphnet.errors import BundleError
from graphnet.serving.limits import Limits
from graphnet.serving.server import Service

SHORT = "input 'x': pixels of shape (8, 8) or (8, 8, 1), or several such, are expected"
BODIES = [
    ("", 400, "body:1:1: "),
    ("{", 400, "body:1:2: "),
    ('{"x": NaN}', 400, "body:1:7: x: NaN is no JSON number: write a finite one"),
    ('{"x": 1, "x": 2}', 400, "key 'x' is given twice"),
    ('{"x": ' + "[" * 100 + "]" * 100 + "}", 422, "input 'x': "),
    ('{"x": ' + "[" * 5000 + "]" * 5000 + "}", 400, "nested more than 64 levels deep"),
    ('{"x": "\\ud800"}', 400, "a lone surrogate is no character"),
    ("\ufeff{}", 400, "starts with a byte order mark"),
    ("[1]", 422, "body: an object with the inputs 'x' is expected, found a list"),
    ("null", 422, "found null"),
    ("{}", 422, "body: no input 'x'"),
    ('{"X": 1}', 422, "body: 'X' is no input of the model; did you mean 'x'?"),
    ('{"x": 1, "\\u001b[31m": 2}', 422, "body: '\\x1b[31m' is no input of the model; it has 'x'"),
    ('{"x": 1}', 422, f"{SHORT}, found ()"),
    ('{"x": []}', 422, "input 'x': lists of numbers are expected, found an empty list"),
    ('{"x": [[1, 2], [3]]}', 422, "input 'x': no array of numbers"),
    ('{"x": [true]}', 422, "body: true is no number or text: the model takes none"),
    ('{"x": [1, null]}', 422, "input 'x': lists of numbers are expected, found null"),
    ('{"x": [1, "a"]}', 422, "input 'x': lists of numbers are expected, found text 'a'"),
    ('{"x": {"a": 1}}', 422, "input 'x': lists of numbers are expected, found an object"),
    ('{"x": "AAAA"}', 400, "input 'x': is neither PNG nor JPEG"),
    ('{"x": "a picture"}', 400, "input 'x': base64 of a PNG or JPEG is expected"),
    ('{"x": [1e999]}', 422, "input 'x': a number overflows: write a finite one"),
    ('{"x": [1' + "0" * 400 + "]}", 422, "input 'x': lists of numbers are expected, found number"),
    ('{"x": [1' + "0" * 5000 + "]}", 400, "is beyond 64 bits"),
    ('{"x": [0.5]}', 422, "input 'x': whole numbers are expected, found 0.5"),
]


@pytest.mark.parametrize(("body", "code", "what"), BODIES, ids=range(len(BODIES)))
def test_a_body_that_is_not_right_is_named(body, code, what):
    (answer,) = ask(service_of(digits()), Ask(body=body.encode()))
    assert (answer.status_code, what in answer.json()["error"]) == (code, True), answer.text
    assert answer.json().keys() == {"error"}
    assert len(answer.json()["error"]) <= 500


def test_pixels_are_bytes():
    for bad in (-1, 256, 1e300):
        pixels = np.zeros((8, 8))
        pixels[3, 3] = bad
        code, found = said_by(digits(), {"x": pixels.tolist()})
        assert code == 422
        wanted = "pixels are 0 to 255" if abs(bad) < 1e9 else "whole numbers are expected"
        assert wanted in found["error"]


@pytest.mark.parametrize(
    ("body", "code", "what"),
    [
        (b"", 400, "picture: the file is empty"),
        (b"GIF89a", 400, "picture: is neither PNG nor JPEG"),
        (png(np.zeros((8, 8)))[:-9], 400, "picture: the file ends early"),
        (png(np.zeros((5000, 5000))), 413, "picture: has 25,000,000 pixels"),
    ],
)
def test_a_picture_that_is_none_is_named(body, code, what):
    (answer,) = ask(service_of(digits()), Ask("/predict", body, PNG))
    assert answer.status_code == code
    assert answer.json()["error"].startswith(what[:20])


@pytest.mark.parametrize(
    ("ask_of", "code", "what"),
    [
        (Ask("/predict", b"{}", "text/plain"), 415, "'text/plain' is not taken: send JSON as"),
        (Ask("/predict", b"{}", "multipart/form-data; boundary=x"), 415, "is not taken"),
        (Ask("/predict", b"{}", None), 415, "the content type '' is not taken"),
        (Ask("/predict", b"{}", "application/json; charset=latin-1"), 415, "send UTF-8"),
        (Ask(body=b"{}", headers={"Content-Encoding": "gzip"}), 415, "'gzip' is not taken"),
        (Ask("/predict?top=0", b"{}"), 400, "top: a number from 1 to 10000 is expected"),
        (Ask("/predict?top=1_0", b"{}"), 400, "top: a number"),
        (Ask("/predict?top=%EF%BC%91", b"{}"), 400, "top: a number"),
        (Ask("/predict?top=1&top=2", b"{}"), 400, "the parameter top is given twice"),
        (Ask("/predict?best=1", b"{}"), 400, "there is no parameter 'best'"),
        (Ask("/predict?top", b"{}"), 400, "the query is not of the form"),
        (Ask("/predict?probabilities=1", b"{}"), 400, "true or false is expected"),
        (Ask("/predict?probabilities=%ff", b"{}"), 400, "the query is not"),
        (get("/nothing"), 404, "there is nothing at '/nothing'"),
        (get("/predict/"), 404, "there is nothing at '/predict/'"),
        (get("/..%2f..%2fetc/passwd"), 404, "there is nothing at"),
        (get("/%1b[31m"), 404, "\\x1b[31m"),
        (Ask("/healthz", b"{}"), 405, "'/healthz' does not take 'POST'"),
        (get("/predict"), 405, "'/predict' does not take 'GET'"),
        (Ask(body=b"{}", method="OPTIONS"), 405, "does not take 'OPTIONS'"),
    ],
)
def test_a_request_that_is_not_right_is_named(ask_of, code, what):
    (answer,) = ask(service_of(digits()), ask_of)
    assert (answer.status_code, what in answer.json()["error"]) == (code, True), answer.text
    if code == 405:
        assert answer.headers["allow"] in ("POST", "GET, HEAD", "HEAD, GET")


def test_bodies_over_the_limit_and_too_many_samples_are_refused():
    large, long = ask(
        service_of(digits(), body=1000),
        Ask(body=b" " * 1001),
        Ask(body=b" " * 1000),
    )
    assert (large.status_code, long.status_code) == (413, 400)
    assert large.json() == {"error": "the body is larger than the limit of 1,000 bytes"}
    assert large.headers["connection"] == "close"
    code, found = said_by(digits(), {"x": np.zeros((257, 8, 8), int).tolist()})
    assert code == 422
    assert found["error"].startswith("body: 257 samples, but one request may ask for 256")


def test_where_too_many_wait_they_are_told_to_come_back():
    body = json.dumps({"x": np.zeros((8, 8), int).tolist()}).encode()
    answers = ask(service_of(digits(), queue=2), *[Ask(body=body)] * 20)
    found = {answer.status_code for answer in answers}
    assert found == {200, 503}
    (busy,) = {answer.text for answer in answers if answer.status_code == 503}
    assert "more than 2 requests wait" in busy
    assert all(a.headers["retry-after"] == "1" for a in answers if a.status_code == 503)
    held = ask(service_of(digits(), held=100), Ask(body=body))[0]
    assert held.status_code == 503


def test_a_host_that_is_not_this_one_is_not_answered():
    hosts = frozenset({"localhost", "[::1]"})
    asks = [get("/healthz", host=host) for host in ("localhost", "LOCALHOST:80", "[::1]:8000")]
    bad = ("evil.example", "localhost.evil", "localhost@evil", "", "localhost:80:80", "[::1", "a b")
    found = ask(service_of(digits()), *asks, *(get("/", host=host) for host in bad), hosts=hosts)
    assert [answer.status_code for answer in found[:3]] == [200] * 3
    assert [answer.status_code for answer in found[3:]] == [421] * len(bad)
    assert "does not answer for 'evil.example'" in found[3].json()["error"]


def test_no_page_of_another_site_may_read_or_ask():
    body = (EXAMPLES / "nine.png").read_bytes()
    preflight, posted = ask(
        service_of(digits()),
        Ask("/predict", None, None, "OPTIONS", {"Origin": "http://evil.example"}),
        Ask("/predict", body, PNG, headers={"Origin": "http://evil.example"}),
    )
    assert preflight.status_code == 405
    for answer in (preflight, posted):
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_scores_that_overflow_are_the_numbers_fault_and_spoil_no_other_answer(network):
    nodes = [{"id": "a", "type": "Exp"}, {"id": "b", "type": "Affine", "units": 2}]
    net = network(nodes, [["x", "a", "b"]], inputs={"x": {"shape": [1]}}, dtype="float32")
    bodies = [Ask(body=b'{"x": [1]}'), Ask(body=b'{"x": [1000]}'), Ask(body=b'{"x": [[1], [999]]}')]
    for merge in (False, True):
        good, bad, second = ask(service_of(net, merge=merge), *bodies)
        assert (good.status_code, bad.status_code, second.status_code) == (200, 422, 422)
        assert bad.json()["error"].startswith("body: the scores are not finite")
        assert second.json()["error"].startswith("body: the scores of sample 1 are not finite")


def test_cells_that_do_not_fit_are_named(iris):
    good = dict.fromkeys(("sepal_length", "sepal_width", "petal_length", "petal_width"), 1.0)
    for change, what in (
        ({"sepal_width": "1"}, "column 'sepal_width': a number is expected, found text '1'"),
        ({"sepal_width": True}, "true is no number"),
        ({"sepal_width": 1e300}, "is too large for float32"),
        ({"sepal_width": 10**30}, "a number is expected"),
        ({"sepal_width": [1, 2]}, "a value each, or lists of one length"),
        ({"sepal_widht": 1}, "'sepal_widht' is no column of the model"),
    ):
        code, found = said_by(iris, {**good, **change})
        assert (code, what in found["error"]) == (422, True), found
    missing = {key: value for key, value in good.items() if key != "petal_width"}
    assert said_by(iris, missing) == (422, {"error": "body: no column 'petal_width'"})
    empty = {key: [] for key in good}
    assert said_by(iris, empty)[0] == 422
    rows = {key: [1.0, 2.0] for key in good} | {"petal_width": [1.0, "x"]}
    assert said_by(iris, rows)[1]["error"].startswith("body: row 1: column 'petal_width'")
    assert said_by(iris, {**good, "species": "any"})[0] == 200


@pytest.fixture
def iris(model):
    from asking import ROOT

    net = gn.build(model("iris"), seed=0)
    net.prepare = gn.load_data(model("iris"), ROOT / "models").prepare
    return net


def test_a_fault_of_the_server_is_one_line_and_tells_its_caller_nothing(monkeypatch):
    said: list[str] = []
    service = service_of(digits(), said)

    def broken(*_):
        raise RuntimeError("\x1b[31mno\n")

    monkeypatch.setattr(service.desk._reader, "read", broken)
    (answer,) = ask(service, Ask(body=b"{}"))
    assert (answer.status_code, answer.json()) == (
        500,
        {"error": "internal error: the server says more"},
    )
    assert len(said) == 1
    assert said[0].startswith("internal error: RuntimeError: \\x1b[31mno\\n (broken, line")


def test_a_model_that_nothing_fitted_is_refused_at_the_start(model):
    with pytest.raises(BundleError, match=r"m\.msgpack: input 'x': its columns were fitted to no"):
        Service(gn.build(model("iris"), seed=0), "m.msgpack", 1, Limits(), print)
