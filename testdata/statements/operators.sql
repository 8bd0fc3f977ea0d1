-- Operators and literals.
SELECT 1 + 2, 5 - 7, 3 * 4, 7 % 3, -7 % 3;
-- differs: division of integers
SELECT 7 / 2;
-- differs: division of decimals by //
SELECT 7 // 2, -7 // 2, 7.5 // 2;
SELECT 7.0 / 2, 1 / 4.0;
SELECT 2 ** 10, 2 ^ 3;
SELECT 5 & 3, 5 | 3, 1 << 4, 256 >> 2, ~5, xor(5, 3);
SELECT 'a' || 'b' || 1;
SELECT 'a' || NULL;
SELECT [1, 2] || [3];
SELECT 1 = 1, 1 <> 2, 1 != 1, 1 < 2, 2 <= 2, 3 > 4, 4 >= 5, 1 == 1;
SELECT NULL = NULL, NULL IS NULL, NULL IS NOT DISTINCT FROM NULL;
SELECT TRUE AND NULL, FALSE AND NULL, TRUE OR NULL, NOT NULL;
SELECT 'abc' ~ 'b', 'abc' !~ 'z', 'ABC' ~* 'b', 'abc' !~* 'B';
SELECT 'abc' LIKE 'a_c', 'a%c' LIKE 'a\%c' ESCAPE '\', 'abc' NOT LIKE 'b%';
SELECT 'abc' GLOB 'a*';
SELECT 'abc' ^@ 'ab';
-- differs: SIMILAR TO
SELECT 'abc' SIMILAR TO 'a.c';
SELECT @(-5), -(-3) AS three, +2;
SELECT 5!;
-- differs: hexadecimal numbers
SELECT 1_000_000, 0xff, 1e3, .5, 1.;
SELECT 'it''s', 'tab' || chr(9), E'line\nbreak', $$dollar 'quoted'$$;
SELECT DATE '2024-01-31', TIME '12:30:00', TIMESTAMP '2024-01-31 12:30:00';
SELECT INTERVAL '1 day', INTERVAL 2 MONTH, INTERVAL '1' YEAR;
SELECT DATE '2024-01-31' + INTERVAL 1 MONTH, DATE '2024-03-31' - INTERVAL '1 month';
SELECT DATE '2024-01-31' + 1, DATE '2024-03-01' - DATE '2024-02-01';
SELECT TIMESTAMP '2024-01-01 00:00:00' + INTERVAL '1 hour 30 minutes';
SELECT TIMESTAMP '2024-01-02' - TIMESTAMP '2024-01-01';
SELECT CAST('42' AS INTEGER), '42'::BIGINT, TRY_CAST('x' AS INTEGER);
SELECT CAST(1.5 AS INTEGER), CAST(2.5 AS INTEGER), CAST(-1.5 AS INTEGER);
SELECT CAST('2024-01-31' AS DATE), '12:00'::TIME;
SELECT 1::BOOLEAN, 'true'::BOOLEAN, 'f'::BOOLEAN, TRUE::INTEGER;
SELECT 1.25::DECIMAL(5,1), '3.14159'::DECIMAL(4,2);
SELECT 3000000000 + 1;
-- differs: literals of whole numbers
SELECT 2147483647 + 1;
SELECT 9223372036854775807 + 1;
SELECT 127::TINYINT + 1::TINYINT;
SELECT 300::TINYINT;
-- differs: division by zero
SELECT 1 / 0;
-- differs: division by zero
SELECT 1.0 / 0, 0.0 / 0;
SELECT 'x'::INTEGER;
SELECT [1, 2, 3][1], [1, 2, 3][-1], [1, 2, 3][2:3], [1, 2, 3][:2];
SELECT {'a': 1, 'b': 'x'}.a, {'a': 1}['a'];
SELECT MAP {'a': 1, 'b': 2}['b'];
-- differs: tuples have names
SELECT (1, 'a');
-- differs: tuples have names
SELECT row(1, 2);
SELECT [x * 2 for x in [1, 2, 3]];
SELECT [x for x in [1, 2, 3, 4] if x % 2 = 0];
SELECT list_transform([1, 2, 3], lambda x: x + 1);
SELECT list_filter([1, 2, 3], lambda x: x > 1);
SELECT list_reduce([1, 2, 3], lambda a, b: a + b);
SELECT '{"a": {"b": 1}}'::JSON -> 'a';
SELECT '{"a": {"b": 1}}'::JSON -> 'a' ->> 'b';
SELECT '{"a": [1, 2]}'::JSON ->> '$.a[1]';
SELECT 1 IN (1, 2), 3 NOT IN (1, 2), NULL IN (1), 1 IN (2, NULL);
SELECT 2 BETWEEN 1 AND 3, 2 NOT BETWEEN 1 AND 3;
SELECT coalesce(NULL, 1), ifnull(NULL, 2), nullif(1, 1), if(true, 1, 2);
SELECT greatest(1, 3, 2), least(1, NULL, 2);
SELECT 1 ISNULL, 1 NOTNULL;
SELECT 10 % 3.5, -5 % 3;
SELECT 'a' < 'b', 'a' < 'B', 'Z' < 'a';
SELECT DATE '2024-01-01' < TIMESTAMP '2024-01-01 00:00:01';
SELECT 1 = 1.0, '1' = 1;
-- differs: division by zero
SELECT TRY(1 / 0);
SELECT TIMESTAMPTZ '2024-01-01 12:00:00+02';
SELECT TIMESTAMP '2024-01-01 12:00:00' AT TIME ZONE 'Europe/Zurich';
SELECT 1 + 2 * 3 ** 2, -2 ^ 2, 10 - 4 - 3, 2 * 3 % 4, 7 & 3 | 8, 1 + 1 << 2, NOT 1 = 2, NOT true AND false;
-- differs: spellings of others
SELECT 1 < 2 = true;
SELECT 1 = 1 AND 2 = 2 OR false, 'a' || 'b' = 'ab', 1 + 1 = 2 AND NOT false, 5 IN (1, 5) = true;
SELECT 'a' || 'b' || 'c' LIKE 'a%', -1 * -1, 2 - -2, - 3 + 5, 1 - 1 - 1, 2 ** -1, 8 // 3 * 3;
SELECT 1 IS NOT NULL AND 2 IS NULL, (1 IS NULL) = false, NULL IS NULL = true;
SELECT 1::VARCHAR || 2, '1' || 2::VARCHAR, 3::INTEGER::VARCHAR::DOUBLE;
SELECT -1::VARCHAR;
SELECT [1, 2][1]::VARCHAR || 'x', ([1, 2])[2], {'a': [5]}.a[1], (SELECT [7])[1];
SELECT true > false, true AND NOT false, false OR NULL IS NULL, xor(true::INTEGER, false::INTEGER);
-- differs: collations
SELECT 'abc' COLLATE NOCASE = 'ABC';
SELECT 5 BETWEEN 1 AND 10 AND true, NOT 5 BETWEEN 1 AND 3, 2 BETWEEN 3 AND 1 OR true;
SELECT [1, 2, 3] && [3], 2 = ANY ([1, 2]), ['a'] @> ['a'];
-- differs: spellings of others
SELECT 1 <=> 1;
SELECT 'a' !~~ 'b', 'a' ~~ 'a%', 'A' ~~* 'a', 'A' !~~* 'b';
SELECT 7 DIV 2;
SELECT 7 MOD 2;
-- differs: HUGEINT
SELECT b'101';
SELECT x'ff';
-- differs: hexadecimal numbers
SELECT 0b101, 0o17;
SELECT 1.5e3, 1E-2, 1e+2, 00012, 1.0e0;
SELECT 12345678901234567890, -12345678901234567890, 123456789012345678901234567890;
SELECT 1.23456789012345678901234567890123456789;
SELECT 0.1::DOUBLE + 0.2, 1e0 / 3, 1e16 + 1;
