-- Regular expressions: matching, extracting, replacing, splitting, options.
SELECT 'abc' ~ 'b', 'abc' ~ '^b', 'abc' !~ 'z', 'ABC' ~* 'b', 'abc' !~* 'B', NULL ~ 'a';
SELECT 'abc' ~ '^abc$', 'abc' SIMILAR TO 'a';
-- differs: SIMILAR TO
SELECT 'abc' SIMILAR TO 'a.c', 'abc' NOT SIMILAR TO 'a.*';
SELECT regexp_matches('hello', 'l+'), regexp_matches('hello', '^l'), regexp_full_match('hello', 'h.*o'), regexp_full_match('hello', 'ell');
SELECT regexp_matches('HELLO', 'hello', 'i'), regexp_matches('HELLO', 'hello'), regexp_matches(E'a\nb', 'a.b', 's'), regexp_matches(E'a\nb', 'a.b');
SELECT regexp_extract('abc123def', '[0-9]+'), regexp_extract('abc', '[0-9]+'), regexp_extract('key=value', '(\w+)=(\w+)', 2), regexp_extract('key=value', '(\w+)=(\w+)', 0);
SELECT regexp_extract('2024-03-15', '(\d+)-(\d+)-(\d+)', ['y', 'm', 'd']);
SELECT regexp_extract('key=value', '(\w+)=(\w+)', 5);
SELECT regexp_extract_all('a1b22c333', '[0-9]+'), regexp_extract_all('a1b22', '([a-z])([0-9]+)', 2), regexp_extract_all('abc', '[0-9]');
SELECT regexp_extract('ABC', 'b', 0, 'i'), regexp_extract('a(b)c', '\((.)\)', 1);
SELECT regexp_replace('hello world', 'o', '0'), regexp_replace('hello world', 'o', '0', 'g'), regexp_replace('Hello', 'h', 'J', 'i'), regexp_replace('abc', '(a)(b)', '\2\1');
SELECT regexp_replace('abc', '', '-', 'g'), regexp_replace('aaa', 'a*', 'b', 'g'), regexp_replace('a.b.c', '\.', '', 'g'), regexp_replace('abc', 'b', '\\');
SELECT regexp_replace('Zürich', '[^a-z]', '_', 'g'), regexp_replace('aBc', '[A-Z]', 'x', 'gi'), regexp_replace('x', 'y', NULL), regexp_replace(NULL, 'a', 'b');
SELECT regexp_split_to_array('a1b22c', '[0-9]+'), string_split_regex('a, b;c', '[,;] *'), regexp_split_to_array('abc', '');
SELECT regexp_split_to_table('a b c', ' ');
SELECT unnest(string_split_regex('a-b_c', '[-_]')) AS part;
SELECT regexp_escape('a.b*c'), regexp_matches('a.b', regexp_escape('a.b'));
SELECT id FROM t WHERE name ~ '^[a-c]' ORDER BY id;
SELECT id, regexp_extract(name, '[aeiou]+') FROM t ORDER BY id;
SELECT id, regexp_replace(name, '[aeiou]', '*', 'g') FROM t ORDER BY id;
SELECT id FROM t WHERE regexp_matches(name, 'AN', 'i') ORDER BY id;
SELECT regexp_matches('foo.bar', 'foo\.bar'), regexp_matches(E'tab\there', '\t'), regexp_matches('a1', '^\w\d$'), regexp_matches('ä', '^[[:alpha:]]$');
-- differs: letters in regular expressions
SELECT regexp_matches('ä', '^\w$');
SELECT regexp_matches('aab', '^a{2}b$'), regexp_matches('ab', '(?i)AB'), regexp_matches('word boundary', '\bbound'), regexp_matches('x', 'a|x'), regexp_matches('', '^$');
SELECT regexp_matches('abc', '(');
SELECT regexp_matches('abc', 'a(?=b)');
SELECT regexp_replace('abc', 'b', 'x', 'q');
SELECT regexp_extract('aaa', 'a{2,3}'), regexp_extract('aaa', 'a+?'), regexp_extract('foobar', '(?P<first>foo)(bar)', 1);
SELECT list_filter(['apple', 'pear', 'plum'], lambda x: regexp_matches(x, '^p')) AS p;
SELECT COLUMNS('^(id|v)$') FROM u ORDER BY ALL LIMIT 2;
