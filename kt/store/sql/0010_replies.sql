-- A reply is kept once, packed (zlib): the sqlite3 shell shows it with
-- sqlar_uncompress(raw_zlib, raw_length). Its objects are read from it again when they are
-- wanted; `objects_json` has those of an analyst that answers without words.
ALTER TABLE ai_calls ADD COLUMN raw_zlib BLOB NOT NULL DEFAULT x'';
ALTER TABLE ai_calls ADD COLUMN raw_length INTEGER NOT NULL DEFAULT 0;
UPDATE ai_calls SET raw_zlib = packed(raw), raw_length = length(CAST(raw AS BLOB)),
    objects_json = '[]' WHERE raw <> '';
ALTER TABLE ai_calls DROP COLUMN raw;
