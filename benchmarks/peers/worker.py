"""A peer as a worker process of the benchmarks: one JSON object a line in, one out.

Requests (the key "do" says what):
  {"do": "open", "engine": NAME, "storage": "parquet" | "memory" | "file" | "own", "tables": [{"name": N, "path": P}, ...],
   "scratch": FOLDER | null, "endpoint": URL | null, "threads": N}  -> {"version": "...", "seconds": S}
  {"do": "run", "sql": "...", "rows": true | false}                  -> {"seconds": S, "names": [NAME, ...], "rows": [[cell, ...], ...] | null}
  {"do": "memory"}                                                   -> {"peak_rss_bytes": N | null, "rss_bytes": N | null}
  {"do": "close"}                                                    -> {"seconds": S}

Every failure is answered with {"error": "..."}. The clock runs around having the engine run a query and having all its rows, and nothing else.
A cell is null or a pair of its kind and its value as text: b(oolean), i(nteger), d(ecimal), f(loat), t(ext; dates and times as ISO 8601 without zeros at the
end of a fraction, moments of time in UTC, bytes in hexadecimal digits, intervals as their microseconds, lists and the like as `nested` writes them).
An engine is a class with open, run (rows of Python values or cells), close, and names (of the last answer's columns) where it can tell them; its module is
imported when it is opened.
"""

import datetime
import decimal
import glob
import json
import os
import sys
import time
import uuid


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
    return ["t", text(value)]


def text(value):
    if isinstance(value, (datetime.date, datetime.time)):
        aware = isinstance(value, datetime.datetime) and value.tzinfo is not None
        written = (value.astimezone(datetime.timezone.utc).replace(tzinfo=None) if aware else value).isoformat()
        return (written.rstrip("0") if "." in written else written) + ("Z" if aware else "")
    if isinstance(value, datetime.timedelta):
        return f"interval {value // datetime.timedelta(microseconds=1)}"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, (list, tuple, dict)):
        return nested(value)
    raise TypeError(f"the worker cannot pass on a value of type {type(value).__name__}")


