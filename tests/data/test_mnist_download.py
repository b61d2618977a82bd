"""Downloading MNIST: mirrors that answer, that do not, and that answer nonsense."""

import contextlib
import gzip
import http.server
import threading
from collections.abc import Callable, Iterator

import pytest

from graphnet.data import mnist
from graphnet.data.mnist import load_mnist
from graphnet.errors import DatasetError

IMAGES = "train-images-idx3-ubyte"
Request = http.server.BaseHTTPRequestHandler
Answer = Callable[[Request, bytes], None]


@pytest.fixture
def mirror(small) -> Callable[[Answer], contextlib.AbstractContextManager[str]]:
    """Starts a server on this machine that hands request and file to an `answer`."""

    @contextlib.contextmanager
    def start(answer: Answer) -> Iterator[str]:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self, small.zipped[self.path])

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    return start


def send(request: Request, content: bytes, length: object) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(length))
    request.end_headers()
    request.wfile.write(content)


def good(request: Request, content: bytes) -> None:
    send(request, content, len(content))


def test_downloads_once_into_the_cache_and_reports_progress(cache, mirror, small):
    reports: list[tuple[str, int, int | None]] = []
    with mirror(good) as url:
        data = load_mnist("mnist", progress=lambda *seen: reports.append(seen), mirrors=(url,))
    assert small.same(data)
    assert sorted(p.name for p in (cache / "mnist").iterdir()) == sorted(
        f"{n}.gz" for n in small.files
    )
    for name in small.files:
        size = len(small.zipped[f"/{name}.gz"])
        assert [r for r in reports if r[0] == name] == [(name, 0, size), (name, size, size)]
    assert small.same(load_mnist("mnist", mirrors=()))


def missing(request: Request, _: bytes) -> None:
    request.send_error(404)


def a_page(request: Request, _: bytes) -> None:
    send(request, b"<html>log in first</html>", 25)


def cut(request: Request, content: bytes) -> None:
    send(request, content[:-9], len(content))


def no_http(request: Request, _: bytes) -> None:
    request.wfile.write(b"220 mail.example ESMTP\r\n")


def other_data(request: Request, content: bytes) -> None:
    send(request, gzip.compress(gzip.decompress(content)[:-1] + b"\xff"), "soon")


def endless(request: Request, _: bytes) -> None:
    with contextlib.suppress(OSError):
        send(request, bytes(2**16), 10**15)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (missing, "Not Found"),
        (a_page, "not an IDX file: it starts with 3c 68 74 6d"),
        (cut, "the gzip stream ends early"),
        (no_http, "220 mail.example"),
        (other_data, "the MD5 of its uncompressed bytes is"),
        (endless, "sends more than 2000 bytes"),
    ],
)
def test_a_bad_mirror_is_passed_over_and_leaves_nothing(
    cache, monkeypatch, bad, said, mirror, small
):
    monkeypatch.setattr(mnist, "LARGEST_DOWNLOAD", 2000)
    # The names take most of an error's 500 characters; the reason is to be seen here.
    monkeypatch.setattr(mnist, "clipped", str)
    with mirror(bad) as first, mirror(good) as second:
        with pytest.raises(DatasetError) as caught:
            load_mnist("mnist", mirrors=(first,))
        assert f"(last tried: {first}: " in str(caught.value)
        assert said in str(caught.value)
        assert list((cache / "mnist").iterdir()) == []
        assert small.same(load_mnist("mnist", mirrors=(first, second)))
    assert not list((cache / "mnist").glob("*.part"))


def test_a_silent_mirror_is_given_up(cache, monkeypatch, mirror, small):
    (small.put(cache / "mnist") / IMAGES).unlink()
    monkeypatch.setattr(mnist, "TIMEOUT", 0.5)
    done = threading.Event()

    def silent(_request: Request, _content: bytes) -> None:
        done.wait(10)

    with mirror(silent) as first, mirror(good) as second:
        try:
            assert small.same(load_mnist("mnist", mirrors=(first, second)))
        finally:
            done.set()


def test_a_mirror_that_is_not_there_is_passed_over(mirror, small):
    with mirror(good) as gone:
        pass
    with mirror(good) as second:
        assert small.same(load_mnist("mnist", mirrors=(gone, second)))


def test_where_nothing_answers_the_error_says_what_to_put_where(cache):
    with pytest.raises(DatasetError) as caught:
        load_mnist("fashion_mnist", mirrors=())
    text = str(caught.value)
    assert text == (
        "fashion_mnist: its files were not found and could not be downloaded: put "
        "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
        f"t10k-labels-idx1-ubyte (or .gz) into {mnist.shown(cache / 'fashion_mnist')}, or name "
        "their folder with --data-dir (last tried: no mirror to ask)"
    )
    assert len(text) <= 500


def test_a_cache_that_cannot_be_written_is_named(cache):
    cache.parent.mkdir(exist_ok=True, parents=True)
    cache.write_bytes(b"a file where the folder should be")
    with pytest.raises(DatasetError, match=r"mnist: cannot keep a download: .*--data-dir"):
        load_mnist("mnist", mirrors=("http://127.0.0.1:9",))


def test_two_downloads_at_once_do_not_harm_each_other(cache, mirror, small):
    together = threading.Barrier(2, timeout=10)

    def both(request: Request, content: bytes) -> None:
        together.wait()
        good(request, content)

    loaded: list[mnist.Dataset] = []
    with mirror(both) as url:
        threads = [
            threading.Thread(target=lambda: loaded.append(load_mnist("mnist", mirrors=(url,))))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [small.same(data) for data in loaded] == [True, True]
    assert len(list((cache / "mnist").iterdir())) == 4


def test_interrupting_a_download_leaves_nothing(cache, mirror, small):
    def interrupt(_name: str, done: int, _total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    with mirror(good) as url, pytest.raises(KeyboardInterrupt):
        load_mnist("mnist", progress=interrupt, mirrors=(url,))
    assert list((cache / "mnist").iterdir()) == []
