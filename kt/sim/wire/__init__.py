"""The broker's wire format, written from its documents and recordings: records to fields."""
