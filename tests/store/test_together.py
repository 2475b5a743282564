"""Several writes as one: nobody comes between, and a failure leaves nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from kt.errors import JournalError
from tests.store.make import open_journal, position, trade


def test_a_transaction_commits_all_its_rows(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal, open_journal(tmp_path) as other:
        with journal.together():
            journal.put_position(position())
            journal.add_trade(trade())
            assert len(journal.positions()) == 1, "one's own rows are seen"
            assert (other.positions(), other.trades()) == ((), ())
        assert (len(other.positions()), len(other.trades())) == (1, 1)


def test_a_failed_transaction_rolls_back_all_its_rows(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        with pytest.raises(ZeroDivisionError), journal.together():
            journal.put_position(position())
            with journal.together():
                journal.add_trade(trade())
            raise ZeroDivisionError
        assert (journal.positions(), journal.trades()) == ((), ())
        journal.put_position(position())
        assert len(journal.positions()) == 1, "and it goes on"


def test_transactions_are_isolated_between_processes_and_threads(tmp_path: Path) -> None:
    """Each adds a trade if there are fewer than five: without the transaction there are more."""
    journals = [open_journal(tmp_path) for _ in range(2)]
    gate = threading.Barrier(6)
    failed: list[JournalError] = []

    def work(number: int) -> None:
        journal = journals[number % 2]
        gate.wait()
        try:
            for _ in range(5):
                with journal.together():
                    if len(journal.trades()) < 5:
                        journal.add_trade(trade())
        except JournalError as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(journals[0].trades()) == 5
    for journal in journals:
        journal.close()
