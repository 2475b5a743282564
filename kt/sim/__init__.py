"""The embedded exchange: at this level, what other processes use to start, find and control it;
what runs inside its process is in `server`, `exchange`, `market` and `wire`."""
