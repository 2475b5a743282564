"""The trading day: one decision thread, its event queue, its timers and its workers.

It calls steps and rules. No adapter may enter, nor anything that prints or reads arguments.
"""
