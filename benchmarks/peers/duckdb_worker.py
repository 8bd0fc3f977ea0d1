"""DuckDB as a worker process of the benchmarks: one JSON object a line in, one out.

Requests (the key "do" says what):
  {"do": "open", "database": PATH | null, "threads": N}   -> {"version": "..."}
  {"do": "run", "sql": "...", "rows": true | false}       -> {"seconds": S, "rows": [[cell, ...], ...] | null}
  {"do": "memory"}                                        -> {"peak_rss_bytes": N | null}
  {"do": "close"}                                         -> {"seconds": S}

Every failure is answered with {"error": "..."}. The clock runs around execute and fetchall and nothing else.
A cell is null or a pair of its kind and its value as text: b(oolean), i(nteger), d(ecimal), f(loat), t(ext; dates and times as ISO 8601).
"""

import datetime
import decimal
import json
import sys
import time

import duckdb


def cell(value):
    if value is None:
        return None
    if isinstance(value, bool):
        return ["b", "true" if value else "false"]
    if isinstance(value, int):
        return ["i", str(value)]
    if isinstance(value, decimal.Decimal):
        return ["d", format(value, "f")]
    if isinstance(value, float):
        return ["f", repr(value)]
    if isinstance(value, str):
        return ["t", value]
    if isinstance(value, (datetime.date, datetime.time, datetime.datetime)):
        return ["t", value.isoformat()]
    raise TypeError(f"the worker cannot pass on a value of type {type(value).__name__}")


def peak_rss_bytes():
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


class Worker:
    def __init__(self):
        self.connection = None

    def open(self, request):
        database = request["database"] or ":memory:"
        self.connection = duckdb.connect(database, config={"threads": request["threads"]})
        self.connection.execute("SET enable_progress_bar = false")
        return {"version": duckdb.__version__}

    def run(self, request):
        start = time.perf_counter()
        rows = self.connection.execute(request["sql"]).fetchall()
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "rows": [[cell(value) for value in row] for row in rows] if request["rows"] else None}

    def memory(self, _request):
        return {"peak_rss_bytes": peak_rss_bytes()}

    def close(self, _request):
        start = time.perf_counter()
        if self.connection is not None:
            self.connection.close()
        self.connection = None
        return {"seconds": time.perf_counter() - start}


def main():
    worker = Worker()
    handlers = {"open": worker.open, "run": worker.run, "memory": worker.memory, "close": worker.close}
    for line in sys.stdin:
        try:
            request = json.loads(line)
            answer = handlers[request["do"]](request)
        except Exception as error:  # Whatever went wrong is the caller's to report.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
