"""Keys: where they are found, and that they are never shown."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kt.config.load import build_config
from kt.config.secrets import SIM_KEY, app_keys
from kt.errors import AuthError, ConfigError
from kt.paths import ProfilePaths


def test_the_embedded_exchange_needs_no_key_and_its_account_is_this_users_alone(
    tmp_path: Path,
) -> None:
    config = build_config({"state_dir": str(tmp_path)}, {}, {})
    mine = app_keys(config, {})
    assert mine.app_key == SIM_KEY
    assert len(mine.secret_key) >= 32
    assert app_keys(config, {}) == mine, "the same account again"
    secret = ProfilePaths(tmp_path / "sim").account_secret
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    other = app_keys(build_config({"state_dir": str(tmp_path / "other")}, {}, {}), {})
    assert other.secret_key != mine.secret_key


def test_on_somebody_elses_exchange_every_folder_has_its_own_account(tmp_path: Path) -> None:
    environ = {"KT_BASE_URL": "http://127.0.0.1:1"}
    one, two = (
        app_keys(build_config({"state_dir": str(tmp_path / name)}, environ, {}), {})
        for name in ("one", "two")
    )
    assert one.app_key != two.app_key


def test_many_at_once_agree_on_the_secret(tmp_path: Path) -> None:
    config = build_config({"state_dir": str(tmp_path)}, {}, {})
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: app_keys(config, {}).secret_key, range(32)))
    assert len(found) == 1
    assert [path.name for path in (tmp_path / "sim").iterdir()] == ["account.secret"]


def test_the_environment_comes_first_and_is_never_shown() -> None:
    keys = app_keys(
        build_config({}, {}, {}), {"KT_APP_KEY": "public-key", "KT_SECRET_KEY": "hidden-one"}
    )
    assert (keys.app_key, keys.secret_key) == ("public-key", "hidden-one")
    assert "hidden-one" not in repr(keys)
    assert "public-key" not in repr(keys)


def test_one_key_without_the_other_is_refused() -> None:
    with pytest.raises(AuthError, match="only one"):
        app_keys(build_config({}, {}, {}), {"KT_APP_KEY": "k"})


def test_a_profile_without_keys_is_refused() -> None:
    with pytest.raises(AuthError, match="no keys for the profile 'mock'"):
        app_keys(build_config({"profile": "mock"}, {}, {}), {})


def test_a_key_file_must_be_private(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("key\nsecret\n")
    config = build_config({"profiles": {"sim": {"key_file": str(path)}}}, {}, {})
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="read by others"):
        app_keys(config, {})
    path.chmod(0o600)
    assert app_keys(config, {}).secret_key == "secret"
    path.write_text("key\n")
    with pytest.raises(ConfigError, match="two lines"):
        app_keys(config, {})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"key\xff\nsecret\n", "is not UTF-8"),
        (b"key\x1b[2J\nsecret\n", "must hold two lines"),
        ("key\u202e\nsecret\n".encode(), "must hold two lines"),
        (b"k" * 10_000_000, "must hold two lines"),
    ],
)
def test_an_invalid_key_file_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)
    path.chmod(0o600)
    config = build_config({"profiles": {"sim": {"key_file": str(path)}}}, {}, {})
    with pytest.raises(ConfigError, match=says):
        app_keys(config, {})


def test_an_endless_key_file_is_read_only_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    os.mkfifo(path, 0o600)
    config = build_config({"profiles": {"sim": {"key_file": str(path)}}}, {}, {})
    with pytest.raises(ConfigError, match="there is no key file"):
        app_keys(config, {})
