-- What people ask first. Views hold no data: they are made anew at every change of the schema.

DROP VIEW IF EXISTS trades;
CREATE VIEW trades AS
SELECT t.day, t.stock_code, t.stock_name, t.quantity, t.buy_price, t.sell_price, t.fee, t.tax,
       t.profit, t.profit_pct, t.opened_at, t.closed_at, t.origin, t.order_id, o.ord_no,
       o.run, t.decision_id, d.action AS decision, d.confidence, d.analyst, d.model,
       coalesce(nullif(d.reason, ''), o.reason, '') AS reason
FROM closed_trades AS t
LEFT JOIN orders AS o ON o.order_id = t.order_id
LEFT JOIN decisions AS d ON d.decision_id = t.decision_id;

DROP VIEW IF EXISTS days;
CREATE VIEW days AS
SELECT day, realised, unrealised, realised + unrealised AS total, fees, taxes, trades, wins,
       CASE WHEN trades > 0 THEN round(100.0 * wins / trades, 1) END AS wins_pct,
       bought, sold, at
FROM pnl_daily;

DROP VIEW IF EXISTS decision_outcomes;
CREATE VIEW decision_outcomes AS
SELECT d.decision_id, d.run, d.decided_at, d.action, d.stock_code, d.stock_name, d.confidence,
       min(cast(d.confidence * 10 AS INTEGER), 9) / 10.0 AS confidence_from,
       d.risk_level, d.analyst, d.model, d.reason, x.horizon_minutes, x.price_then,
       x.price_later, x.return_pct, x.hit
FROM decisions AS d
LEFT JOIN outcomes AS x ON x.decision_id = d.decision_id;
