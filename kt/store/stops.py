"""The stop, as a journal row and a flag file, and the locked stocks."""

from __future__ import annotations

from pathlib import Path

from kt.errors import JournalError
from kt.records import KST, Stop, StopMode, SymbolLock
from kt.rules.risk.stop_rules import in_force, stricter
from kt.store.connection import DatabaseFile
from kt.store.journal_part import HasNow, JournalPart
from kt.store.rows import from_row, insert_sql, time_text, to_row, update_all
from kt.store.stop_flag import keep_room, read_flag, write_flag
from kt.store.writer import RowWriter


class StopRows(JournalPart):
    """Implements ports.Stops."""

    def __init__(
        self,
        file: DatabaseFile,
        writer: RowWriter,
        clock: HasNow,
        secrets: tuple[str, ...],
        halt_flag: Path,
    ) -> None:
        super().__init__(file, writer, clock, secrets)
        self._halt_flag = halt_flag
        keep_room(halt_flag)

    def stop(self) -> Stop:
        """The stricter of row and flag file.

        A stop whose `until` has passed is over: it is returned only if no other stop is set, so
        that `steps/risk/stops.py` can lift it and report it. When the row cannot be read, a
        HALT flag is returned; without one, raises JournalError.
        """
        now = self._clock.now()
        today = now.astimezone(KST).date()
        flag = read_flag(self._halt_flag, now)
        try:
            rows = self._file.read("SELECT * FROM halts ORDER BY seq DESC LIMIT 1")
        except JournalError:
            if flag is not None and flag.mode is StopMode.HALT and in_force(flag, today):
                return flag
            raise
        row = stop_of(rows[0]) if rows else Stop(mode=StopMode.RUNNING, reason="", by="", at=now)
        if flag is None:
            return row
        holding = [stop for stop in (row, flag) if in_force(stop, today)]
        return stricter(*holding) if len(holding) == 2 else (*holding, row)[0]

    def set_stop(self, stop: Stop) -> None:
        write_flag(self._halt_flag, stop)
        row = {
            "mode": stop.mode.value,
            "reason": self._mask(stop.reason),
            "set_by": stop.by,
            "at": time_text(stop.at),
            "until": stop.until.isoformat() if stop.until else None,
        }
        with self._file.write() as connection:
            connection.execute(insert_sql("halts", row), row)

    def lock_symbol(self, lock: SymbolLock) -> None:
        """Lock a stock; an existing lock that lasts longer stays, unless it is the same order's."""
        row = to_row(lock)
        longer = (
            "WHERE order_id = excluded.order_id OR until IS NOT NULL"
            " AND (excluded.until IS NULL OR excluded.until >= until)"
        )
        sql = insert_sql("locks", row, then=f"{update_all(row, 'stock_code')} {longer}")
        with self._file.write() as connection:
            connection.execute(sql, row)

    def unlock_symbol(self, stock_code: str) -> None:
        with self._file.write() as connection:
            connection.execute("DELETE FROM locks WHERE stock_code = ?", (stock_code,))

    def locks(self) -> tuple[SymbolLock, ...]:
        """The locks that hold now, oldest first."""
        sql = "SELECT * FROM locks WHERE until IS NULL OR until > ? ORDER BY at, stock_code"
        rows = self._file.read(sql, (time_text(self._clock.now()),))
        return tuple(from_row(row, SymbolLock) for row in rows)


def stop_of(row: dict[str, object]) -> Stop:
    """The stop of a row of `halts`."""
    return from_row({**row, "by": row["set_by"]}, Stop)
