-- What a decision was asked about (a JournaledQuestion as JSON, packed as replies are), on the first
-- question of each analysis: `kt analyze --replay` asks it again.
ALTER TABLE ai_calls ADD COLUMN question_zlib BLOB NOT NULL DEFAULT x'';
