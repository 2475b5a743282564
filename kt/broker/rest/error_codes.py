"""What each error of the broker means, what it concerns, and what kt does.

One table for queries, orders and the token, by bracket code, then return_code, then HTTP status.
`kt help errors` is generated from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kt.errors import AuthError, BrokerRefused, KtError, RateLimited, UnknownStock, Unreachable
from kt.records import Concern, OutcomeStatus


class Category(StrEnum):
    AUTHENTICATION = "authentication"
    PERMANENT = "permanent"
    LIMITS = "limits"
    REFUSAL = "refusal"
    NO_DATA = "no data"
    SERVER = "server"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Treatment:
    """What kt does: a query is retried if `retry` and then raises `error`; `order` is the outcome
    of an order that got this answer."""

    error: type[KtError] | None
    retry: bool
    order: OutcomeStatus
    does: str


NOT_PLACED, REJECTED = OutcomeStatus.NOT_PLACED, OutcomeStatus.REJECTED
TREATMENTS: dict[Category, Treatment] = {
    Category.AUTHENTICATION: Treatment(
        AuthError, False, NOT_PLACED, "stops and says the one thing to do"
    ),
    Category.PERMANENT: Treatment(BrokerRefused, False, REJECTED, "does not send it again"),
    Category.LIMITS: Treatment(
        RateLimited, True, NOT_PLACED, "waits for the budget, then sends it again"
    ),
    Category.REFUSAL: Treatment(BrokerRefused, False, REJECTED, "logs it and goes on"),
    Category.NO_DATA: Treatment(None, False, OutcomeStatus.UNKNOWN, "takes it as an empty list"),
    Category.SERVER: Treatment(
        Unreachable,
        True,
        OutcomeStatus.UNKNOWN,
        "repeats a query with back-off; an order is settled by reconcile",
    ),
    Category.UNKNOWN: Treatment(
        BrokerRefused,
        False,
        OutcomeStatus.UNKNOWN,
        "fails the query; an order is settled by reconcile",
    ),
}


@dataclass(frozen=True, slots=True)
class CodeRule:
    """One code of the broker. `renew` = a new token is tried once before kt stops.

    `unsupported` marks what this server does not offer: kt does without it if it can. `concerns`
    says what a refusal with this code is about; None for rate limits and server errors, which
    are not refusals, and for codes that only queries get.
    """

    code: str
    category: Category
    meaning: str
    hint: str = ""
    renew: bool = False
    unsupported: bool = False
    unknown_stock: bool = False
    concerns: Concern | None = None
    not_enough: bool = False
    """The broker holds fewer shares than the sell asks for."""

    @property
    def error(self) -> type[KtError] | None:
        return UnknownStock if self.unknown_stock else TREATMENTS[self.category].error

    @property
    def does(self) -> str:
        if self.renew:
            return "takes a new token once through the shared lock, then goes on"
        if self.unsupported:
            return "does without it where it can"
        return TREATMENTS[self.category].does


ORDER, STOCK, MARKET = Concern.ORDER, Concern.STOCK, Concern.MARKET
ACCOUNT, KEY = Concern.ACCOUNT, Concern.KEY


def _auth(code: str, meaning: str, hint: str = "", renew: bool = False) -> CodeRule:
    return CodeRule(code, Category.AUTHENTICATION, meaning, hint, renew=renew, concerns=KEY)


def _permanent(code: str, meaning: str, concerns: Concern | None = None) -> CodeRule:
    return CodeRule(code, Category.PERMANENT, meaning, concerns=concerns)


def _unsupported(code: str, meaning: str, concerns: Concern | None = None) -> CodeRule:
    return CodeRule(code, Category.PERMANENT, meaning, unsupported=True, concerns=concerns)


def _no_stock(code: str, meaning: str) -> CodeRule:
    return CodeRule(code, Category.PERMANENT, meaning, unknown_stock=True, concerns=STOCK)


def _refusal(code: str, meaning: str, concerns: Concern) -> CodeRule:
    return CodeRule(code, Category.REFUSAL, meaning, concerns=concerns)


_KEYS = "Compare the keys with the broker's key page; `kt init` takes others."
_ADDRESS = "Register this computer's public IP address at the broker, or work from one that is."
_ANEW = "Run `kt auth logout`, then `kt auth login`."
_SERVER = "Use the keys of this profile's server: mock keys for mock, real keys for real."

RULES: tuple[CodeRule, ...] = (
    _permanent("1501", "no API id was sent", KEY),
    _unsupported("1504", "the path does not offer this API id"),
    _unsupported("1505", "there is no such API id"),
    _permanent("1511", "a required field is missing", ORDER),
    _permanent("1512", "a header is missing or unreadable", KEY),
    _permanent("1513", "the authorization header is missing", KEY),
    _permanent("1514", "the authorization header has the wrong form", KEY),
    _permanent("1515", "the grant type in the header is unknown", KEY),
    _permanent("1516", "the header holds no token", KEY),
    _permanent("1517", "a field has the wrong form", ORDER),
    _permanent("1634", "more than 100 stock codes in one call"),
    _permanent("1687", "the broker stopped a recursive call"),
    CodeRule("1700", Category.LIMITS, "too many requests for this API"),
    CodeRule("1701", Category.LIMITS, "too many requests in total"),
    CodeRule("1702", Category.LIMITS, "too many requests for this group of APIs"),
    _no_stock("1901", "no market is known for this stock code"),
    _no_stock("1902", "no such stock code"),
    _no_stock("1903", "no such stock code on this exchange"),
    CodeRule("1999", Category.SERVER, "an unexpected error at the broker"),
    _auth("8001", "the app key or secret key is wrong", _KEYS),
    _auth("8002", "the app key and secret key could not be verified", _KEYS),
    _auth("8003", "the token could not be looked up", renew=True),
    _auth("8005", "the token is not valid", _ANEW, renew=True),
    _auth("8006", "the token could not be made", "Try `kt auth login` in a minute."),
    _auth("8009", "the token could not be issued", "Try `kt auth login` in a minute."),
    _auth("8010", "the token was issued to another IP address", _ANEW),
    _auth("8011", "no grant type was sent"),
    _auth("8012", "the grant type is wrong"),
    _auth("8015", "the token could not be revoked"),
    _auth("8016", "no token to revoke was sent"),
    _auth("8020", "no app key or secret key was sent", _KEYS),
    _auth("8030", "the app key belongs to the other server", _SERVER),
    _auth("8031", "the token belongs to the other server", _SERVER),
    _auth("8040", "the device could not be verified", _ADDRESS),
    _auth("8050", "this IP address is not registered", _ADDRESS),
    _auth("8103", "token or device could not be verified", _ANEW, renew=True),
    _unsupported("8104", "the mock server does not offer this API"),
    _unsupported("8200", "not offered to corporate accounts", ACCOUNT),
    _refusal("RC4003", "the price is off the tick grid (mock)", ORDER),
    _refusal("RC4007", "the stock may not be traded (mock)", STOCK),
    _refusal("RC4010", "not a business day (mock)", MARKET),
    _refusal("RC4025", "not enough margin to buy (mock)", ACCOUNT),
    _refusal("RC4027", "the price is outside the day's limits (mock)", ORDER),
    _refusal("RC4032", "nothing is left to amend (mock)", ORDER),
    _refusal("RC4033", "nothing is left to cancel (mock)", ORDER),
    _refusal("RC4057", "before the open (mock)", MARKET),
    _refusal("RC4058", "after the close (mock)", MARKET),
    _refusal("RC4061", "no such order number (mock)", ORDER),
    _refusal("RC4091", "the mock account has expired: apply for a new one (mock)", ACCOUNT),
    _refusal("RC5006", "the account is for training short sales alone (mock)", ACCOUNT),
    _unsupported("RC7006", "the mock server does not offer this query"),
    _unsupported("RC9000", "the mock server does not offer this service"),
    CodeRule(
        "800033", Category.REFUSAL, "not enough shares to sell", concerns=ORDER, not_enough=True
    ),
    _refusal("308002", "no quantity was sent", ORDER),
    _refusal("308003", "no price was sent", ORDER),
    _refusal("571476", "trading in the stock is halted", STOCK),
    _refusal("571557", "the price is off the tick grid", ORDER),
    _refusal("407022", "the order type is wrong", ORDER),
    _refusal("521790", "the order type is not allowed at this hour", ORDER),
    _refusal("571489", "the market is closed today", MARKET),
    _refusal("505217", "the market is closed", MARKET),
)
BY_CODE = {rule.code: rule for rule in RULES}

RETURN_CODES: dict[int, tuple[Category, str]] = {
    1: (Category.PERMANENT, "wrong API or path"),
    2: (Category.PERMANENT, "missing or wrong input"),
    3: (Category.AUTHENTICATION, "authentication failed"),
    5: (Category.LIMITS, "over the limits"),
    20: (Category.REFUSAL, "refused by order or account"),
}
"""What a return_code means when the bracket code in its message is not known."""

HTTP_STATUSES: dict[str, tuple[Category, str]] = {
    "429": (Category.LIMITS, "too many requests"),
    "4xx": (Category.PERMANENT, "refused before the broker's API"),
    "5xx": (Category.SERVER, "the server failed"),
}
"""What an HTTP status means when no code and no return_code explains it."""

HINTS: dict[Category, str] = {
    Category.LIMITS: "Another program may be using this app key: kt had waited for its share.",
    Category.SERVER: "Try again in a minute; `kt doctor` shows whether the server answers.",
    Category.AUTHENTICATION: f"Check the keys. {_ANEW}",
}
