"""The local server: followers that are right, wrong, slow, many or gone, and what each gets."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kt.broker.stream import local_server
from kt.broker.stream.conflation import ACCOUNT_MESSAGES, MARKET_MESSAGES, ConflatingQueue
from kt.broker.stream.groups import Groups, Key, keys_of
from kt.broker.stream.lease import LeaderAddress, Lease
from kt.broker.stream.local_protocol import (
    FROM_LEADER,
    MOST_BYTES,
    Heartbeat,
    Hello,
    SubscriptionAnswer,
    SubscriptionRequest,
    Welcome,
    pack,
)
from kt.broker.stream.local_server import HELLO_BYTES, MOST_PEERS, LocalServer
from kt.broker.stream.subscriptions import OWN, Registry, Route
from kt.records import StreamKind
from tests.broker.scripted import framed, wait_for

A: Key = (StreamKind.TRADE, "005930")
B: Key = (StreamKind.TRADE, "000660")
ORDERS: Key = (StreamKind.ORDERS, "")
BEAT = pack(Heartbeat())


class House:
    """A local server with its lease, and what it was told."""

    def __init__(self, folder: Path) -> None:
        self.lease = Lease(folder, "key", "ws://127.0.0.1:1/")
        assert self.lease.take()
        self.wants: list[tuple[int, SubscriptionRequest]] = []
        self.gone: list[int] = []
        self.server = LocalServer(self.lease, self.wanted, self.gone.append)
        self.server.open()
        self.sockets: list[socket.socket] = []

    def wanted(self, number: int, want: SubscriptionRequest) -> None:
        self.wants.append((number, want))

    @property
    def address(self) -> LeaderAddress:
        address = self.lease.leader()
        assert address is not None
        return address

    @property
    def followers(self) -> int:
        return sum(1 for peer in list(self.server.peers.values()) if peer.pid)

    def dial(self, hello: bytes | None = None) -> socket.socket:
        while True:
            # A full queue at the socket is an error at once.
            with contextlib.suppress(BlockingIOError):
                opened = dial(self.address)
                break
        self.sockets.append(opened)
        if hello is not None:
            opened.sendall(hello)
        return opened

    def follower(self) -> socket.socket:
        opened = self.dial(pack(Hello(self.address.secret, os.getpid())))
        assert heard(opened) == [Welcome(os.getpid())]
        return opened

    def close(self) -> None:
        self.server.close()
        self.lease.release()
        for opened in self.sockets:
            opened.close()


def dial(address: LeaderAddress) -> socket.socket:
    if not address.path:
        return socket.create_connection(("127.0.0.1", address.port), 5.0)
    opened = socket.socket(socket.AF_UNIX)
    opened.settimeout(5.0)
    try:
        opened.connect(address.path)
    except OSError:
        opened.close()
        raise
    return opened


def heard(opened: socket.socket, count: int = 1) -> list[object]:
    """The next messages, so many."""
    return [FROM_LEADER.decode(exactly(opened, length(opened))) for _ in range(count)]


def length(opened: socket.socket) -> int:
    return int.from_bytes(exactly(opened, 4), "big")


def exactly(opened: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = opened.recv(size - len(data))
        assert piece, "the connection ended"
        data += piece
    return data


def ended(opened: socket.socket) -> bool:
    with contextlib.suppress(ConnectionResetError):
        while opened.recv(65_536):
            pass
    return True


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message has a tenth of a second."""
    monkeypatch.setattr(local_server, "MESSAGE_SECONDS", 0.1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path)
    yield built
    built.close()
    names = [one.name for one in threading.enumerate()]
    assert "kt-stream-server" not in names


def test_only_its_user_can_open_the_socket(house: House) -> None:
    assert stat.S_IMODE(Path(house.address.path).stat().st_mode) == 0o600
    assert house.address.pid == os.getpid()


def test_a_follower_subscribes_and_gets_messages_in_order(house: House) -> None:
    opened = house.follower()
    opened.sendall(pack(SubscriptionRequest(7, add=(A, ORDERS))))
    wait_for(lambda: house.wants)
    number, want = house.wants[0]
    assert (want.number, want.add) == (7, (A, ORDERS))
    house.server.publish(BEAT, None, [number])
    house.server.answer(number, SubscriptionAnswer(7, live=True))
    assert [type(one).__name__ for one in heard(opened, 2)] == ["Heartbeat", "SubscriptionAnswer"]
    opened.close()
    wait_for(lambda: house.gone == [number])
    assert house.followers == 0


@pytest.mark.parametrize(
    "first",
    [
        pack(Hello("wrong", 1)),
        pack(SubscriptionRequest(1, add=(A,))),
        b"GET / HTTP/1.1\r\n\r\n",
        framed(b"\xff\x00"),
        framed(b"{}"),
        framed(b""),
        framed(b"[" * 1000),
        framed(b'{"type":"hello","secret":"\\ud800","pid":1}'),
        b"x" * ((1 << 20) + 100_000),
    ],
)
def test_garbage_before_the_hello_ends_that_connection_alone(house: House, first: bytes) -> None:
    good = house.follower()
    bad = house.dial()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        bad.sendall(first)
    assert ended(bad)
    assert house.wants == []
    house.server.broadcast(BEAT)
    assert len(heard(good)) == 1


