-- The cash as the broker told it last, and what the fills had moved by then: one row.

CREATE TABLE cash_note (
    seq INTEGER PRIMARY KEY CHECK (seq = 1),
    cash INTEGER NOT NULL,             -- after settlement of all trades, in won
    won INTEGER NOT NULL,              -- what all fills had moved, after fees and tax
    fills INTEGER NOT NULL,            -- how many they were
    outside INTEGER NOT NULL,          -- of these, bookings of trades that kt did not make
    at TEXT NOT NULL
);
