CREATE SCHEMA s;
CREATE TABLE main.t (
  id BIGINT NOT NULL COMMENT 'the ''key''',
  name VARCHAR DEFAULT 'none',
  price DECIMAL(8, 2),
  "at" TIMESTAMP,
  g UUID,
  ns TIMESTAMP_NS,
  tz TIMESTAMP WITH TIME ZONE
) CLUSTER BY (id);
CREATE TABLE s."Order" (
  "select" INTEGER,
  tags VARCHAR[]
);
CREATE TABLE s.empty (
  n INTEGER
);
CREATE VIEW main.v AS SELECT id, price * 2 AS twice FROM t WHERE id > 1;
CREATE VIEW main.w AS SELECT * FROM (SELECT id FROM v) AS "w" ("number");
