"""What counts as the JSON object of an answer, and what an envelope without contents says."""

from __future__ import annotations

import gzip
import http.server
import threading
from collections.abc import Iterator

import pytest

from kt.broker.rest.client import Http
from kt.broker.rest.error_codes import Category
from kt.broker.rest.http_response import decode_body
from kt.broker.rest.response_class import classify
from kt.broker.stream.envelope import FRAME, UNREADABLE, Frame, decode_loosely
from kt.errors import WireError

BODY = '{"return_code":0,"stk_nm":"삼성전자"}'
FOUND = {"return_code": 0, "stk_nm": "삼성전자"}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (BODY.encode(), FOUND),
        (BODY.encode("utf-8-sig"), FOUND),
        (f"\r\n {BODY} \n".encode(), FOUND),
        (BODY.replace("전자", "전\t자").encode(), {**FOUND, "stk_nm": "삼성전\t자"}),
        (BODY.encode().replace("자".encode(), b"\xec\x9e"), {**FOUND, "stk_nm": "삼성전�"}),
        (BODY.encode()[:-1], None),
        (BODY.encode()[:-20], None),
        (b"", None),
        (b"[1]", None),
        (b"\xef\xbb\xbf", None),
        (b"<html>400</html>", None),
        (b"{" * 100_000, None),
        (b'{"n":' + b"9" * 5_000 + b"}\x00", None),
    ],
)
def test_bodies(content: bytes, found: object) -> None:
    assert decode_body(content) == found


def test_a_return_code_that_is_no_number_is_no_success() -> None:
    verdict = classify(200, {"return_code": "ERR", "return_msg": "무엇인가"})
    assert verdict is not None
    assert (verdict.category, verdict.retry) == (Category.UNKNOWN, False)


def test_nothing_but_the_words_that_there_is_nothing() -> None:
    words = "조회할 내역이 없습니다."
    verdict = classify(200, {"return_code": 0, "return_msg": words})
    assert verdict is not None and verdict.nothing
    assert classify(200, {"return_code": 0, "return_msg": words, "oso": []}) is None
    assert classify(200, {"return_msg": words}) is None


def frame(content: bytes) -> Frame:
    def faulty(fault: WireError) -> None:
        raise AssertionError(fault)

    try:
        return FRAME.decode(content)
    except UNREADABLE:
        return decode_loosely(content, faulty)


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        (b'{"trnm":"LOGIN","return_code":"0","return_msg":"","sor_yn":"Y","new":{}}', False),
        (b'{"trnm":"LOGIN","return_code":"000000","return_msg":null}', False),
        (b'{"trnm":"LOGIN","return_code":805004,"return_msg":null}', True),
        (b'{"trnm":"LOGIN","return_code":"805004","return_msg":["x"]}', True),
        (b'{"trnm":"REG","return_code":105111,"data":{}}', True),
        (b'{"trnm":"REG","return_code":0,"return_msg":"","data":""}', False),
        (b'{"trnm":"REG","return_code":false,"data":null}', True),
    ],
)
def test_an_answer_is_read_whatever_its_other_fields_are(content: bytes, refused: bool) -> None:
    assert frame(content).refused is refused


class Page(http.server.BaseHTTPRequestHandler):
    """Answers as servers and the proxies before them may."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        getattr(self, self.path.strip("/"))()

    def zipped(self) -> None:
        content = gzip.compress(BODY.encode())
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("CONT-YN", "y")
        self.send_header("NEXT-KEY", "  A0059300  ")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in (BODY.encode()[:21], BODY.encode()[21:], b""):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))

    def chunked_and_cut(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(BODY.encode()), BODY.encode()))
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def pages() -> Iterator[Http]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    client = Http(f"http://127.0.0.1:{server.server_address[1]}")
    try:
        yield client
    finally:
        client.close()
        server.shutdown()
        thread.join()
        server.server_close()


def test_compressed_and_chunked_bodies(pages: Http) -> None:
    zipped = pages.post("/zipped", {}, {})
    assert (zipped.body, zipped.cont_yn, zipped.next_key) == (FOUND, "y", "A0059300")
    assert pages.post("/chunked", {}, {}).body == FOUND


def test_a_body_without_its_end_is_not_believed(pages: Http) -> None:
    """All of the JSON came, but not the mark of the last chunk: nobody knows what was cut off."""
    answer = pages.post("/chunked_and_cut", {}, {})
    assert (answer.left, answer.answered, answer.body) == (True, False, None)
