-- DESCRIBE, SHOW, SUMMARIZE, information_schema, functions that describe: only what both can answer alike.
DESCRIBE u;
DESCRIBE t;
SHOW u;
-- differs: literals of whole numbers
DESCRIBE SELECT id, v * 2 AS w, grp FROM u;
DESCRIBE SELECT name, day, moment, tags, place, amount FROM t;
SHOW TABLES;
SELECT column_name, column_type FROM (DESCRIBE u) ORDER BY column_name;
SELECT column_name, column_type FROM (DESCRIBE SELECT 1::TINYINT AS a, 'x' AS b, [1.5::DOUBLE] AS c) ORDER BY column_name;
SELECT column_name FROM (SUMMARIZE u) ORDER BY column_name;
SELECT column_name, min, max FROM (SUMMARIZE u) ORDER BY column_name;
SELECT column_name, count FROM (SUMMARIZE u) ORDER BY column_name;
SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY table_name;
SELECT table_name, table_type FROM information_schema.tables WHERE table_name IN ('t', 'u') ORDER BY table_name;
SELECT column_name, ordinal_position, is_nullable FROM information_schema.columns WHERE table_name = 'u' ORDER BY ordinal_position;
SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position;
SELECT schema_name FROM information_schema.schemata WHERE schema_name = 'main' GROUP BY ALL;
SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' ORDER BY table_name;
SELECT table_name, column_count FROM duckdb_tables() WHERE table_name = 'u';
SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE table_name = 'u' ORDER BY column_index;
SELECT view_name FROM duckdb_views() WHERE NOT internal;
SELECT relname FROM pg_catalog.pg_class WHERE relname IN ('t', 'u') ORDER BY relname;
SELECT attname FROM pg_attribute a JOIN pg_class c ON a.attrelid = c.oid WHERE c.relname = 'u' AND attnum > 0 ORDER BY attnum;
SELECT nspname FROM pg_namespace WHERE nspname = 'main' GROUP BY ALL;
SELECT tablename FROM pg_tables WHERE schemaname = 'main' ORDER BY tablename;
SELECT name, type FROM pragma_table_info('u') ORDER BY cid;
PRAGMA table_info('u');
PRAGMA show_tables;
SELECT current_schema();
SELECT current_schema;
SELECT count(*) > 100 FROM duckdb_functions();
SELECT count(*) > 0 FROM duckdb_settings() WHERE name = 'threads';
SELECT count(*) > 0 FROM duckdb_types() WHERE lower(type_name) = 'integer';
SELECT typeof(id), typeof(name), typeof(price), typeof(qty), typeof(day), typeof(moment), typeof(ok), typeof(tags), typeof(place), typeof(amount) FROM t WHERE id = 1;
SELECT pg_typeof(id) FROM t WHERE id = 1;
-- differs: types of results
SELECT typeof(id + v), typeof(id || grp), typeof(v * 1.5), typeof(v / 2.0), typeof(v > 1) FROM u WHERE v = 10;
SELECT typeof(count(*)), typeof(max(v)), typeof(min(grp)), typeof(avg(v)), typeof(list(v)), typeof(string_agg(grp, ',')) FROM u;
SELECT typeof(row_number() OVER ()), typeof(lag(v) OVER (ORDER BY v)), typeof(rank() OVER ()), typeof(percent_rank() OVER ()) FROM u LIMIT 1;
SELECT typeof(length('a')), typeof(substr('a', 1)), typeof(round(1.55, 1)), typeof(sqrt(4)), typeof(abs(-1::SMALLINT)), typeof(year(DATE '2024-01-01')), typeof(date_trunc('month', DATE '2024-01-01'));
SELECT typeof(DATE '2024-01-02' - DATE '2024-01-01'), typeof(TIMESTAMP '2024-01-02' - TIMESTAMP '2024-01-01'), typeof(TIMESTAMP '2024-01-01' + INTERVAL 1 DAY), typeof(DATE '2024-01-01' + 1), typeof(date_diff('day', DATE '2024-01-01', DATE '2024-01-02'));
-- differs: types of results
SELECT typeof(ceil(1.5)), typeof(floor(1.5e0)), typeof(1.5 % 1), typeof(5::INTEGER // 2::INTEGER), typeof(5::INTEGER % 2::INTEGER), typeof(-5::SMALLINT), typeof(2::INTEGER ^ 2::INTEGER);
-- differs: JSON
SELECT typeof(split('a', ',')), typeof(regexp_extract_all('a', 'a')), typeof(range(3)), typeof(map_keys(MAP {'a': 1})), typeof(json_extract('{}', '$.a')), typeof(epoch(DATE '2024-01-01')), typeof(strptime('2024', '%Y'));
-- differs: types of results
SELECT typeof(sum(price)), typeof(sum(amount)), typeof(avg(price)), typeof(median(qty)), typeof(stddev(qty)), typeof(bool_and(ok)), typeof(max(day)), typeof(mode(name)), typeof(arg_max(id, price)) FROM t;
-- differs: spellings of others
SHOW DATABASES LIKE 'nothing';
DESCRIBE missing;
SHOW missing;
DESCRIBE SELECT missing FROM u;
SUMMARIZE missing;
EXPLAIN (FORMAT nonsense) SELECT 1;
