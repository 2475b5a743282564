-- Decisions are judged once, later. A mark on those that were keeps the others quick to find when
-- years of them have come together.

ALTER TABLE decisions ADD COLUMN judged INTEGER NOT NULL DEFAULT 0;

UPDATE decisions SET judged = 1 WHERE decision_id IN (SELECT decision_id FROM outcomes);

CREATE INDEX decisions_open ON decisions (decided_at) WHERE judged = 0;

CREATE TRIGGER outcomes_judged AFTER INSERT ON outcomes
BEGIN UPDATE decisions SET judged = 1 WHERE decision_id = new.decision_id; END;
