-- What the account is worth, minute by minute, and what each day gained in percent.

CREATE TABLE equity (
    seq INTEGER PRIMARY KEY,
    at TEXT NOT NULL UNIQUE,           -- the start of the minute; the row is its last look
    cash INTEGER NOT NULL,             -- after settlement of all trades
    value INTEGER NOT NULL,            -- of the shares at their last prices
    equity INTEGER NOT NULL,           -- both together
    moved INTEGER NOT NULL             -- what came less what went without a trade, since the first note
);

-- What came less what went without a trade of kt's: deposits, withdrawals, dividends.
ALTER TABLE cash_note ADD COLUMN moved INTEGER NOT NULL DEFAULT 0;

-- `gross`: before all costs; `invested`: paid for what is held and what was sold. Percent of that,
-- and of the equity with which the day began. Empty: not known.
ALTER TABLE pnl_daily ADD COLUMN gross INTEGER;
ALTER TABLE pnl_daily ADD COLUMN invested INTEGER;
ALTER TABLE pnl_daily ADD COLUMN invested_pct REAL;
ALTER TABLE pnl_daily ADD COLUMN gross_pct REAL;
ALTER TABLE pnl_daily ADD COLUMN equity INTEGER;
ALTER TABLE pnl_daily ADD COLUMN moved INTEGER;
ALTER TABLE pnl_daily ADD COLUMN equity_pct REAL;
ALTER TABLE pnl_daily ADD COLUMN equity_gross_pct REAL;
ALTER TABLE pnl_daily ADD COLUMN index_pct REAL;

CREATE TABLE reports (                 -- what `kt report DAY` shows, as it was at the settlement
    seq INTEGER PRIMARY KEY,
    day TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL,
    report_json TEXT NOT NULL
);
