-- Everything a person asks is a column. Money is won, quantities are shares, rates are percent
-- (the unit is in the name), times are ISO 8601 in Korean time (+09:00), days are YYYY-MM-DD,
-- booleans are 0 and 1. A column that ends in `_json` holds a list or an object as JSON text.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE runs (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL UNIQUE,          -- sorts by time
    command TEXT NOT NULL,
    version TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,                  -- empty: still running, or killed
    outcome TEXT,
    exit_code INTEGER
);

CREATE TABLE steps (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    name TEXT NOT NULL,
    started_at TEXT NOT NULL,
    seconds REAL NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX steps_run ON steps (run);

CREATE TABLE api_calls (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    api_id TEXT NOT NULL,
    started_at TEXT NOT NULL,
    milliseconds INTEGER NOT NULL,
    http_status INTEGER NOT NULL,      -- 0: no answer came
    return_code TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX api_calls_run ON api_calls (run);

CREATE TABLE scans (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    stage TEXT NOT NULL,               -- fast, deep or ai
    at TEXT NOT NULL,
    found INTEGER NOT NULL             -- how many candidates it kept
);
CREATE INDEX scans_run ON scans (run);

CREATE TABLE candidates (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    stage TEXT NOT NULL,
    at TEXT NOT NULL,                  -- the time of its scan
    rank INTEGER NOT NULL,             -- 1 is the best
    stock_code TEXT NOT NULL,
    stock_name TEXT NOT NULL,
    price INTEGER NOT NULL,
    change_pct REAL NOT NULL,
    volume INTEGER NOT NULL,
    value INTEGER NOT NULL,
    score REAL NOT NULL,               -- 0..100
    surge_pct REAL,
    strength REAL,                     -- 100 is even
    book_ratio REAL,                   -- bid over ask quantity
    foreign_net INTEGER,
    institution_net INTEGER,
    broker_net INTEGER,
    rankings_json TEXT NOT NULL,
    reasons_json TEXT NOT NULL
);
CREATE INDEX candidates_run ON candidates (run, stage);
CREATE INDEX candidates_stock ON candidates (stock_code);

CREATE TABLE ai_calls (
    seq INTEGER PRIMARY KEY,
    key TEXT NOT NULL,                 -- the hash of all of the input
    run TEXT NOT NULL,
    purpose TEXT NOT NULL,             -- decide or shortlist
    analyst TEXT NOT NULL,
    model TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    data_at TEXT NOT NULL,             -- the newest data time in the input
    latency_ms INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    cost_usd REAL NOT NULL,
    error TEXT NOT NULL,               -- empty: an answer came
    objects_json TEXT NOT NULL,
    parameters_json TEXT NOT NULL,
    prompt TEXT NOT NULL,
    raw TEXT NOT NULL
);
CREATE INDEX ai_calls_key ON ai_calls (key);

CREATE TABLE decisions (
    seq INTEGER PRIMARY KEY,
    decision_id TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL,
    action TEXT NOT NULL,              -- BUY, SELL or HOLD
    stock_code TEXT NOT NULL,
    stock_name TEXT NOT NULL,
    quantity INTEGER NOT NULL,         -- the analyst's upper bound
    price INTEGER NOT NULL,
    reason TEXT NOT NULL,
    confidence REAL NOT NULL,
    risk_level TEXT NOT NULL,
    analyst TEXT NOT NULL,
    model TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    reference_price INTEGER NOT NULL,
    faults_json TEXT NOT NULL          -- why the analyst's answer became HOLD
);
CREATE INDEX decisions_run ON decisions (run);
CREATE INDEX decisions_stock ON decisions (stock_code);

CREATE TABLE checks (
    seq INTEGER PRIMARY KEY,
    check_id TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    stock_code TEXT NOT NULL,
    stock_name TEXT NOT NULL,
    action TEXT NOT NULL,
    passed INTEGER NOT NULL,
    denied_by TEXT NOT NULL,           -- the codes that said no, with blanks between them
    side TEXT,
    quantity INTEGER NOT NULL,         -- kt's own size
    price INTEGER NOT NULL,            -- 0: a market order
    order_type TEXT NOT NULL,
    checked_at TEXT NOT NULL
);
CREATE INDEX checks_decision ON checks (decision_id);

CREATE TABLE check_results (
    seq INTEGER PRIMARY KEY,
    check_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    code TEXT NOT NULL,
    passed INTEGER NOT NULL,
    detail TEXT NOT NULL,              -- the arithmetic
    UNIQUE (check_id, position)
);

CREATE TABLE orders (
    seq INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL UNIQUE,
    day TEXT NOT NULL,
    run TEXT NOT NULL,
    side TEXT NOT NULL,
    stock_code TEXT NOT NULL,
    stock_name TEXT NOT NULL,
    order_type TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    price INTEGER NOT NULL,            -- as it stands after amends; 0: a market order
    planned_price INTEGER NOT NULL,
    state TEXT NOT NULL,
    origin TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    ord_no TEXT NOT NULL,              -- the broker's newest number
    noted_ord_no TEXT NOT NULL,        -- the highest number seen before sending
    filled_quantity INTEGER NOT NULL,
    filled_value INTEGER NOT NULL,     -- the sum of price x quantity of the fills
    cancelled_quantity INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    reason TEXT NOT NULL,
    ord_nos_json TEXT NOT NULL         -- the chain of the broker's numbers, newest last
);
CREATE INDEX orders_day ON orders (day);
CREATE INDEX orders_stock ON orders (stock_code, side, state);
CREATE INDEX orders_state ON orders (state);
CREATE UNIQUE INDEX orders_client ON orders (client_id) WHERE client_id <> '';

CREATE TABLE order_events (
    seq INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    at TEXT NOT NULL,
    ord_no TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    price INTEGER NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    evidence TEXT NOT NULL,
    refused TEXT NOT NULL,             -- why the event changed nothing; empty: it counted
    fill_json TEXT                     -- the fill as it was reported; what counts is in `fills`
);
CREATE INDEX order_events_order ON order_events (order_id);

CREATE TABLE fills (
    seq INTEGER PRIMARY KEY,
    fill_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    day TEXT NOT NULL,
    ord_no TEXT NOT NULL,
    stock_code TEXT NOT NULL,
    stock_name TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    price INTEGER NOT NULL,
    at TEXT NOT NULL,
    from_quantity INTEGER NOT NULL,    -- the stretch of the order's shares it covers
    to_quantity INTEGER NOT NULL,
    fee INTEGER NOT NULL,
    tax INTEGER NOT NULL,
    exec_no TEXT NOT NULL,
    source TEXT NOT NULL,              -- stream or rest
    UNIQUE (fill_id, from_quantity)    -- one that was told in part before is cut around that part
);
CREATE INDEX fills_order ON fills (order_id);
CREATE INDEX fills_day ON fills (day);

CREATE TABLE positions (               -- what is held now; what was held is in `trades`
    seq INTEGER PRIMARY KEY,
    stock_code TEXT NOT NULL UNIQUE,
    stock_name TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    average_price INTEGER NOT NULL,
    cost INTEGER NOT NULL,             -- with the buy fee
    opened_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    stop_price INTEGER NOT NULL,
    target_price INTEGER NOT NULL,
    sellable INTEGER NOT NULL,
    price INTEGER NOT NULL,
    value INTEGER NOT NULL,
    profit INTEGER NOT NULL,           -- net of fees and tax, at `price`
    profit_pct REAL NOT NULL,
    source TEXT NOT NULL               -- kt or external
);

CREATE TABLE exits (                   -- stop-loss and take-profit as they were set and moved
    seq INTEGER PRIMARY KEY,
    stock_code TEXT NOT NULL,
    stock_name TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    average_price INTEGER NOT NULL,
    stop_price INTEGER NOT NULL,
    target_price INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at TEXT NOT NULL
);

CREATE TABLE closed_trades (           -- read it through the view `trades`
    seq INTEGER PRIMARY KEY,
    day TEXT NOT NULL,
    stock_code TEXT NOT NULL,
    stock_name TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    buy_price REAL NOT NULL,
    sell_price REAL NOT NULL,
    fee INTEGER NOT NULL,
    tax INTEGER NOT NULL,
    profit INTEGER NOT NULL,           -- after all costs
    profit_pct REAL NOT NULL,
    opened_at TEXT NOT NULL,
    closed_at TEXT NOT NULL,
    order_id TEXT NOT NULL,            -- the sell order
    origin TEXT NOT NULL,
    decision_id TEXT NOT NULL
);
CREATE INDEX closed_trades_day ON closed_trades (day);

CREATE TABLE pnl_daily (               -- read it through the view `days`
    seq INTEGER PRIMARY KEY,
    day TEXT NOT NULL UNIQUE,
    realised INTEGER NOT NULL,
    unrealised INTEGER NOT NULL,
    fees INTEGER NOT NULL,
    taxes INTEGER NOT NULL,
    trades INTEGER NOT NULL,
    wins INTEGER NOT NULL,
    bought INTEGER NOT NULL,
    sold INTEGER NOT NULL,
    at TEXT NOT NULL
);

CREATE TABLE outcomes (                -- read it through the view `decision_outcomes`
    seq INTEGER PRIMARY KEY,
    decision_id TEXT NOT NULL UNIQUE,
    stock_code TEXT NOT NULL,
    action TEXT NOT NULL,
    confidence REAL NOT NULL,
    analyst TEXT NOT NULL,
    model TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    horizon_minutes INTEGER NOT NULL,
    price_then INTEGER NOT NULL,
    price_later INTEGER NOT NULL,
    return_pct REAL NOT NULL,          -- after costs
    hit INTEGER NOT NULL
);

CREATE TABLE halts (                   -- the newest row is in force, unless the flag file is stricter
    seq INTEGER PRIMARY KEY,
    mode TEXT NOT NULL,                -- running, reduce, flatten or halt
    reason TEXT NOT NULL,
    set_by TEXT NOT NULL,
    at TEXT NOT NULL,
    until TEXT                         -- the day on which it ends by itself
);

CREATE TABLE locks (                   -- stocks that take no new order
    seq INTEGER PRIMARY KEY,
    stock_code TEXT NOT NULL UNIQUE,
    reason TEXT NOT NULL,
    order_id TEXT NOT NULL,
    at TEXT NOT NULL,
    until TEXT                         -- empty: until a person resolves it
);

CREATE TABLE errors (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    kind TEXT NOT NULL,                -- network, auth, rate, order, fatal or wire
    place TEXT NOT NULL,
    message TEXT NOT NULL,
    at TEXT NOT NULL
);

CREATE TABLE notices (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    level TEXT NOT NULL,               -- info, warning or critical
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    at TEXT NOT NULL
);

CREATE TABLE heartbeats (              -- the last sign of life of each part of each run
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    what TEXT NOT NULL,
    at TEXT NOT NULL,
    beats INTEGER NOT NULL,
    UNIQUE (run, what)
);
