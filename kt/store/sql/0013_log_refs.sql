-- Where a row of `log` is found by what it is about, when that is pruned.
CREATE INDEX log_refs ON log (kind, ref);