def nested(value):
    """A value inside another: JSON, but for numbers, of which all have ten digits, and keys of any type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, decimal.Decimal)):
        number = float(value)
        if number != number or number in (float("inf"), float("-inf")):
            return str(number)
        digits, exponent = f"{number:.9e}".split("e")
        return f"{digits}e{int(exponent)}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(nested(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{nested(key)}: {nested(item)}" for key, item in value.items()) + "}"
    return json.dumps(value if isinstance(value, str) else text(value), ensure_ascii=False)


def quoted(path):
    return "'" + path.replace("'", "''") + "'"


class DuckDb:
    def open(self, request):
        # A newer DuckDB than the extensions: where one of them is needed, the version that they are built for.
        needed = ["httpfs"] if request["endpoint"] else ["tpcds"] if request["storage"] == "tpcds" else []
        if needed:
            sys.path.insert(0, os.environ["CLOUDDB_BENCH_EXTENSIONS"])
        import duckdb

        database = os.path.join(request["scratch"], "peer.duckdb") if request["storage"] == "file" else ":memory:"
        self.connection = duckdb.connect(database, config={"threads": request["threads"]})
        self.connection.execute("SET enable_progress_bar = false")
        for extension in needed:
            below = os.path.join(os.environ["CLOUDDB_BENCH_EXTENSIONS"], "**", extension + ".duckdb_extension")
            files = glob.glob(below, recursive=True)
            if not files:
                raise RuntimeError(f"DuckDB's extension {extension} is not there: run scripts/setup-peers")
            self.connection.execute(f"LOAD {quoted(files[0])}")
        if request["endpoint"]:
            secret = {
                "TYPE": "s3",
                "KEY_ID": quoted(os.environ["AWS_ACCESS_KEY_ID"]),
                "SECRET": quoted(os.environ["AWS_SECRET_ACCESS_KEY"]),
                "REGION": quoted(os.environ.get("AWS_REGION", "us-east-1")),
                "ENDPOINT": quoted(request["endpoint"].split("://", 1)[1]),
                "URL_STYLE": "'path'",
                "USE_SSL": "false",
            }
            self.connection.execute(f"CREATE SECRET ({', '.join(f'{key} {value}' for key, value in secret.items())})")
        made = "VIEW" if request["storage"] == "parquet" else "TABLE"
        for table in request["tables"]:
            source = f"read_parquet({quoted(table['path'])})"
            self.connection.execute(f"CREATE {made} {table['name']} AS SELECT * FROM {source}")
        return duckdb.__version__

    def run(self, sql):
        return self.connection.execute(sql).fetchall()

    def names(self):
        return [column[0] for column in self.connection.description or []]

    def close(self):
        self.connection.close()


class Hyper:
    def open(self, request):
        import tableauhyperapi as hyper

        self.hyper = hyper
        parameters = {
            "log_config": "",
            "hard_concurrent_query_thread_limit": str(request["threads"]),
        }
        self.process = hyper.HyperProcess(telemetry=hyper.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, parameters=parameters)
        database = os.path.join(request["scratch"], "peer.hyper")
        self.connection = hyper.Connection(self.process.endpoint, database, hyper.CreateMode.CREATE)
        for table in request["tables"]:
            source = f"external({quoted(table['path'])}, FORMAT => 'parquet')"
            self.connection.execute_command(f"CREATE TABLE {table['name']} AS (SELECT * FROM {source})")
        return hyper.__version__

    def run(self, sql):
        rows = self.connection.execute_list_query(sql)
        return [[self.plain(value) for value in row] for row in rows]

    def plain(self, value):
        if isinstance(value, self.hyper.Date):
            return value.to_date()
        if isinstance(value, self.hyper.Timestamp):
            return value.to_datetime()
        return value

    def close(self):
        self.connection.close()
        self.process.close()


class Polars:
    def open(self, request):
        import polars

        options = None
        if request["endpoint"]:
            options = {
                "aws_endpoint_url": request["endpoint"],
                "aws_allow_http": "true",
                "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
                "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
                "aws_region": os.environ.get("AWS_REGION", "us-east-1"),
            }
        self.context = polars.SQLContext()
        for table in request["tables"]:
            frame = polars.scan_parquet(table["path"], storage_options=options)
            self.context.register(table["name"], frame.collect() if request["storage"] == "memory" else frame)
        return polars.__version__

    def run(self, sql):
        return self.context.execute(sql).collect(engine="streaming").rows()

    def close(self):
        self.context = None


class ClickHouse:
    def open(self, request):
        if request["endpoint"]:
            raise ValueError("ClickHouse reads files of this machine here, not a bucket")
        import chdb
        from chdb import session

        self.session = session.Session(os.path.join(request["scratch"], "clickhouse"))
        self.session.query("CREATE DATABASE bench ENGINE = Atomic")
        self.session.query("USE bench")
        # What the SQL standard says, as the other peers do it, where ClickHouse's defaults differ.
        settings = {
            "max_threads": request["threads"],
            "join_use_nulls": 1,
            "aggregate_functions_null_for_empty": 1,
            "union_default_mode": "'DISTINCT'",
            "prefer_column_name_to_alias": 1,
            "output_format_json_quote_64bit_integers": 1,
            "output_format_json_quote_decimals": 1,
            "output_format_json_quote_denormals": 1,
        }
        self.settings = ", ".join(f"{key} = {value}" for key, value in settings.items())
        self.session.query(f"SET {self.settings}")
        for table in request["tables"]:
            made = "TABLE" if request["storage"] == "own" else "VIEW"
            engine = "ENGINE = MergeTree ORDER BY tuple()" if request["storage"] == "own" else ""
            source = f"file({quoted(table['path'])}, Parquet)"
            self.session.query(f"CREATE {made} {table['name']} {engine} AS SELECT * FROM {source}")
        return chdb.__version__

    def run(self, sql):
        result = json.loads(self.session.query(sql, "JSONCompact").bytes() or b'{"data": [], "meta": []}')
        kinds = [self.kind(column["type"]) for column in result["meta"]]
        return [[kind(value) for kind, value in zip(kinds, row)] for row in result["data"]]

    @staticmethod
    def kind(name):
        for wrapper in ("LowCardinality(", "Nullable("):
            if name.startswith(wrapper):
                name = name[len(wrapper) : -1]

        def with_type(make):
            return lambda value: None if value is None else make(value)

        if name.startswith(("Int", "UInt")):
            return with_type(int)
        if name.startswith("Decimal"):
            return with_type(decimal.Decimal)
        if name.startswith("Float"):
            return with_type(float)
        if name.startswith("DateTime"):
            return with_type(lambda value: datetime.datetime.fromisoformat(value))
        return lambda value: value

    def close(self):
        self.session.close()


ENGINES = {"duckdb": DuckDb, "hyper": Hyper, "polars": Polars, "clickhouse": ClickHouse}


def resident(name):
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith(name):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


class Worker:
    def __init__(self):
        self.engine = None

    def open(self, request):
        start = time.perf_counter()
        self.engine = ENGINES[request["engine"]]()
        version = self.engine.open(request)
        return {"version": version, "seconds": time.perf_counter() - start}

    def run(self, request):
        start = time.perf_counter()
        rows = self.engine.run(request["sql"])
        seconds = time.perf_counter() - start
        names = self.engine.names() if hasattr(self.engine, "names") else []
        return {"seconds": seconds, "names": names, "rows": [[cell(value) for value in row] for row in rows] if request["rows"] else None}

    def memory(self, _request):
        return {"peak_rss_bytes": resident("VmHWM:"), "rss_bytes": resident("VmRSS:")}

    def close(self, _request):
        start = time.perf_counter()
        if self.engine is not None:
            self.engine.close()
        self.engine = None
        return {"seconds": time.perf_counter() - start}


def main():
    # What an engine prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker()
    handlers = {"open": worker.open, "run": worker.run, "memory": worker.memory, "close": worker.close}
    for line in sys.stdin:
        try:
            request = json.loads(line)
            answer = handlers[request["do"]](request)
        except Exception as error:  # Whatever went wrong is the caller's to report.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
    if worker.engine is not None:
        worker.engine.close()


main()
