"""What usually follows a command: one line after it on a terminal."""

from __future__ import annotations

NEXT: dict[str, str] = {
    "doctor": "`kt run --once` trades one cycle",
    "auth login": "`kt balance` shows the account",
    "sim start": "`kt scan fast` finds candidates, `kt run --once` trades one cycle",
    "sim reset": "`kt balance` shows the new account",
    "balance": "`kt pnl` shows profit and loss, `kt order sell` sells",
    "pnl": "`kt pnl --by trade` shows each trade, `kt report` the whole day",
    "report": "`kt log` shows what happened, event by event",
    "status": "`kt log` shows what happened, `kt balance` the account",
    "latency": "`kt latency --by api` shows how long the broker's answers took",
    "scan fast": "`kt scan deep` scores the candidates by flows, book and strength",
    "scan deep": "`kt scan ai` lets the analyst pick, `kt analyze STOCK` decides about one",
    "scan ai": "`kt analyze STOCK` decides about one of them",
    "analyze": "`kt analyze STOCK | kt check` shows whether the safety rules allow it",
    "check": "`kt order submit` at the end of the pipe places what passed",
    "order buy": "`kt order list` shows whether it has filled",
    "order sell": "`kt order list` shows whether it has filled, `kt pnl` the profit",
    "order amend": "`kt order list` shows whether it has filled",
    "order cancel": "`kt order list` shows what is left",
    "order list": "`kt order cancel ORDER` takes one back, `kt order amend` changes its price",
    "order submit": "`kt order list` shows what has filled",
    "order resolve": "`kt order list --unknown` shows what else needs you",
    "run": "`kt status` shows what is held and open, `kt pnl` the profit",
    "compare": "`kt help backtest` explains the causes, `kt log decision ID` one decision",
    "sweep": "`kt backtest` with the winner's --set options shows its trades",
    "halt": "`kt status` shows what stands, `kt resume` ends the halt",
    "reduce": "`kt status` shows what is held, `kt resume` ends it",
    "flatten": "`kt status` shows what is left, `kt resume` ends the halt after it",
    "resume": "`kt run` trades on",
    "notify test": "`kt log --kind delivery` shows what each channel answered",
    "api": "`kt api ID --help` explains the fields of an answer",
    "schema": "`kt help pipes` shows how documents are used",
}
"""By the command's words."""
