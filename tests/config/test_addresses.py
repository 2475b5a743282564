"""Servers' addresses: no key travels in clear, and nothing odd gets as far as a request."""

from __future__ import annotations

from pathlib import Path

import pytest

from kt.config.load import build_config, load_config
from kt.errors import ConfigError, ExitCode

GOOD = [
    "https://api.kiwoom.com",
    "https://api.kiwoom.com:10443/",
    "https://proxy.example.org/kiwoom/v1",
    "https://my_server-2:443",
    "https://192.168.0.7",
    "https://[2001:db8::1]:8443",
    "http://localhost:8080",
    "http://127.0.0.1:8080",
    "http://127.3.2.1",
    "http://[::1]:8080",
]
ODD = [
    ("https://", "host or a port"),
    ("api.kiwoom.com", "does not begin with https://"),
    ("ftp://api.kiwoom.com", "does not begin with https://"),
    ("javascript:alert(1)", "does not begin with https://"),
    ("HTTPS://api.kiwoom.com", "does not begin with https://"),
    ("https:/api.kiwoom.com", "does not begin with https://"),
    ("https://me:hunter2@api.kiwoom.com", "user name or a password"),
    ("https://me@api.kiwoom.com", "user name or a password"),
    ("https://api.kiwoom.com@evil.test", "user name or a password"),
    ("https://api.kiwoom.com/#x", "fragment"),
    ("https://api.kiwoom.com/?a=b", "query"),
    ("https://api.kiwoom.com?", "query"),
    ("https://api.kiwoom.com:99999", "host or a port"),
    ("https://api.kiwoom.com:0", "host or a port"),
    ("https://api.kiwoom.com:", "host or a port"),
    ("https://api.kiwoom.com:https", "host or a port"),
    ("https://[::bad", "host or a port"),
    ("https://[1.2.3.4]", "host or a port"),
    ("https://-x.test", "host or a port"),
    ("https://a..b", "host or a port"),
    (f"https://{'a' * 64}.test", "host or a port"),
    ("https://api.kiwoom.com/a b", "odd characters"),
    ("https://api.kiwoom.com\\@evil.test", "odd characters"),
    ("https://api.kiwoom.com/%2e", "odd characters"),
    ("https://api.kiwo\u043em.com", "odd characters"),
    ("https://api.kiwoom.com\n", "odd characters"),
    ("https://api.kiwoom.com\0", "odd characters"),
]


@pytest.mark.parametrize("profile", ["mock", "real"])
@pytest.mark.parametrize("address", GOOD)
def test_good_addresses(address: str, profile: str) -> None:
    data = {"profile": profile, "profiles": {profile: {"base_url": address}}}
    assert build_config(data, {}, {}).server.base_url == address


@pytest.mark.parametrize("profile", ["sim", "mock", "real"])
@pytest.mark.parametrize(("address", "says"), ODD)
def test_odd_addresses_are_refused_and_not_repeated(address: str, says: str, profile: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_config({"profiles": {profile: {"base_url": address}}}, {}, {}, "config.yaml")
    assert caught.value.message.startswith(f"config.yaml: profiles.{profile}.base_url: ")
    assert says in caught.value.message
    assert "Write https://host" in (caught.value.hint or "")
    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("profile", ["mock", "real"])
@pytest.mark.parametrize(
    ("key", "address", "instead"),
    [
        ("base_url", "http://api.kiwoom.com", "https://api.kiwoom.com"),
        ("base_url", "http://10.0.0.1:80", "https://10.0.0.1:80"),
        ("base_url", "http://localhost.evil.test", "https://localhost.evil.test"),
        ("base_url", "http://127.0.0.1.evil.test", "https://127.0.0.1.evil.test"),
        ("ws_url", "ws://api.kiwoom.com/ws", "wss://api.kiwoom.com/ws"),
    ],
)
def test_no_key_travels_in_clear(key: str, address: str, instead: str, profile: str) -> None:
    with pytest.raises(
        ConfigError, match=f"profiles.{profile}.{key}: .*is not encrypted"
    ) as caught:
        build_config({"profiles": {profile: {key: address}}}, {}, {})
    assert f"Write {instead}." in (caught.value.hint or "")


def test_an_exchange_of_ones_own_may_be_plain() -> None:
    data = {"profiles": {"sim": {"base_url": "http://exchange:8080", "ws_url": "ws://exchange/w"}}}
    assert build_config(data, {}, {}).server.base_url == "http://exchange:8080"


@pytest.mark.parametrize(
    ("name", "address"), [("KT_BASE_URL", "http://evil.test"), ("KT_WS_URL", "ws://evil.test")]
)
def test_an_address_of_the_environment_is_named_by_its_variable(name: str, address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_config({}, {"KT_PROFILE": "real", name: address}, {})
    assert caught.value.message.startswith(f"{name}: ")


def test_what_the_file_holds_is_checked_before_anything_is_done(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("profiles:\n  real:\n    ws_url: ws://api.kiwoom.com\n")
    with pytest.raises(ConfigError, match=r"profiles\.real\.ws_url"):
        load_config(path, environ={})


def test_each_scheme_has_its_key() -> None:
    for key, address in (("base_url", "wss://a.test"), ("ws_url", "https://a.test")):
        with pytest.raises(ConfigError, match="does not begin with"):
            build_config({"profiles": {"sim": {key: address}}}, {}, {})
