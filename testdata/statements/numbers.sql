-- Functions of numbers: rounding, powers, logarithms, angles, bits, whole numbers; division and its edges.
SELECT abs(-5), abs(-1.5), abs(-2.5e0), sign(-3), sign(0), sign(2.5), @(-7);
SELECT ceil(1.2), ceiling(-1.2), floor(1.8), floor(-1.2), trunc(1.9), trunc(-1.9), ceil(5), floor(NULL);
SELECT round(1.5), round(2.5), round(-1.5), round(0.5), round(1.25, 1), round(1.35, 1), round(-1.25, 1);
SELECT round(1.5e0), round(2.5e0), round(-2.5e0), round(1.15e0, 1), round(1234.5678e0, 2), round(1234.5678e0, -2);
SELECT round(15, -1), round(14, -1), round(-15, -1), round(123, 2), round(1234.567, 0), round(1234.567, -2);
SELECT round_even(2.5, 0), round_even(3.5, 0), roundbankers(0.5, 0), even(2.1), even(-1.5), even(3);
SELECT trunc(1.987, 2), trunc(-1.987, 1), trunc(1987, -2), trunc(1.5e0);
SELECT sqrt(16), sqrt(2), cbrt(27), cbrt(-8), power(2, 10), pow(2, -1), pow(2.5, 2), exp(0), exp(1);
SELECT sqrt(-1);
SELECT ln(1), ln(10), log(100), log10(1000), log2(8), log(2, 8);
SELECT ln(0);
SELECT log(-1);
SELECT sin(0), cos(0), tan(0), asin(1), acos(1), atan(1), atan2(1, 1), cot(1), pi(), degrees(pi()), radians(180);
SELECT sinh(1), cosh(1), tanh(1), asinh(1), acosh(1), atanh(0.5);
SELECT acos(2);
SELECT atanh(1), atanh(0), acosh(1);
SELECT 7 % 3, -7 % 3, 7 % -3, 7.5 % 2, 7.5e0 % 2, mod(7, 3), fmod(7.5, 2);
SELECT 7 // 2, -7 // 2, 7 // -2;
-- differs: division of decimals by //
SELECT 7.5e0 // 2;
SELECT divide(7, 2);
SELECT 7.0 / 2, 7e0 / 2, 1 / 3e0, 2.0 / 3, 1.00 / 3.00;
SELECT 1e0 / 0, -1e0 / 0, 0e0 / 0, 1e0 % 0;
SELECT 1 % 0;
SELECT 1 // 0;
SELECT fdiv(7, 2), fdiv(-7, 2);
SELECT gcd(12, 18), lcm(4, 6), gcd(0, 5), gcd(-12, 18), factorial(5), factorial(0), 5!, greatest_common_divisor(8, 12), least_common_multiple(3, 5);
SELECT factorial(20);
-- differs: HUGEINT
SELECT factorial(30);
SELECT gamma(5), lgamma(10);
SELECT 5 & 3, 5 | 3, xor(5, 3), ~5, 1 << 10, 1024 >> 3, bit_count(255);
-- differs: literals of whole numbers
SELECT bit_count(-1);
-- differs: literals of whole numbers
SELECT 1 << 62;
SELECT 1::BIGINT << 64;
SELECT -1 >> 1;
SELECT 1 << -1;
SELECT isnan('nan'::DOUBLE), isinf('inf'::DOUBLE), isfinite(1e0), isfinite('inf'::DOUBLE), isnan(1e0), signbit(-1e0), nextafter(1e0, 2e0) > 1;
SELECT 2 ** 3 ** 2, -2 ** 2, 2 ^ 0.5, 2 + 3 * 4 - 1, (2 + 3) * 4, 10 - 5 - 2, 100 / 10.0 / 2;
SELECT 2 ** 64, 10 ** 20, 2 ** -1;
SELECT -5 + 3, +5, 5 - -3;
-- differs: names of results
SELECT - -5, -(-5);
SELECT 1 + 1.5, 1 + 1e0, 1.5 + 1e0, 1::SMALLINT + 1.5, 3 * 0.1, 0.1 * 3 = 0.3;
SELECT greatest(1, 2.5, 2), least(1, 2.5e0), greatest(NULL, 1), least(NULL, NULL), greatest(1, NULL, 3);
SELECT 1e308 * 10;
SELECT exp(1000);
SELECT pow(10, 400), pow(0, 0), pow(0, -1), pow(-8, 1.0 / 3);
SELECT 9223372036854775807 - -1;
SELECT 4611686018427387904 * 2;
SELECT -9223372036854775808 - 1;
SELECT 9223372036854775807 * 1.0, 9223372036854775807 + 1.0, 9223372036854775807 + 1e0;
SELECT 18446744073709551615::UBIGINT + 1;
-- differs: literals of whole numbers
SELECT 1000000 * 1000000;
SELECT 2147483648 * 2, 3000000000 * 3;
SELECT 0.1 + 0.2, 0.1e0 + 0.2e0, 1.1 * 1.1, 1.1e0 * 1.1, 100 * 1.1;
SELECT 1.23456789012345678901234567890 + 1, 0.000000001 * 0.000000001;
-- differs: digits of decimals
SELECT 123456789.123456789 * 1000;
SELECT 0.5 * 0.5 * 0.5, 1.0 * 1.0 * 1.0 * 1.0;
SELECT bin(10), hex(255), to_base(35, 36), bit_length('a');
SELECT id, qty / 3e0 AS third, qty % 3 AS rest, -qty AS minus FROM t ORDER BY id;
SELECT id, amount * 2, amount + 1, amount - 0.005, -amount, abs(amount) FROM t ORDER BY id;
SELECT id, amount * amount AS square, amount / 3 AS third, amount % 5 AS rest FROM t ORDER BY id;
SELECT id, round(amount), round(amount, 1), floor(amount), ceil(amount), trunc(amount) FROM t ORDER BY id;
SELECT id, amount::INTEGER, amount::DOUBLE, amount::VARCHAR, amount > 1.5, amount = 12.5 FROM t ORDER BY id;
SELECT id, price * 1.1 AS more, price ^ 2 AS square, sqrt(price) AS root, price::DECIMAL(5, 1) AS short FROM t ORDER BY id;
SELECT id, price + amount AS s, price > amount AS dearer, qty * amount AS total FROM t ORDER BY id;
SELECT id, qty BETWEEN 5 AND 10 AS few, qty IN (7, 10) AS some, qty = 10.0 AS ten, qty > 9.5 AS more FROM t ORDER BY id;
SELECT id FROM t WHERE price > 1.5 ORDER BY id;
SELECT id FROM t WHERE price = 0.25 OR amount = 0.99 ORDER BY id;
SELECT id FROM t WHERE amount < -3 OR amount >= 100 ORDER BY id;
SELECT id FROM t WHERE qty % 2 = 0 AND NOT qty > 50 ORDER BY id;
SELECT 1.0 = 1, 1.10 = 1.1, 0.1 < 1e-1, 100 = 1e2, 1e0 = 1, -0.0 = 0, 0.3 = 0.1 + 0.2;
SELECT add(1, 2), subtract(5, 3), multiply(2, 3), mod(-7, 2);
SELECT 12::DOUBLE::VARCHAR, 1.5e300 * 1e10, 5e-324 / 2, 1e15 + 0.3;
SELECT sum(x), avg(x) FROM (VALUES (0.1e0), (0.2e0), (0.3e0)) AS v(x);
-- differs: samples
SELECT setseed(0.5);
SELECT sqrt('4');
-- differs: spellings of others
SELECT round('2.5', 0);
SELECT abs('x');
