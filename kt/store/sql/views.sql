-- What people ask first. Views hold no data: they are made anew at every change of the schema.

DROP VIEW IF EXISTS sales;
CREATE VIEW sales AS                   -- each execution of a sale: the parts of `trades`
SELECT t.seq, t.day, t.stock_code, t.stock_name, t.quantity, t.buy_price, t.sell_price, t.bought,
       t.profit + t.fee + t.tax + t.buy_fee AS gross, t.buy_fee, t.fee, t.tax,
       t.profit, t.profit_pct,
       min(t.opened_at) OVER (PARTITION BY t.order_id) AS opened_at, t.closed_at, t.origin, t.order_id, o.ord_no,
       o.run, t.decision_id, d.action AS decision, d.confidence, d.analyst, d.model,
       coalesce(nullif(d.reason, ''), o.reason, '') AS reason
FROM closed_trades AS t
LEFT JOIN orders AS o ON o.order_id = t.order_id
LEFT JOIN decisions AS d ON d.decision_id = t.decision_id;

DROP VIEW IF EXISTS trades;
CREATE VIEW trades AS                  -- one trade: a position from its first share to its last
SELECT l.day, g.stock_code, l.stock_name, g.quantity, g.parts,
       1.0 * g.bought / nullif(g.quantity, 0) AS buy_price,
       1.0 * (g.bought + g.gross) / nullif(g.quantity, 0) AS sell_price,
       g.bought, g.bought + g.gross AS sold, g.gross, g.buy_fee + g.fee AS fee, g.tax, g.profit,
       round(100.0 * g.profit / nullif(g.bought + g.buy_fee, 0), 2) AS profit_pct,
       g.opened_at, l.closed_at, p.stock_code IS NOT NULL AS open,
       l.origin, l.order_id, l.ord_no, l.run, l.decision_id, l.decision, l.confidence, l.analyst,
       l.model, l.reason               -- of the last sale
FROM (
    SELECT stock_code, opened_at, max(seq) AS last, count(*) AS parts, sum(quantity) AS quantity,
           sum(bought) AS bought, sum(gross) AS gross, sum(buy_fee) AS buy_fee, sum(fee) AS fee,
           sum(tax) AS tax, sum(profit) AS profit
    FROM sales GROUP BY stock_code, opened_at
) AS g
JOIN sales AS l ON l.seq = g.last
LEFT JOIN positions AS p ON p.stock_code = g.stock_code AND p.opened_at = g.opened_at;

DROP VIEW IF EXISTS days;
CREATE VIEW days AS
SELECT day, realised, unrealised, realised + unrealised AS total, fees, taxes, trades, wins,
       CASE WHEN trades > 0 THEN round(100.0 * wins / trades, 1) END AS wins_pct,
       bought, sold, at, gross, invested, invested_pct, gross_pct, equity, moved, equity_pct,
       equity_gross_pct, index_pct
FROM pnl_daily;

DROP VIEW IF EXISTS decision_outcomes;
CREATE VIEW decision_outcomes AS
SELECT d.decision_id, d.run, d.decided_at, d.action, d.stock_code, d.stock_name, d.confidence,
       min(cast(d.confidence * 10 AS INTEGER), 9) / 10.0 AS confidence_from,
       d.risk_level, d.analyst || iif(d.provenance = 'shadow', ' (shadow)', '') AS analyst,
       d.model, d.prompt_version, d.provenance, d.held, d.reason,
       x.entry, x.horizon_minutes, x.horizon_at, x.price_then, x.entry_price, x.price_later,
       x.return_pct, x.edge_pct, x.hit, x.buy_hold_pct, x.rules_action, x.rules_pct, x.rules_hit,
       d.provenance IN ('own', 'repaired', 'shadow') AND x.entry IN ('none', 'filled') AS counts
FROM decisions AS d
LEFT JOIN outcomes AS x ON x.decision_id = d.decision_id;
