-- point-lookup: one row by the key that the table is clustered by
SELECT sale_id, sold_at, customer_id, price FROM sales WHERE sale_id = {middle};

-- point-lookup-elsewhere: one row by a key without an order
SELECT customer_id, name, city FROM customers WHERE email = 'c78@example.org' OR email = 'c78@example.net' OR email = 'c78@example.com';

-- range-scan: a week of a table clustered by day
SELECT day, count(*) AS sales, sum(quantity * price) AS revenue
FROM sales WHERE day BETWEEN DATE '2023-05-01' AND DATE '2023-05-07' GROUP BY day ORDER BY day;

-- short-range: the rows themselves of a few keys
SELECT * FROM sales WHERE sale_id BETWEEN {middle} AND {middle} + 20 ORDER BY sale_id;

-- in-list: some keys, far apart
SELECT product_id, count(*) AS sales, min(day), max(day)
FROM sales WHERE product_id IN (3, 7, 9, 12, 14) GROUP BY product_id ORDER BY product_id;

-- like-prefix
SELECT count(*), count(DISTINCT customer_id) FROM customers WHERE name LIKE 'customer 0012%';

-- like-infix: strings that are mostly NULL
SELECT channel, count(*) AS notes FROM sales WHERE note LIKE '%call%99%' GROUP BY channel ORDER BY channel;

-- string-suffix-join: a filter on strings of the small side
SELECT p.category, sum(s.quantity) AS pieces
FROM sales s JOIN products p ON s.product_id = p.product_id
WHERE p.title LIKE '%heavy%' AND s.channel <> 'shop' GROUP BY p.category ORDER BY pieces DESC, p.category;

-- top-k: by several keys
SELECT sale_id, day, price, quantity FROM sales ORDER BY price DESC, quantity DESC, sale_id LIMIT 50;

-- top-k-recent: in the order of the table, backwards
SELECT sale_id, sold_at, customer_id FROM sales WHERE channel = 'phone' ORDER BY sale_id DESC LIMIT 20;

-- top-k-of-groups
SELECT customer_id, sum(price * quantity) AS spent, count(*) AS sales
FROM sales GROUP BY customer_id ORDER BY spent DESC, customer_id LIMIT 25;

-- deep-page: an offset far into an order
SELECT sale_id, price FROM sales WHERE store_id = 2 ORDER BY price, sale_id LIMIT 10 OFFSET 200;

-- wide-group-by: many keys of several types
SELECT s.channel, c.city, c.segment, p.category, st.city AS store_city, extract(year FROM s.day) AS year, count(*) AS sales, sum(s.price) AS total
FROM sales s
JOIN customers c ON s.customer_id = c.customer_id
JOIN products p ON s.product_id = p.product_id
JOIN stores st ON s.store_id = st.store_id
GROUP BY s.channel, c.city, c.segment, p.category, st.city, extract(year FROM s.day)
ORDER BY sales DESC, total DESC LIMIT 100;

-- many-small-groups: nearly as many groups as rows
SELECT count(*) AS baskets, max(pieces) AS largest, sum(total) AS revenue
FROM (SELECT basket, sum(quantity) AS pieces, sum(price * quantity) AS total FROM sales GROUP BY basket) AS baskets;

-- months: dates truncated
SELECT date_trunc('month', day) AS month, channel, sum(price * quantity) AS revenue
FROM sales GROUP BY date_trunc('month', day), channel ORDER BY month, channel;

-- weekdays: parts of timestamps
SELECT extract(hour FROM sold_at) AS hour, count(*) AS sales, min(price) AS cheapest, max(price) AS dearest
FROM sales WHERE quantity > 2 GROUP BY extract(hour FROM sold_at) ORDER BY hour;

-- distinct-counts: several in one
SELECT count(DISTINCT customer_id) AS customers, count(DISTINCT product_id) AS products, count(DISTINCT day) AS days, count(DISTINCT note) AS notes
FROM sales;

-- distinct-by-group
SELECT store_id, count(DISTINCT customer_id) AS customers FROM sales GROUP BY store_id ORDER BY customers DESC, store_id LIMIT 20;

-- semi-join: EXISTS on a large table
SELECT c.city, count(*) AS customers
FROM customers c
WHERE EXISTS (SELECT 1 FROM sales s WHERE s.customer_id = c.customer_id AND s.price > 195)
GROUP BY c.city ORDER BY c.city;

