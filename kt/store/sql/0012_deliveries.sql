-- What became of the owner's notices: one row a channel, or one row without a channel for a notice
-- that was kept back.
CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    channel TEXT NOT NULL,             -- command, webhook or apprise, with a name; empty: none
    outcome TEXT NOT NULL,             -- sent, failed, grouped, quiet or dropped
    level TEXT NOT NULL,
    title TEXT NOT NULL,
    detail TEXT NOT NULL,              -- why it did not leave
    at TEXT NOT NULL                   -- the time of the notice
);
CREATE INDEX deliveries_at ON deliveries (at);

CREATE TRIGGER log_delivery AFTER INSERT ON deliveries
BEGIN INSERT INTO log (kind, ref) VALUES ('delivery', new.seq); END;
