-- What leaving a position needs to know after a restart.

-- `concerns`: whose trouble a refusal is; `not_enough`: the broker had fewer shares free.
ALTER TABLE orders ADD COLUMN concerns TEXT;
ALTER TABLE orders ADD COLUMN not_enough INTEGER NOT NULL DEFAULT 0;
ALTER TABLE order_events ADD COLUMN concerns TEXT;
ALTER TABLE order_events ADD COLUMN not_enough INTEGER NOT NULL DEFAULT 0;

ALTER TABLE positions ADD COLUMN peak_price INTEGER NOT NULL DEFAULT 0;
ALTER TABLE positions ADD COLUMN trailing INTEGER NOT NULL DEFAULT 0;

ALTER TABLE checks ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE checks ADD COLUMN reason TEXT NOT NULL DEFAULT '';

CREATE TABLE doubts (                  -- holdings that differ from the books and are not believed yet
    seq INTEGER PRIMARY KEY,
    stock_code TEXT NOT NULL UNIQUE,
    stock_name TEXT NOT NULL,
    ours INTEGER NOT NULL,
    brokers INTEGER NOT NULL,
    since TEXT NOT NULL,               -- when these two numbers were seen first
    seen TEXT NOT NULL,                -- and last
    looks INTEGER NOT NULL
);