-- anti-join: what never happened
SELECT p.category, count(*) AS products
FROM products p
WHERE NOT EXISTS (SELECT 1 FROM sales s WHERE s.product_id = p.product_id AND s.channel = 'partner' AND s.quantity > 9)
GROUP BY p.category ORDER BY p.category;

-- large-join: two tables clustered alike
SELECT r.reason, count(*) AS returns, sum(s.price * s.quantity) AS sold, sum(r.refund) AS refunded
FROM returns r JOIN sales s ON r.sale_id = s.sale_id
GROUP BY r.reason ORDER BY r.reason;

-- skewed-join: a few keys have most of the rows
SELECT p.brand, count(*) AS sales, avg(p.weight) AS weight
FROM sales s JOIN products p ON s.product_id = p.product_id
GROUP BY p.brand ORDER BY sales DESC, p.brand LIMIT 15;

-- left-join: NULLs from the other side
SELECT s.channel, count(*) AS sales, count(r.sale_id) AS returned, sum(r.refund) AS refunded
FROM sales s LEFT JOIN returns r ON s.sale_id = r.sale_id
GROUP BY s.channel ORDER BY s.channel;

-- star: a narrow slice of every dimension
SELECT c.segment, st.city, sum(s.price * s.quantity) AS revenue
FROM sales s
JOIN customers c ON s.customer_id = c.customer_id
JOIN products p ON s.product_id = p.product_id
JOIN stores st ON s.store_id = st.store_id
WHERE c.city = 'Graz' AND p.category = 'tea' AND st.area > 300 AND s.day >= DATE '2023-01-01' AND s.day < DATE '2024-01-01'
GROUP BY c.segment, st.city ORDER BY revenue DESC, c.segment, st.city;

-- correlated-average: each row against its group
SELECT count(*) AS dear_sales
FROM sales s
WHERE s.price > (SELECT 1.01 * avg(o.price) FROM sales o WHERE o.product_id = s.product_id) AND s.day >= DATE '2024-06-01';

-- correlated-latest: the newest row of each group
SELECT s.customer_id, s.sale_id
FROM sales s
WHERE s.sale_id = (SELECT max(o.sale_id) FROM sales o WHERE o.customer_id = s.customer_id)
ORDER BY s.sale_id DESC LIMIT 20;

-- window-rank: the first of each group
SELECT category, title, product_id, revenue
FROM (
    SELECT p.category, p.title, p.product_id, sum(s.price * s.quantity) AS revenue,
        row_number() OVER (PARTITION BY p.category ORDER BY sum(s.price * s.quantity) DESC, p.product_id) AS place
    FROM sales s JOIN products p ON s.product_id = p.product_id
    GROUP BY p.category, p.title, p.product_id
) AS ranked
WHERE place <= 3 ORDER BY category, revenue DESC, product_id;

-- window-running: a sum over what came before
SELECT day, revenue, sum(revenue) OVER (ORDER BY day) AS so_far, revenue - lag(revenue) OVER (ORDER BY day) AS change
FROM (SELECT day, sum(price * quantity) AS revenue FROM sales WHERE store_id < 3 GROUP BY day) AS days
ORDER BY day;

-- union: of unlike tables
SELECT city, sum(customers) AS customers, sum(stores) AS stores
FROM (
    SELECT city, 1 AS customers, 0 AS stores FROM customers
    UNION ALL
    SELECT city, 0 AS customers, 1 AS stores FROM stores
) AS places
GROUP BY city ORDER BY city;

-- conditional-sums: a pivot by hand
SELECT store_id,
    sum(CASE WHEN channel = 'shop' THEN quantity ELSE 0 END) AS shop,
    sum(CASE WHEN channel = 'web' THEN quantity ELSE 0 END) AS web,
    sum(CASE WHEN channel IN ('phone', 'partner') THEN quantity ELSE 0 END) AS other
FROM sales GROUP BY store_id HAVING count(*) > 10 ORDER BY store_id;

-- cte-twice: one subquery, used twice
WITH monthly AS (
    SELECT store_id, extract(year FROM day) AS year, sum(price * quantity) AS revenue FROM sales GROUP BY store_id, extract(year FROM day)
)
SELECT a.store_id, a.revenue AS before, b.revenue AS after
FROM monthly a JOIN monthly b ON a.store_id = b.store_id AND b.year = a.year + 1
WHERE b.revenue > a.revenue ORDER BY a.store_id, a.revenue;
