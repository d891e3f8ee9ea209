"""Serves one release of a Haute pricing pipeline: one scoring path for proof, service and batch.

Polars reads its settings when it is first imported, so they are fixed here, before any other module of this package imports it. The
in-memory engine keeps row order and costs a tenth of the streaming one on small frames. Haute collects frames from within Polars'
threads, once more for each rating table that checks for misses; with fewer threads than that it waits for itself for ever.
"""

import os

os.environ["POLARS_ENGINE_AFFINITY"] = "in-memory"
os.environ.setdefault("POLARS_MAX_THREADS", str(max(16, os.cpu_count() or 16)))
