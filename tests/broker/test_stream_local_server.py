"""The hub: guests that are right, wrong, slow, many or gone, and what each of them gets."""

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

from kt.broker.stream import conflation
from kt.broker.stream.conflation import ACCOUNT_LINES, MARKET_LINES, Outbox
from kt.broker.stream.groups import Groups, Key, keys_of
from kt.broker.stream.lease import Lease, Owner
from kt.broker.stream.local_protocol import (
    LINE_LIMIT,
    FromOwner,
    Hello,
    Lines,
    Want,
    Welcome,
    dial,
    line,
)
from kt.broker.stream.local_server import HELLO_LIMIT, MOST_SEATS, Hub
from kt.broker.stream.registry import OWN, Register, Route
from kt.records import StreamKind
from tests.broker.scripted import wait_for

A: Key = (StreamKind.TRADE, "005930")
B: Key = (StreamKind.TRADE, "000660")
ORDERS: Key = (StreamKind.ORDERS, "")


class House:
    """A hub with its lease, and what it was told."""

    def __init__(self, folder: Path) -> None:
        self.lease = Lease(folder, "key", "ws://127.0.0.1:1/")
        assert self.lease.take()
        self.wants: list[tuple[int, Want]] = []
        self.gone: list[int] = []
        self.hub = Hub(self.lease, lambda n, want: self.wants.append((n, want)), self.gone.append)
        self.hub.open()
        self.plugs: list[socket.socket] = []

    @property
    def owner(self) -> Owner:
        owner = self.lease.owner()
        assert owner is not None
        return owner

    def dial(self, hello: bytes | None = None) -> socket.socket:
        while True:
            # A full queue at the door is told at once.
            with contextlib.suppress(BlockingIOError):
                plug = dial(self.owner, 5.0)
                break
        self.plugs.append(plug)
        if hello is not None:
            plug.sendall(hello)
        return plug

    def guest(self) -> socket.socket:
        plug = self.dial(line(Hello(self.owner.secret, os.getpid())))
        assert heard(plug) == [Welcome(os.getpid())]
        return plug

    def close(self) -> None:
        self.hub.close()
        self.lease.release()
        for plug in self.plugs:
            plug.close()


def heard(plug: socket.socket, count: int = 1) -> list[object]:
    """So many messages, or what came before the end of the line."""
    lines, messages = Lines(FromOwner), list[object]()
    while len(messages) < count and (data := plug.recv(65_536)):
        messages += lines.feed(data)
    return messages


def ended(plug: socket.socket) -> bool:
    with contextlib.suppress(ConnectionResetError):
        while plug.recv(65_536):
            pass
    return True


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path)
    yield built
    built.close()
    names = [one.name for one in threading.enumerate()]
    assert "kt-stream-hub" not in names


def test_the_door_is_for_its_user_alone(house: House) -> None:
    assert stat.S_IMODE(Path(house.owner.path).stat().st_mode) == 0o600
    assert house.owner.pid == os.getpid()


def test_a_guest_says_what_it_wants_and_gets_lines_in_order(house: House) -> None:
    plug = house.guest()
    plug.sendall(line(Want(7, add=(A, ORDERS))))
    wait_for(lambda: house.wants)
    number, want = house.wants[0]
    assert (want.number, want.add) == (7, (A, ORDERS))
    for text in (b'{"type":"beat"}\n', b'{"type":"answer","number":7,"live":true}\n'):
        house.hub.publish(text, None, [number])
    assert [type(one).__name__ for one in heard(plug, 2)] == ["Beat", "Answer"]
    plug.close()
    wait_for(lambda: house.gone == [number])
    assert house.hub.guests == 0


