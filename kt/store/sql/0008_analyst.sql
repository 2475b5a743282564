-- Whose a decision is, and how its answer came about. What no analyst answered was kept as HOLD
-- before: it is ABSTAIN, and was never worth anything as an opinion.

-- `provenance`: own, repaired, fallback or none; `repairs`: what was put right in the answer's
-- form; `data_at`: the newest time in the data it rests on.
ALTER TABLE decisions ADD COLUMN provenance TEXT NOT NULL DEFAULT 'own';
ALTER TABLE decisions ADD COLUMN repairs_json TEXT NOT NULL DEFAULT '[]';
ALTER TABLE decisions ADD COLUMN data_at TEXT;
ALTER TABLE decisions ADD COLUMN prompt_version TEXT NOT NULL DEFAULT '';

UPDATE decisions SET action = 'ABSTAIN', provenance = 'none', judged = 1
WHERE faults_json <> '[]';

DELETE FROM outcomes WHERE decision_id IN (
    SELECT decision_id FROM decisions WHERE action = 'ABSTAIN'
);

-- `notes`: what was peeled off a reply; `attempts`: requests sent; `asked_model`: the model that
-- was asked, where `model` is the one that answered.
ALTER TABLE ai_calls ADD COLUMN notes_json TEXT NOT NULL DEFAULT '[]';
ALTER TABLE ai_calls ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1;
ALTER TABLE ai_calls ADD COLUMN asked_model TEXT NOT NULL DEFAULT '';
ALTER TABLE ai_calls ADD COLUMN prompt_version TEXT NOT NULL DEFAULT '';
CREATE INDEX ai_calls_asked ON ai_calls (asked_at);
