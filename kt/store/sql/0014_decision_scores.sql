-- What judging a decision needs to know, and how it turned out. Outcomes of before were judged from
-- the reference price, and a HOLD of a held stock the wrong way round: they go, and the decisions
-- of the last week are judged anew.

-- `held`: shares held when it was decided; `question_key`, `answer_key`: `key` of the ai_calls with
-- the market data, and with the answer it was read from.
ALTER TABLE decisions ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE decisions ADD COLUMN question_key TEXT NOT NULL DEFAULT '';
ALTER TABLE decisions ADD COLUMN answer_key TEXT NOT NULL DEFAULT '';

UPDATE decisions SET held = coalesce((
    SELECT sum(quantity) FROM (
        SELECT quantity FROM positions AS p
        WHERE p.stock_code = decisions.stock_code AND p.opened_at <= decisions.decided_at
        UNION ALL
        SELECT quantity FROM closed_trades AS t
        WHERE t.stock_code = decisions.stock_code AND t.opened_at <= decisions.decided_at
              AND t.closed_at > decisions.decided_at
    )
), 0);

DROP TABLE outcomes;
CREATE TABLE outcomes (                -- read it through the view `decision_outcomes`
    seq INTEGER PRIMARY KEY,
    decision_id TEXT NOT NULL UNIQUE,
    stock_code TEXT NOT NULL,
    action TEXT NOT NULL,
    confidence REAL NOT NULL,
    analyst TEXT NOT NULL,
    model TEXT NOT NULL,               -- the one that answered
    prompt_version TEXT NOT NULL,
    provenance TEXT NOT NULL,          -- own, repaired or fallback
    decided_at TEXT NOT NULL,
    horizon_minutes INTEGER NOT NULL,
    horizon_at TEXT NOT NULL,          -- its end, or that day's close
    held INTEGER NOT NULL,             -- shares when it was decided
    entry TEXT NOT NULL,               -- none (HOLD), filled, unfilled, denied or not_ordered
    price_then INTEGER NOT NULL,       -- what the analyst saw
    entry_price REAL NOT NULL,         -- judged from: the average fill, or price_then
    price_later INTEGER NOT NULL,      -- at horizon_at
    return_pct REAL NOT NULL,          -- earned after costs, in percent of entry_price
    edge_pct REAL NOT NULL,            -- more than not doing it
    hit INTEGER NOT NULL,              -- doing it was better
    buy_hold_pct REAL NOT NULL,        -- holding the stock to horizon_at
    rules_action TEXT NOT NULL,        -- of the rules analyst on the same data; empty: not known
    rules_pct REAL,
    rules_hit INTEGER
);
CREATE INDEX outcomes_decided ON outcomes (decided_at);

CREATE TRIGGER outcomes_judged AFTER INSERT ON outcomes
BEGIN UPDATE decisions SET judged = 1 WHERE decision_id = new.decision_id; END;

UPDATE decisions SET judged = 0 WHERE action <> 'ABSTAIN';
