"""Serves one release of a Haute pricing pipeline: one scoring path for proof, service and batch.

Polars reads its settings when it is first imported, so they are fixed here, before any other module of this package imports it:
the in-memory engine keeps row order and costs a tenth of the streaming one on small frames, and one thread is enough for frames
of the sizes a quote service sees.
"""

import os

os.environ["POLARS_ENGINE_AFFINITY"] = "in-memory"
os.environ.setdefault("POLARS_MAX_THREADS", "1")
