"""`serve` as a person runs it: a process that listens, answers, and ends."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from processes import DIGITS, EXAMPLES

import graphnet as gn
from graphnet.cli.serve import main as serve

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")


@pytest.fixture
def bundle(tmp_path):
    gn.save(tmp_path / "digits.msgpack", gn.build(gn.read_spec(DIGITS), seed=0))
    return tmp_path / "digits.msgpack"


@contextmanager
def running(tool, *arguments) -> Iterator[tuple[subprocess.Popen, str]]:
    """The process, and its first line."""
    line = tool.line("serve", *arguments)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(line, cwd=tool.folder, env=tool.environment(), **pipes)
    try:
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


def asked(url: str, body: bytes | None = None, media: str = "image/png") -> dict:
    request = urllib.request.Request(url, body, {"Content-Type": media} if body else {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return json.load(answer)


@posix
def test_a_bundle_answers_until_it_is_told_to_stop(tool, bundle):
    picture = EXAMPLES / "nine.png"
    expected = json.loads(tool("infer", bundle, picture, "--json").out)
    del expected["image"]
    for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        with running(tool, "digits.msgpack", "--port", "0") as (process, line):
            start, _, address = line.strip().rpartition(" ")
            assert start == "digits.msgpack: answers on"
            assert address.startswith("http://127.0.0.1:")
            assert asked(f"{address}/predict", picture.read_bytes()) == expected
            with pytest.raises(urllib.error.HTTPError) as caught:
                asked(f"{address}/predict", b"{", "application/json")
            with caught.value as refused:
                assert refused.code == 400
            taken = address.rpartition(":")[2]
            second = tool("serve", bundle, "--port", taken)
            assert (second.code, second.out) == (2, "")
            assert second.err == [
                f"127.0.0.1:{taken}: cannot be listened on: Address already in use: "
                "--port 0 takes a free one"
            ]
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
            assert (process.returncode, out) == (code, "")
            assert err == ("" if code == 0 else "interrupted\n")


@posix
def test_others_are_let_in_where_that_is_asked_for(tool, bundle):
    with running(tool, "digits.msgpack", "--host", "0.0.0.0", "--port", "0") as (process, line):
        assert line.startswith("digits.msgpack: answers on http://0.0.0.0:")
        address = line.strip().rpartition(" ")[2].replace("0.0.0.0", "localhost")
        assert asked(f"{address}/healthz")["status"] == "ok"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        assert err == "others reach this server, and it asks nobody who they are\n"


def test_a_missing_extra_is_named(bundle, monkeypatch, capsys):
    for name in [one for one in sys.modules if one.startswith("graphnet.serving")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert serve([str(bundle)]) == 2
    assert capsys.readouterr().err == (
        "serve needs uvicorn: `python -m pip install -e '.[serve]'` in the checkout brings it\n"
    )


def test_what_cannot_be_served_is_one_line(tool, bundle, tmp_path):
    net = gn.load(bundle)
    net.params["affine1/W"][...] = np.nan
    (tmp_path / "spec.json").write_text(DIGITS.read_text())
    for arguments, code, what in (
        (("missing.msgpack",), 3, "missing.msgpack: "),
        (("spec.json",), 3, "spec.json: is a spec, not a bundle; train it first: "),
        (("digits.msgpack", "--port", "70000"), 2, "'70000' is no port: 0 to 65535"),
        (("digits.msgpack", "--port", "-1"), 2, "--port"),
        (("digits.msgpack", "--host", "nowhere.invalid"), 2, "'nowhere.invalid': no address of"),
        (("digits.msgpack", "--host", "203.0.113.1"), 2, "203.0.113.1:8000: cannot be listened on"),
        (("digits.msgpack", "--wait", "2000"), 2, "'2000' is more than 1000 milliseconds"),
        (("digits.msgpack", "--max-body", "much"), 2, "'much' is no amount of memory"),
        (("digits.msgpack", "--memory", "10KB"), 4, "--memory"),
    ):
        done = tool("serve", *arguments)
        assert (done.code, done.out, len(done.err)) == (code, "", 1), done
        assert what in done.err[0]
