-- What a scan looked at, what it left out (stocks by reason) and what it lacked (errors by source
-- or part); how much of a candidate's score had data, and the analyst's odds of a rise.
ALTER TABLE scans ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE scans ADD COLUMN excluded_json TEXT NOT NULL DEFAULT '{}';
ALTER TABLE scans ADD COLUMN missing_json TEXT NOT NULL DEFAULT '{}';
ALTER TABLE scans ADD COLUMN coverage_pct REAL NOT NULL DEFAULT 100;
ALTER TABLE candidates ADD COLUMN coverage_pct REAL NOT NULL DEFAULT 100;
ALTER TABLE candidates ADD COLUMN odds_pct REAL;
ALTER TABLE candidates ADD COLUMN risk TEXT NOT NULL DEFAULT '';

-- How the members of a panel voted, dissent included. Rows of `decisions` whose provenance is
-- 'shadow' are the shadow analyst's: scored, never ordered.
ALTER TABLE decisions ADD COLUMN votes_json TEXT NOT NULL DEFAULT '[]';
ALTER TABLE ai_calls ADD COLUMN votes_json TEXT NOT NULL DEFAULT '{}';