@pytest.mark.parametrize(
    "then",
    [
        framed(b'{"type":"want","number":1,"add":[["0B","5930"]]}'),
        framed(b'{"type":"want","number":1,"add":[["XX","005930"]]}'),
        framed(b'{"type":"want","number":"x"}'),
        pack(Hello("wrong", 1)),
    ],
)
def test_garbage_after_the_hello_ends_the_connection(house: House, then: bytes) -> None:
    opened = house.follower()
    opened.sendall(then)
    assert ended(opened)
    wait_for(lambda: house.gone == [1])


def test_garbage_from_many_at_once(house: House) -> None:
    chance = random.Random(7)
    good = house.follower()
    for _ in range(50):
        with house.dial() as opened:
            if chance.random() < 0.5:
                opened.sendall(pack(Hello(house.address.secret, 5)))
            opened.sendall(framed(chance.randbytes(chance.randint(0, 400)))[chance.randint(0, 4) :])
    house.server.broadcast(BEAT)
    assert len(heard(good)) == 1
    wait_for(lambda: house.followers == 1)


@pytest.mark.usefixtures("quick")
def test_a_silent_or_unfinished_connection_is_closed_in_time(house: House) -> None:
    good = house.follower()
    quiet = house.dial()
    slow = house.dial(b"\0\0")
    assert ended(quiet) and ended(slow)
    half = house.follower()
    half.sendall(pack(SubscriptionRequest(1, add=(A,))) + pack(SubscriptionRequest(2))[:6])
    assert ended(half), "a message that was begun must be ended"
    assert house.followers == 1
    house.server.broadcast(BEAT)
    assert len(heard(good)) == 1


@pytest.mark.usefixtures("quick")
def test_single_bytes_do_not_extend_the_time_of_a_message(house: House) -> None:
    opened = house.follower()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for byte in pack(SubscriptionRequest(1, add=(A,))):
            opened.sendall(bytes([byte]))
            time.sleep(0.01)
    assert house.wants == []
    assert ended(opened)


def test_a_hello_has_few_bytes_and_a_want_has_many(house: House) -> None:
    stranger = house.dial((HELLO_BYTES + 1).to_bytes(4, "big"))
    assert ended(stranger)
    follower = house.follower()
    codes = tuple((StreamKind.TRADE, f"{n:06d}") for n in range(10_000))
    follower.sendall(pack(SubscriptionRequest(1, add=codes)))
    wait_for(lambda: house.wants)
    assert len(house.wants[0][1].add) == 10_000


def test_a_message_is_bounded_by_its_length_alone(house: House) -> None:
    follower = house.follower()
    follower.sendall((MOST_BYTES + 1).to_bytes(4, "big"))
    assert ended(follower)
    assert house.wants == []


def test_a_long_message_in_small_pieces_costs_no_more_than_its_bytes(house: House) -> None:
    """Joined to all before it, each piece would cost the server's thread minutes in all."""
    follower, started = house.follower(), time.perf_counter()
    message = framed(b'{"type":"want","number":1,"x":"' + b"x" * (MOST_BYTES - 100) + b'"}')
    for at in range(0, len(message), 16):
        follower.sendall(message[at : at + 16])
    wait_for(lambda: house.wants)
    assert time.perf_counter() - started < 5


def test_connections_without_hello_are_dropped_for_a_follower(house: House) -> None:
    good = house.follower()
    strangers = [house.dial() for _ in range(MOST_PEERS + 10)]
    late = house.follower()
    house.server.broadcast(BEAT)
    assert len(heard(good)) == len(heard(late)) == 1
    assert ended(strangers[0])


def test_a_full_server_accepts_no_more(house: House) -> None:
    for _ in range(MOST_PEERS):
        house.follower()
    assert ended(house.dial())
    assert house.followers == MOST_PEERS


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5_000,
        '{"pid":1,"secret":"s","port":70000}',
        '{"pid":-1,"secret":"s","port":1}',
        '{"pid":99999999999999999999999,"secret":"s"}',
        '{"pid":1,"secret":"s","port":1' + "0" * 5_000 + "}",
        '{"pid":1,"secret":"s","more":' + "[" * 3_000 + "]" * 3_000 + "}",
        "{" + " " * 10_000_000,
        "\ud800",
    ],
)
def test_a_damaged_leader_address_is_none(tmp_path: Path, text: str) -> None:
    lease = Lease(tmp_path, "key", "ws://127.0.0.1:1/")
    (file,) = [tmp_path / f"{lease.socket_path.stem}.json"]
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert lease.leader() is None
    assert lease.living_leader() is None


