"""Where pandas and numpy are installed, the journal is written without importing them."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kt.store.light_sqlite_utils import Without

ROOT = Path(__file__).resolve().parents[2]
WRITES = """
import sys
from contextlib import closing
from pathlib import Path
from tests.store.make import open_journal

with closing(open_journal(Path(sys.argv[1]))):
    pass
assert "sqlite_utils" in sys.modules
assert not {"pandas", "numpy"} & set(sys.modules)
import numpy, pandas
assert numpy.FAKE and pandas.FAKE
"""


def test_a_journal_is_made_without_them_and_they_can_be_imported_afterwards(
    tmp_path: Path,
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in ("pandas", "numpy"):
        (packages / f"{name}.py").write_text("FAKE = True")
    path = os.pathsep.join((str(packages), str(ROOT)))
    ran = subprocess.run(
        [sys.executable, "-c", WRITES, str(tmp_path / "state")],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_another_thread_can_import_them_at_the_same_time() -> None:
    without = Without()
    with pytest.raises(ImportError):
        without.find_spec("pandas")
    without.find_spec("sqlite3")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(without.find_spec, "pandas").result()