@pytest.mark.parametrize(
    "first",
    [
        line(Hello("wrong", 1)),
        line(Want(1, add=(A,))),
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\x00\n",
        b"{}\n",
        b"\n",
        b"[" * 5000 + b"\n",
        b'{"type":"hello","secret":"\\ud800","pid":1}\n',
        b"x" * ((1 << 20) + 100_000),
    ],
)
def test_a_wrong_guest_is_shown_out_and_harms_nobody(house: House, first: bytes) -> None:
    good = house.guest()
    bad = house.dial()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        bad.sendall(first)
    assert ended(bad)
    assert house.wants == []
    house.hub.broadcast(b'{"type":"beat"}\n')
    assert len(heard(good)) == 1


@pytest.mark.parametrize(
    "then",
    [
        b'{"type":"want","number":1,"add":[["0B","5930"]]}\n',
        b'{"type":"want","number":1,"add":[["XX","005930"]]}\n',
        b'{"type":"want","number":"x"}\n',
        line(Hello("wrong", 1)),
    ],
)
def test_a_guest_that_turns_bad_goes_too(house: House, then: bytes) -> None:
    plug = house.guest()
    plug.sendall(then)
    assert ended(plug)
    wait_for(lambda: house.gone == [1])


def test_garbage_from_many_at_once(house: House) -> None:
    chance = random.Random(7)
    good = house.guest()
    for _ in range(50):
        with house.dial() as plug:
            if chance.random() < 0.5:
                plug.sendall(line(Hello(house.owner.secret, 5)))
            plug.sendall(chance.randbytes(chance.randint(0, 400)) + b"\n" * chance.randint(0, 1))
    house.hub.broadcast(b'{"type":"beat"}\n')
    assert len(heard(good)) == 1
    wait_for(lambda: house.hub.guests == 1)


def test_a_stranger_that_says_nothing_is_shown_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflation, "LINE_SECONDS", 0.1)
    good = house.guest()
    quiet = house.dial()
    slow = house.dial(b'{"type":"hello",')
    assert ended(quiet) and ended(slow)
    half = house.guest()
    half.sendall(line(Want(1, add=(A,))) + b'{"type":"want"')
    assert ended(half), "a line that was begun must be ended"
    assert house.hub.guests == 1
    house.hub.broadcast(b'{"type":"beat"}\n')
    assert len(heard(good)) == 1


def test_a_dripping_guest_is_not_kept_alive_by_its_drips(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflation, "LINE_SECONDS", 0.1)
    plug = house.guest()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for byte in line(Want(1, add=(A,))):
            plug.sendall(bytes([byte]))
            time.sleep(0.01)
    assert house.wants == []
    assert ended(plug)


def test_a_stranger_has_few_bytes_and_a_guest_has_many(house: House) -> None:
    stranger = house.dial(b'{"type":"hello","secret":"' + b"x" * HELLO_LIMIT)
    assert ended(stranger)
    guest = house.guest()
    codes = tuple((StreamKind.TRADE, f"{n:06d}") for n in range(10_000))
    guest.sendall(line(Want(1, add=codes)))
    wait_for(lambda: house.wants)
    assert len(house.wants[0][1].add) == 10_000


def test_a_line_is_bounded_whether_it_ends_or_not(house: House) -> None:
    for last in (b"", b"\n"):
        guest = house.guest()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            guest.sendall(b'{"type":"want","number":1,"x":"' + b"x" * LINE_LIMIT + b'"}' + last)
        assert ended(guest)
    assert house.wants == []


