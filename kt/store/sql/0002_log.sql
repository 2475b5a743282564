-- One line for everything that happened, in the order it was written: `seq` only grows, `kind`
-- names the source, `ref` is that row's own `seq`. Rows of before are put in their order of time.

CREATE TABLE log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    ref INTEGER NOT NULL
);

INSERT INTO log (kind, ref)
SELECT kind, ref FROM (
    SELECT 'run' AS kind, seq AS ref, started_at AS at FROM runs
    UNION ALL SELECT 'step', seq, started_at FROM steps
    UNION ALL SELECT 'api_call', seq, started_at FROM api_calls
    UNION ALL SELECT 'scan', seq, at FROM scans
    UNION ALL SELECT 'answer', seq, asked_at FROM ai_calls
    UNION ALL SELECT 'decision', seq, decided_at FROM decisions
    UNION ALL SELECT 'check', seq, checked_at FROM checks
    UNION ALL SELECT 'order', seq, at FROM order_events
    UNION ALL SELECT 'fill', seq, at FROM fills
    UNION ALL SELECT 'exit', seq, at FROM exits
    UNION ALL SELECT 'trade', seq, closed_at FROM closed_trades
    UNION ALL SELECT 'stop', seq, at FROM halts
    UNION ALL SELECT 'error', seq, at FROM errors
    UNION ALL SELECT 'notice', seq, at FROM notices
) ORDER BY at, kind, ref;

CREATE TRIGGER log_run AFTER INSERT ON runs
BEGIN INSERT INTO log (kind, ref) VALUES ('run', new.seq); END;
CREATE TRIGGER log_step AFTER INSERT ON steps
BEGIN INSERT INTO log (kind, ref) VALUES ('step', new.seq); END;
CREATE TRIGGER log_api_call AFTER INSERT ON api_calls
BEGIN INSERT INTO log (kind, ref) VALUES ('api_call', new.seq); END;
CREATE TRIGGER log_scan AFTER INSERT ON scans
BEGIN INSERT INTO log (kind, ref) VALUES ('scan', new.seq); END;
CREATE TRIGGER log_answer AFTER INSERT ON ai_calls
BEGIN INSERT INTO log (kind, ref) VALUES ('answer', new.seq); END;
CREATE TRIGGER log_decision AFTER INSERT ON decisions
BEGIN INSERT INTO log (kind, ref) VALUES ('decision', new.seq); END;
CREATE TRIGGER log_check AFTER INSERT ON checks
BEGIN INSERT INTO log (kind, ref) VALUES ('check', new.seq); END;
CREATE TRIGGER log_order AFTER INSERT ON order_events
BEGIN INSERT INTO log (kind, ref) VALUES ('order', new.seq); END;
CREATE TRIGGER log_fill AFTER INSERT ON fills
BEGIN INSERT INTO log (kind, ref) VALUES ('fill', new.seq); END;
CREATE TRIGGER log_exit AFTER INSERT ON exits
BEGIN INSERT INTO log (kind, ref) VALUES ('exit', new.seq); END;
CREATE TRIGGER log_trade AFTER INSERT ON closed_trades
BEGIN INSERT INTO log (kind, ref) VALUES ('trade', new.seq); END;
CREATE TRIGGER log_stop AFTER INSERT ON halts
BEGIN INSERT INTO log (kind, ref) VALUES ('stop', new.seq); END;
CREATE TRIGGER log_error AFTER INSERT ON errors
BEGIN INSERT INTO log (kind, ref) VALUES ('error', new.seq); END;
CREATE TRIGGER log_notice AFTER INSERT ON notices
BEGIN INSERT INTO log (kind, ref) VALUES ('notice', new.seq); END;
