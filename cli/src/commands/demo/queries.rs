//! The demo's statements: five of TPC-H's questions, with the benchmark's validation parameters, and a new order.

/// One of TPC-H's questions.
pub(super) struct Query {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) sql: &'static str,
}

/// The last one's answer is shown.
pub(super) const QUERIES: [Query; 5] = [
    Query {
        name: "Q1",
        about: "what was billed, shipped and returned",
        sql: "\
SELECT l_returnflag, l_linestatus,
       sum(l_quantity) AS sum_qty,
       sum(l_extendedprice) AS sum_base_price,
       sum(l_extendedprice * (1 - l_discount)) AS sum_disc_price,
       sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS sum_charge,
       avg(l_quantity) AS avg_qty, avg(l_extendedprice) AS avg_price, avg(l_discount) AS avg_disc,
       count(*) AS count_order
FROM lineitem
WHERE l_shipdate <= DATE '1998-09-02'
GROUP BY l_returnflag, l_linestatus
ORDER BY l_returnflag, l_linestatus",
    },
    Query {
        name: "Q3",
        about: "the unshipped orders that are worth most",
        sql: "\
SELECT l_orderkey, sum(l_extendedprice * (1 - l_discount)) AS revenue, o_orderdate, o_shippriority
FROM customer
JOIN orders ON c_custkey = o_custkey
JOIN lineitem ON l_orderkey = o_orderkey
WHERE c_mktsegment = 'BUILDING' AND o_orderdate < DATE '1995-03-15' AND l_shipdate > DATE '1995-03-15'
GROUP BY l_orderkey, o_orderdate, o_shippriority
ORDER BY revenue DESC, o_orderdate
LIMIT 10",
    },
    Query {
        name: "Q6",
        about: "what dropping small discounts would have earned",
        sql: "\
SELECT sum(l_extendedprice * l_discount) AS revenue
FROM lineitem
WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01'
  AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24",
    },
    Query {
        name: "Q10",
        about: "customers who return what they buy",
        sql: "\
SELECT c_custkey, c_name, sum(l_extendedprice * (1 - l_discount)) AS revenue, c_acctbal, n_name, c_phone
FROM customer
JOIN orders ON c_custkey = o_custkey
JOIN lineitem ON l_orderkey = o_orderkey
JOIN nation ON c_nationkey = n_nationkey
WHERE o_orderdate >= DATE '1993-10-01' AND o_orderdate < DATE '1994-01-01' AND l_returnflag = 'R'
GROUP BY c_custkey, c_name, c_acctbal, c_phone, n_name
ORDER BY revenue DESC
LIMIT 20",
    },
    Query {
        name: "Q5",
        about: "what suppliers in Asia sold to customers at home",
        sql: "\
SELECT n_name, sum(l_extendedprice * (1 - l_discount)) AS revenue
FROM customer
JOIN orders ON c_custkey = o_custkey
JOIN lineitem ON l_orderkey = o_orderkey
JOIN supplier ON l_suppkey = s_suppkey AND c_nationkey = s_nationkey
JOIN nation ON s_nationkey = n_nationkey
JOIN region ON n_regionkey = r_regionkey
WHERE r_name = 'ASIA' AND o_orderdate >= DATE '1994-01-01' AND o_orderdate < DATE '1995-01-01'
GROUP BY n_name
ORDER BY revenue DESC",
    },
];

/// A new order; its number is beyond all that are generated.
pub(super) const NEW_ORDER: &str = "\
INSERT INTO orders VALUES
  (900000001, 1, 'O', 1250.50, DATE '1998-08-03', '1-URGENT', 'Clerk#000000001', 0, 'a new order')";

/// Its items.
pub(super) const NEW_ITEMS: &str = "\
INSERT INTO lineitem VALUES
  (900000001, 1, 1, 1, 10.00, 900.50, 0.00, 0.05, 'N', 'O', DATE '1998-08-10', DATE '1998-08-12', DATE '1998-08-14', 'NONE', 'AIR', 'the first item'),
  (900000001, 2, 2, 2, 5.00, 350.00, 0.00, 0.05, 'N', 'O', DATE '1998-08-10', DATE '1998-08-12', DATE '1998-08-14', 'NONE', 'MAIL', 'the second item')";

/// How much of the order is there.
pub(super) const COUNT_NEW: &str = "\
SELECT (SELECT count(*) FROM orders WHERE o_orderkey = 900000001) AS orders,
       (SELECT count(*) FROM lineitem WHERE l_orderkey = 900000001) AS items";

/// The history.
pub(super) const SNAPSHOTS: &str =
    "SELECT snapshot, commit_time, who, left(what, 50) AS what, rows_added FROM system.snapshots ORDER BY snapshot";
