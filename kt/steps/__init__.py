"""The steps of the trading cycle, called by the commands and by the engine. The rooms import one
way (`ROOMS` in tests/test_walls.py); the files at this level are shared and import no room."""
