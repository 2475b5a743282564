"""The trading day: one decision thread, its queue, its timers and its locks."""
