-- CREATE, ALTER, DROP, INSERT, sequences, macros, views, prepared statements, transactions. What is made here is dropped here.
CREATE TABLE d1 (id INTEGER, name VARCHAR DEFAULT 'none', n BIGINT NOT NULL DEFAULT 7);
INSERT INTO d1 (id) VALUES (1), (2);
INSERT INTO d1 VALUES (3, 'x', 5), (4, DEFAULT, 6), (5, NULL, DEFAULT);
INSERT INTO d1 (n, id) VALUES (9, 6);
SELECT * FROM d1 ORDER BY id;
INSERT INTO d1 (id, n) VALUES (7, NULL);
INSERT INTO d1 VALUES (1, 2);
INSERT INTO d1 (id, missing) VALUES (1, 2);
INSERT INTO d1 (id, id) VALUES (1, 2);
INSERT INTO d1 (id) VALUES ('x');
INSERT INTO d1 (id) VALUES (3000000000);
INSERT INTO d1 (id) SELECT v FROM u WHERE v > 30 ORDER BY v;
INSERT INTO d1 BY NAME SELECT 'by name' AS name, 99 AS id;
INSERT INTO d1 BY NAME SELECT 1 AS missing;
INSERT INTO d1 (id, name) VALUES (8, upper('a') || 'b');
INSERT INTO d1 (id, name) SELECT id, name FROM t WHERE id = 1 UNION ALL SELECT 100, 'hundred';
SELECT count(*), sum(id), count(name), sum(n) FROM d1;
INSERT INTO d1 DEFAULT VALUES;
SELECT count(*) FROM d1 WHERE id IS NULL;
-- differs: RETURNING
INSERT INTO d1 (id) VALUES (500) RETURNING id, n;
INSERT INTO d1 (id) VALUES (1) ON CONFLICT DO NOTHING;
INSERT OR REPLACE INTO d1 (id) VALUES (1);
INSERT INTO missing VALUES (1);
CREATE TABLE d1 (x INTEGER);
CREATE TABLE IF NOT EXISTS d1 (x INTEGER);
CREATE OR REPLACE TABLE d1 (x INTEGER, y VARCHAR);
SELECT * FROM d1;
INSERT INTO d1 VALUES (1, 'a'), (2, 'b');
-- differs: columns cannot be changed yet
ALTER TABLE d1 ADD COLUMN z DOUBLE;
-- differs: columns cannot be changed yet
ALTER TABLE d1 ADD COLUMN w INTEGER DEFAULT 5;
-- differs: columns cannot be changed yet
ALTER TABLE d1 ADD COLUMN IF NOT EXISTS w INTEGER;
ALTER TABLE d1 ADD COLUMN w INTEGER;
-- differs: columns cannot be changed yet
SELECT * FROM d1 ORDER BY x;
ALTER TABLE d1 RENAME COLUMN y TO name;
SELECT x, name FROM d1 ORDER BY x;
SELECT y FROM d1;
-- differs: columns cannot be changed yet
ALTER TABLE d1 DROP COLUMN z;
-- differs: columns cannot be changed yet
ALTER TABLE d1 DROP COLUMN IF EXISTS z;
ALTER TABLE d1 DROP COLUMN z;
-- differs: columns cannot be changed yet
ALTER TABLE d1 ALTER COLUMN x TYPE BIGINT;
-- differs: columns cannot be changed yet
INSERT INTO d1 (x) VALUES (5000000000);
-- differs: columns cannot be changed yet
SELECT max(x), max(w) FROM d1;
-- differs: columns cannot be changed yet
ALTER TABLE d1 ALTER COLUMN w SET DEFAULT 8;
INSERT INTO d1 (x) VALUES (6);
-- differs: columns cannot be changed yet
ALTER TABLE d1 ALTER COLUMN w DROP DEFAULT;
INSERT INTO d1 (x) VALUES (7);
-- differs: columns cannot be changed yet
SELECT x, w FROM d1 ORDER BY x;
-- differs: columns cannot be changed yet
ALTER TABLE d1 ALTER COLUMN x SET NOT NULL;
-- differs: columns cannot be changed yet
INSERT INTO d1 (x) VALUES (NULL);
-- differs: columns cannot be changed yet
ALTER TABLE d1 ALTER COLUMN x DROP NOT NULL;
INSERT INTO d1 (x) VALUES (NULL);
ALTER TABLE d1 ALTER COLUMN x SET NOT NULL;
ALTER TABLE d1 RENAME TO d2;
SELECT count(*) FROM d2;
SELECT count(*) FROM d1;
ALTER TABLE missing ADD COLUMN x INTEGER;
ALTER TABLE d2 DROP COLUMN missing;
ALTER TABLE IF EXISTS missing ADD COLUMN x INTEGER;
DROP TABLE d2;
DROP TABLE d2;
DROP TABLE IF EXISTS d2;
CREATE TABLE d3 AS SELECT id, upper(name) AS name FROM t WHERE id < 3;
CREATE TABLE d4 AS FROM d3 LIMIT 0;
CREATE TABLE d5 (a, b) AS SELECT id, v FROM u;
CREATE TABLE d6 AS VALUES (1, 'x'), (2, 'y');
SELECT * FROM d3 ORDER BY id;
SELECT count(*) FROM d4;
SELECT a, b FROM d5 ORDER BY b LIMIT 2;
CREATE OR REPLACE TABLE d3 AS SELECT id * 10 AS id, name FROM d3;
SELECT sum(id) FROM d3;
CREATE TABLE d3 AS SELECT 1 AS x;
CREATE TABLE IF NOT EXISTS d3 AS SELECT 1 AS x;
-- differs: spellings of others
DROP TABLE d3, d4;
DROP TABLE IF EXISTS d3;
DROP TABLE IF EXISTS d4;
DROP TABLE d5;
DROP TABLE IF EXISTS d6;
CREATE TABLE d7 (x INTEGER, x VARCHAR);
CREATE TABLE d7 (x NOTYPE);
CREATE TABLE d7 ();
CREATE TABLE d7 AS SELECT missing FROM t;
-- differs: primary keys, foreign keys, checks
CREATE TABLE d8 (x INTEGER PRIMARY KEY);
-- differs: primary keys, foreign keys, checks
CREATE TABLE d9 (x INTEGER CHECK (x > 0));
-- differs: primary keys, foreign keys, checks
CREATE TABLE d10 (x INTEGER UNIQUE);
DROP TABLE IF EXISTS d8;
DROP TABLE IF EXISTS d9;
DROP TABLE IF EXISTS d10;
-- differs: indexes and generated columns
CREATE TABLE d11 (x INTEGER, y INTEGER GENERATED ALWAYS AS (x * 2));
DROP TABLE IF EXISTS d11;
CREATE TABLE d12 (a TINYINT, b SMALLINT, c UBIGINT, d DECIMAL(12, 3), e REAL, f BLOB, g UUID, h TIME, i TIMESTAMPTZ, j INTERVAL, k INTEGER[], l MAP(VARCHAR, INTEGER), m STRUCT(a INTEGER, b VARCHAR[]), n JSON);
INSERT INTO d12 VALUES (1, 2, 3, 4.5, 5.5, '\x01'::BLOB, '00000000-0000-0000-0000-000000000001', '10:00', '2024-01-01 00:00:00+00', INTERVAL 1 MONTH, [1, 2], MAP {'a': 1}, {'a': 1, 'b': ['x']}, '{"a": 1}');
SELECT * EXCLUDE (j) FROM d12;
SELECT j = INTERVAL 1 MONTH FROM d12;
INSERT INTO d12 (a) VALUES (300);
INSERT INTO d12 (d) VALUES (1234567890.5);
INSERT INTO d12 (d) VALUES (1.23456);
INSERT INTO d12 (g) VALUES ('zzz');
INSERT INTO d12 (m) VALUES ({'a': 5, 'b': NULL});
INSERT INTO d12 (k) VALUES (['1', '2']);
SELECT d, m.a, k[1] FROM d12 ORDER BY ALL;
DROP TABLE d12;
CREATE VIEW v1 AS SELECT id, v FROM u WHERE v > 10;
SELECT * FROM v1 ORDER BY v;
CREATE VIEW v1 AS SELECT 1;
CREATE VIEW IF NOT EXISTS v1 AS SELECT 1 AS one;
CREATE OR REPLACE VIEW v1 (a, b) AS SELECT id, v FROM u;
SELECT sum(a), sum(b) FROM v1;
CREATE VIEW v2 AS SELECT a + b AS c FROM v1;
SELECT max(c) FROM v2;
CREATE VIEW v3 AS SELECT missing FROM u;
CREATE VIEW v3 AS SELECT * FROM missing;
INSERT INTO v1 VALUES (1, 2);
DROP TABLE v1;
DROP VIEW v2;
DROP VIEW v1;
DROP VIEW v1;
DROP VIEW IF EXISTS v1;
DROP VIEW t;
CREATE SCHEMA s1;
CREATE TABLE s1.x (a INTEGER);
INSERT INTO s1.x VALUES (1), (2);
SELECT sum(a) FROM s1.x;
SELECT x.a FROM s1.x ORDER BY a;
SELECT s1.x.a FROM s1.x ORDER BY a;
CREATE VIEW s1.y AS SELECT a * 2 AS b FROM s1.x;
SELECT b FROM s1.y ORDER BY b;
CREATE SCHEMA s1;
CREATE SCHEMA IF NOT EXISTS s1;
DROP SCHEMA s1;
DROP SCHEMA s1 CASCADE;
SELECT * FROM s1.x;
DROP SCHEMA IF EXISTS s1;
CREATE SEQUENCE q1;
SELECT nextval('q1'), nextval('q1');
SELECT nextval('q1') AS n;
SELECT currval('q1');
CREATE SEQUENCE q2 START 10 INCREMENT 5;
SELECT nextval('q2') AS a;
SELECT nextval('q2') AS b;
CREATE SEQUENCE q3 INCREMENT BY -1 MINVALUE -2 MAXVALUE 0 START WITH 0;
SELECT nextval('q3') AS a;
CREATE SEQUENCE q4 MAXVALUE 2;
SELECT nextval('q4') + nextval('q4') AS three;
SELECT nextval('q4');
CREATE SEQUENCE q5 START 2 MINVALUE 1 MAXVALUE 2 CYCLE;
SELECT nextval('q5') AS a;
SELECT nextval('q5') AS b;
CREATE TABLE with_sequence (id INTEGER DEFAULT nextval('q1'), name VARCHAR);
INSERT INTO with_sequence (name) VALUES ('a'), ('b');
SELECT count(DISTINCT id), count(*) FROM with_sequence;
DROP SEQUENCE q1;
DROP TABLE with_sequence;
DROP SEQUENCE IF EXISTS q1;
DROP SEQUENCE q2;
DROP SEQUENCE q3;
DROP SEQUENCE q4;
DROP SEQUENCE q5;
SELECT nextval('q2');
CREATE MACRO twice(x) AS x * 2;
SELECT twice(21), twice(v) FROM u ORDER BY v LIMIT 1;
CREATE OR REPLACE MACRO twice(x, times := 2) AS x * times;
SELECT twice(5), twice(5, times := 3);
CREATE MACRO big_ones(least_v) AS TABLE SELECT id, v FROM u WHERE v >= least_v;
SELECT * FROM big_ones(30) ORDER BY v;
CREATE MACRO count_u() AS (SELECT count(*) FROM u);
SELECT count_u() AS n;
CREATE FUNCTION plus_one(x) AS x + 1;
SELECT plus_one(plus_one(1)) AS three;
SELECT twice();
SELECT twice(1, 2, 3);
DROP MACRO twice;
DROP MACRO TABLE big_ones;
DROP MACRO count_u;
DROP FUNCTION plus_one;
SELECT twice(1);
DROP MACRO IF EXISTS twice;
PREPARE p1 AS SELECT v FROM u WHERE id = $1 ORDER BY v;
EXECUTE p1(2);
EXECUTE p1(1 + 2);
EXECUTE p1;
EXECUTE p1('x');
DEALLOCATE p1;
EXECUTE p1(1);
PREPARE p2 AS SELECT ?::INTEGER + ? AS s;
EXECUTE p2(1, 2);
DEALLOCATE p2;
PREPARE p3 AS SELECT $x::VARCHAR || $y::VARCHAR AS xy;
EXECUTE p3(x := 'a', y := 'b');
DEALLOCATE p3;
PREPARE p4 AS SELECT missing FROM u;
CREATE TABLE tx (x INTEGER);
BEGIN;
INSERT INTO tx VALUES (1);
SELECT count(*) FROM tx;
ROLLBACK;
SELECT count(*) FROM tx;
BEGIN TRANSACTION;
INSERT INTO tx VALUES (2);
CREATE TABLE tx2 AS SELECT * FROM tx;
COMMIT;
SELECT (SELECT count(*) FROM tx) + (SELECT count(*) FROM tx2) AS n;
COMMIT;
ROLLBACK;
DROP TABLE tx;
DROP TABLE tx2;
CREATE TEMP TABLE temporary (x INTEGER);
INSERT INTO temporary VALUES (1);
SELECT x FROM temporary;
DROP TABLE IF EXISTS temporary;
-- differs: indexes and generated columns
CREATE INDEX i1 ON u (id);
-- differs: indexes and generated columns
DROP INDEX IF EXISTS i1;
-- differs: HUGEINT
CREATE TYPE mood AS ENUM ('sad', 'happy');
-- differs: HUGEINT
DROP TYPE IF EXISTS mood;
CREATE TABLE kept (x INTEGER, y VARCHAR);
INSERT INTO kept VALUES (1, 'a'), (2, 'b'), (3, 'c');
-- differs: rows cannot be changed yet
UPDATE kept SET y = 'z' WHERE x = 1;
-- differs: rows cannot be changed yet
DELETE FROM kept WHERE x = 2;
-- differs: rows cannot be changed yet
TRUNCATE kept;
-- differs: rows cannot be changed yet
MERGE INTO kept USING (SELECT 1 AS x) AS s ON kept.x = s.x WHEN MATCHED THEN DELETE;
UPDATE missing SET x = 1;
DELETE FROM missing;
UPDATE kept SET missing = 1;
DROP TABLE kept;
COMMENT ON TABLE u IS 'a table';
COMMENT ON TABLE u IS NULL;
COMMENT ON TABLE missing IS 'x';
CREATE TABLE "Mixed Case" ("A b" INTEGER, "select" VARCHAR);
INSERT INTO "mixed case" VALUES (1, 'x');
SELECT "a B", "SELECT" FROM "MIXED CASE";
DROP TABLE "Mixed Case";
-- differs: nothing to maintain
ANALYZE;
-- differs: nothing to maintain
CHECKPOINT;
-- differs: nothing to maintain
VACUUM;
CALL range(3);
GRANT SELECT ON t TO someone;
EXPLAIN SELECT missing FROM t;
SET missing_setting = 1;
RESET missing_setting;
USE missing_schema;
