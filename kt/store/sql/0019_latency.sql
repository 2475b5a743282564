-- The times between the steps of an order (`kt latency`).

-- `tick_at`: when the tick that caused it was received; empty: none did.
ALTER TABLE orders ADD COLUMN tick_at TEXT;

-- `sent_at`: of an answer, when its request was sent; `kept_at`: when the row was written, where
-- `at` may be the broker's own time.
ALTER TABLE order_events ADD COLUMN sent_at TEXT;
ALTER TABLE order_events ADD COLUMN kept_at TEXT;