def test_all_that_waits_at_close_still_arrives(house: House) -> None:
    opened = house.follower()
    for _ in range(400):
        house.server.broadcast(framed(b'{"type":"beat","x":"' + b"x" * 2_000 + b'"}'))
    closing = threading.Thread(target=house.server.close)
    closing.start()
    assert len(heard(opened, 400)) == 400
    assert opened.recv(1) == b""
    closing.join()


def test_a_quiet_server_shows_that_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_server, "BEAT_SECONDS", 0.02)
    built = House(tmp_path)
    assert heard(built.follower(), 2) == [Heartbeat(), Heartbeat()]
    built.close()


def test_a_follower_that_never_reads_is_cut_off_in_the_end(house: House) -> None:
    house.follower()
    message = framed(b'{"type":"beat","x":"' + b"x" * 500 + b'"}')
    for _ in range(ACCOUNT_MESSAGES + 10_000):
        house.server.publish(message, None, [1])
    wait_for(lambda: house.gone == [1])


def test_a_dead_leaders_files_do_not_stop_the_next(tmp_path: Path) -> None:
    first = House(tmp_path)
    old = first.address
    first.server.close()
    first.lease._lock.release()
    assert Path(old.path).exists()
    assert first.lease.leader() == old
    second = House(tmp_path)
    assert second.address.secret != old.secret
    second.follower()
    wrong = dial(LeaderAddress(pid=1, secret=old.secret, path=old.path))
    wrong.sendall(pack(Hello(old.secret, 1)))
    assert ended(wrong)
    wrong.close()
    second.close()


def test_loopback_serves_where_the_path_is_too_long(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    built = House(folder)
    assert (built.address.path, built.address.port > 0) == ("", True)
    built.follower()
    bad = built.dial(pack(Hello("wrong", 1)))
    assert ended(bad)
    built.close()


# --- the conflating queue -----------------------------------------------------------------------


def all_of(box: ConflatingQueue) -> bytes:
    return b"".join(iter(box.take, b""))


def test_a_short_queue_keeps_everything_in_order() -> None:
    box = ConflatingQueue()
    for number in range(MARKET_MESSAGES):
        box.put(f"{number} ".encode(), A if number % 2 else None)
    assert all_of(box) == b"".join(f"{number} ".encode() for number in range(MARKET_MESSAGES))


def test_a_long_queue_keeps_the_newest_prices_and_all_account_news() -> None:
    box = ConflatingQueue()
    for number in range(MARKET_MESSAGES + 500):
        box.put(f"a{number} ".encode(), A)
        box.put(f"b{number} ".encode(), B)
        box.put(f"o{number} ".encode(), None)
    got = all_of(box).split()
    last = MARKET_MESSAGES + 499
    assert [one for one in got if one[:1] == b"o"] == [
        f"o{number}".encode() for number in range(last + 1)
    ]
    for name in ("a", "b"):
        numbers = [int(one[1:]) for one in got if one[:1] == name.encode()]
        assert numbers == sorted(set(numbers)), "in order, none twice"
        assert numbers[-1] == last, "the newest is there"
    assert len([one for one in got if one[:1] != b"o"]) < 2 * last


def test_prices_stay_in_order_after_conflation() -> None:
    box = ConflatingQueue()
    for _ in range(MARKET_MESSAGES):
        box.put(b" ", None)
    box.put(b"a1 ", A)
    box.put(b"a2 ", A)
    assert all_of(box).strip() == b"a2"
    box.put(b"a3 ", A)
    assert all_of(box) == b"a3 "


# --- who gets what ------------------------------------------------------------------------------


def test_an_event_is_routed_to_who_wants_it() -> None:
    register = Registry()
    register.change(OWN, [A], [])
    register.change(1, [A, B], [])
    register.change(2, [B], [])
    assert register.routes == {A: Route(True, (1,)), B: Route(False, (1, 2))}
    register.change(1, [], [B])
    register.forget(2)
    assert register.routes == {A: Route(True, (1,))}
    register.refuse([A])
    assert register.wanted() == frozenset()
    register.forget(1)
    register.forget(99)


def test_groups_hold_no_more_than_a_hundred_of_one_kind() -> None:
    groups = Groups()
    codes = [f"{number:06d}" for number in range(130)]
    wants = keys_of([StreamKind.TRADE, StreamKind.BOOK, StreamKind.ORDERS], codes)
    batches = groups.add(wants)
    assert [(b.group, b.kind.value, len(b.codes)) for b in batches] == [
        (1, "00", 1),
        (2, "0B", 100),
        (3, "0B", 30),
        (4, "0D", 100),
        (5, "0D", 30),
    ]
    assert groups.add(wants) == []
    assert groups.keys == wants
    assert {b.group for b in groups.drop([*wants])} == {1, 2, 3, 4, 5}
    assert groups.drop(wants) == []
    assert groups.keys == frozenset()


def test_what_a_group_says_on_the_wire() -> None:
    (batch,) = Groups().add([ORDERS])
    assert batch.body("REG") == {
        "trnm": "REG",
        "grp_no": "1",
        "refresh": "1",
        "data": [{"item": [""], "type": ["00"]}],
    }
    assert "refresh" not in batch.body("REMOVE")
