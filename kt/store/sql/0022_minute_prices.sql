-- Prices of the stocks that are held or were traded that day, minute by minute, for the charts of
-- `kt report --html`: what kt saw anyway, no broker call is made for them.
CREATE TABLE minute_prices (
    seq INTEGER PRIMARY KEY,
    stock_code TEXT NOT NULL,
    at TEXT NOT NULL,                  -- the start of the minute
    price INTEGER NOT NULL,            -- won: the last one that kt saw in that minute
    UNIQUE (stock_code, at)
);
