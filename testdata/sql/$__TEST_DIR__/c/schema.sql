CREATE TABLE main.kept (
  id BIGINT,
  name VARCHAR,
  price DECIMAL(8, 2),
  "at" TIMESTAMP,
  g UUID,
  ns TIMESTAMP_NS,
  tz TIMESTAMP WITH TIME ZONE
);
