-- What was answered to the questions of the trading day (plan, profit, unfilled, closing, lesson):
-- one row for each subject, also where nobody answered and the configured choice holds.
CREATE TABLE advice (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    at TEXT NOT NULL,
    topic TEXT NOT NULL,
    ref TEXT NOT NULL,                 -- stock code, order number, today, tomorrow or lesson
    stock_code TEXT NOT NULL,
    stock_name TEXT NOT NULL,
    choice TEXT NOT NULL,              -- SELL, HOLD, AMEND, CANCEL, KEEP, WATCH, SKIP, TRADE, …
    price INTEGER NOT NULL,            -- won: AMEND to this limit, WATCH up to this price
    asked_price INTEGER NOT NULL,      -- won: the price when it was asked
    reason TEXT NOT NULL,
    analyst TEXT NOT NULL,
    model TEXT NOT NULL,
    provenance TEXT NOT NULL,          -- own, repaired, fallback or none (silence)
    fault TEXT NOT NULL,               -- why the configured analyst has no answer of its own
    key TEXT NOT NULL                  -- that of the question and its answer in ai_calls
);
CREATE INDEX advice_topic ON advice (topic, at);

CREATE TRIGGER log_advice AFTER INSERT ON advice
BEGIN INSERT INTO log (kind, ref) VALUES ('advice', new.seq); END;
