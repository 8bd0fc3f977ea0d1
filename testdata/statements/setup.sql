-- The tables that the statements read.
CREATE TABLE t (id INTEGER, name VARCHAR, price DOUBLE, qty BIGINT, day DATE, moment TIMESTAMP, ok BOOLEAN, tags VARCHAR[], place STRUCT(city VARCHAR, zip INTEGER), amount DECIMAL(10,2));
INSERT INTO t VALUES (1, 'apple', 1.5, 10, '2024-01-15', '2024-01-15 10:30:00', true, ['red', 'fruit'], {'city': 'Bern', 'zip': 3000}, 12.50),
  (2, 'Banana', 0.25, 100, '2024-02-29', '2024-02-29 23:59:59', false, ['yellow'], {'city': 'Basel', 'zip': 4000}, 0.99),
  (3, 'cherry', NULL, 7, '2023-12-31', '2023-12-31 00:00:00', NULL, [], {'city': 'Zug', 'zip': NULL}, -3.10),
  (4, NULL, 3.75, NULL, NULL, NULL, true, NULL, NULL, NULL),
  (5, 'élan vital', 2.0, 10, '2024-01-15', '2024-06-01 12:00:00.123456', false, ['a', 'b', 'c'], {'city': 'Bern', 'zip': 3001}, 100.00);
CREATE TABLE u (id INTEGER, grp VARCHAR, v INTEGER);
INSERT INTO u VALUES (1, 'a', 10),
  (2, 'a', 20),
  (3, 'b', 30),
  (6, 'b', 40),
  (7, NULL, 50),
  (2, 'b', 5);
CREATE TABLE trades (sym VARCHAR, moment TIMESTAMP, price INTEGER);
INSERT INTO trades VALUES ('x', '2024-01-01 10:00:00', 1),
  ('x', '2024-01-01 10:05:00', 2),
  ('y', '2024-01-01 10:03:00', 7),
  ('z', '2024-01-01 09:00:00', 9);
CREATE TABLE quotes (sym VARCHAR, moment TIMESTAMP, bid INTEGER);
INSERT INTO quotes VALUES ('x', '2024-01-01 09:59:00', 100),
  ('x', '2024-01-01 10:04:00', 101),
  ('x', '2024-01-01 10:06:00', 102),
  ('y', '2024-01-01 10:03:00', 200);