def test_a_long_line_in_small_pieces_costs_no_more_than_its_bytes() -> None:
    """Each piece was once joined to all before it: a megabyte took minutes of the hub's thread."""
    lines, started = Lines(FromOwner), time.perf_counter()
    for _ in range(LINE_LIMIT // 4):
        lines.feed(b"xxxx")
    with pytest.raises(ValueError, match="without an end"):
        lines.feed(b"x")
    assert time.perf_counter() - started < 2


def test_strangers_leave_room_for_a_guest(house: House) -> None:
    good = house.guest()
    strangers = [house.dial() for _ in range(MOST_SEATS + 10)]
    late = house.guest()
    house.hub.broadcast(b'{"type":"beat"}\n')
    assert len(heard(good)) == len(heard(late)) == 1
    assert ended(strangers[0])


def test_a_full_house_takes_no_more(house: House) -> None:
    for _ in range(MOST_SEATS):
        house.guest()
    assert ended(house.dial())
    assert house.hub.guests == MOST_SEATS


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
def test_a_damaged_address_of_the_owner_is_none(tmp_path: Path, text: str) -> None:
    lease = Lease(tmp_path, "key", "ws://127.0.0.1:1/")
    (file,) = [tmp_path / f"{lease.socket_path.stem}.json"]
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert lease.owner() is None
    assert lease.living_owner() is None


def test_what_was_said_last_still_arrives(house: House) -> None:
    plug = house.guest()
    house.hub.broadcast(b'{"type":"beat"}\n')
    house.hub.close()
    assert len(heard(plug)) == 1
    assert plug.recv(1) == b""


def test_a_guest_that_never_reads_is_cut_off_in_the_end(house: House) -> None:
    house.guest()
    text = b'{"type":"beat","x":"' + b"x" * 500 + b'"}\n'
    for _ in range(ACCOUNT_LINES + 10_000):
        house.hub.publish(text, None, [1])
    wait_for(lambda: house.gone == [1])


def test_a_dead_owners_traces_are_no_hindrance(tmp_path: Path) -> None:
    first = House(tmp_path)
    old = first.owner
    first.hub.close()
    first.lease._lock.release()
    assert Path(old.path).exists()
    assert first.lease.owner() == old
    second = House(tmp_path)
    assert second.owner.secret != old.secret
    second.guest()
    wrong = dial(Owner(pid=1, secret=old.secret, path=old.path), 5.0)
    wrong.sendall(line(Hello(old.secret, 1)))
    assert ended(wrong)
    wrong.close()
    second.close()


def test_where_a_path_is_too_long_the_loopback_serves(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    built = House(folder)
    assert (built.owner.path, built.owner.port > 0) == ("", True)
    built.guest()
    bad = built.dial(line(Hello("wrong", 1)))
    assert ended(bad)
    built.close()


# --- the outbox ---------------------------------------------------------------------------------


def all_of(box: Outbox) -> bytes:
    return b"".join(iter(box.take, b""))


def test_a_short_queue_keeps_everything_in_order() -> None:
    box = Outbox()
    for number in range(MARKET_LINES):
        box.put(f"{number} ".encode(), A if number % 2 else None)
    assert all_of(box) == b"".join(f"{number} ".encode() for number in range(MARKET_LINES))


def test_a_crowd_is_thinned_to_the_newest_and_the_account_kept_whole() -> None:
    box = Outbox()
    for number in range(MARKET_LINES + 500):
        box.put(f"a{number} ".encode(), A)
        box.put(f"b{number} ".encode(), B)
        box.put(f"o{number} ".encode(), None)
    got = all_of(box).split()
    last = MARKET_LINES + 499
    assert [one for one in got if one[:1] == b"o"] == [
        f"o{number}".encode() for number in range(last + 1)
    ]
    for name in ("a", "b"):
        numbers = [int(one[1:]) for one in got if one[:1] == name.encode()]
        assert numbers == sorted(set(numbers)), "in order, none twice"
        assert numbers[-1] == last, "the newest is there"
    assert box.thinned > 0


def test_after_thinning_the_order_still_holds() -> None:
    box = Outbox()
    for _ in range(MARKET_LINES):
        box.put(b" ", None)
    box.put(b"a1 ", A)
    box.put(b"a2 ", A)
    assert all_of(box).strip() == b"a2"
    box.put(b"a3 ", A)
    assert all_of(box) == b"a3 "


# --- who gets what ------------------------------------------------------------------------------


def test_routes_follow_the_wants() -> None:
    register = Register()
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
