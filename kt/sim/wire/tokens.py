"""Request and reply bodies of the token APIs, au10001 and au10002."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kt.sim.wire import error_bodies
from kt.sim.wire.call import DONE
from kt.sim.wire.values import stamp

ISSUE, REVOKE = "au10001", "au10002"


def keys(body: Mapping[str, str]) -> tuple[str, str]:
    """The app key and the secret key of a token request."""
    app_key, secret = body.get("appkey", ""), body.get("secretkey", "")
    if not app_key or not secret:
        raise error_bodies.not_authenticated(8020)
    return app_key, secret


def check_grant(body: Mapping[str, str]) -> None:
    grant = body.get("grant_type", "")
    if not grant:
        raise error_bodies.not_authenticated(8011)
    if grant != "client_credentials":
        raise error_bodies.not_authenticated(8012)


def revoked_token(body: Mapping[str, str]) -> str:
    token = body.get("token", "")
    if not token:
        raise error_bodies.not_authenticated(8016)
    return token


def issued(token: str, expires: datetime) -> dict[str, Any]:
    """The reply to au10001; `expires` is written as Korean wall-clock time, as the broker does."""
    return {
        "expires_dt": stamp(expires),
        "return_msg": DONE,
        "token_type": "Bearer",
        "return_code": 0,
        "token": token,
    }


def revoked() -> dict[str, Any]:
    return {"return_code": 0, "return_msg": DONE}
