-- JSON: reading by path, making, types, arrays, tables of it.
SELECT '{"a": 1}'::JSON -> 'a', '{"a": "x"}'::JSON ->> 'a', '{"a": "x"}'::JSON -> 'a', '[10, 20]'::JSON -> 1, '[10, 20]'::JSON ->> -1;
SELECT '{"a": {"b": [1, {"c": true}]}}'::JSON -> '$.a.b[1].c', '{"a": {"b": [1, 2]}}'::JSON ->> '$.a.b[0]', '{"a": 1}'::JSON -> 'z', '{"a": null}'::JSON -> 'a', '{"a": null}'::JSON ->> 'a';
SELECT json_extract('{"a": [1, 2, 3]}', '$.a[1]'), json_extract_string('{"a": "x"}', '$.a'), json_extract('{"a": 1, "b": 2}', ['$.a', '$.b']), json_extract('{"a": [1, 2]}', '$.a[*]'), json_extract_path_text('{"a": 1}', '$.a');
SELECT json_extract('{"a.b": 1}', '$."a.b"'), json_extract('{"a": {"b": 1}}', '/a/b'), json_extract('[1, 2, 3]', '$[#-1]'), json_extract('{"a": 1}', 'a');
SELECT json_value('{"a": 1, "b": {"c": 2}}', '$.a'), json_value('{"b": {"c": 2}}', '$.b'), json_exists('{"a": 1}', '$.a'), json_exists('{"a": 1}', '$.b');
SELECT json_type('{"a": 1}'), json_type('[1]'), json_type('1'), json_type('1.5'), json_type('"x"'), json_type('true'), json_type('null'), json_type('{"a": -1}', '$.a');
SELECT json_array_length('[1, 2, 3]'), json_array_length('{"a": [1]}', '$.a'), json_array_length('{}'), json_keys('{"b": 1, "a": 2}'), json_keys('{"a": {"x": 1}}', '$.a');
SELECT json_valid('{"a": 1}'), json_valid('{bad'), json_valid('1'), json_valid(''), json_valid(NULL);
SELECT json_object('a', 1, 'b', 'x'), json_array(1, 'a', NULL, true), to_json({'a': 1, 'b': [1, 2]}), to_json([1, NULL]), to_json('x'), to_json(1.5), to_json(DATE '2024-01-01'), row_to_json({'a': 1}), array_to_json([1, 2]);
SELECT json_quote('x'), to_json(MAP {'a': 1}), to_json(NULL), to_json(true), to_json({'a': NULL}), to_json(1e0), to_json('it"s');
-- differs: text of moments
SELECT to_json(TIMESTAMP '2024-01-01 10:00:00');
SELECT json_merge_patch('{"a": 1, "b": 2}', '{"b": null, "c": 3}'), json_contains('{"a": [1, 2]}', '{"a": [1]}'), json_contains('[1, 2]', '2');
SELECT json_structure('{"a": 1, "b": [true]}');
SELECT json('{ "a" : 1 , "b":[ 1,2 ]}'), json_pretty('{"a":1}');
SELECT json_group_array(v) FROM (SELECT v FROM u WHERE v < 25 ORDER BY v);
SELECT json_group_object(v, grp) FROM (SELECT v, grp FROM u WHERE v < 25 ORDER BY v);
SELECT json_group_array(name) FROM (SELECT name FROM t ORDER BY id);
SELECT json_transform('{"a": 1, "b": "x"}', '{"a": "INTEGER", "b": "VARCHAR"}'), from_json('[1, 2]', '["INTEGER"]'), json_transform_strict('{"a": 1}', '{"a": "BIGINT"}');
SELECT key, value FROM json_each('{"a": 1, "b": "x", "c": [1]}') ORDER BY key;
SELECT key, value, type, fullkey FROM json_tree('{"a": {"b": 1}}') ORDER BY id;
SELECT value FROM json_each('[10, "x", null]') ORDER BY key;
SELECT unnest(json_extract('[1, 2, 3]', '$[*]')) AS x;
SELECT unnest(from_json('[{"a": 1}, {"a": 2}]', '[{"a": "INTEGER"}]')) AS s;
SELECT ('{"a": 1}'::JSON -> 'a')::INTEGER + 1, ('{"a": "5"}'::JSON ->> 'a')::INTEGER, ('{"a": true}'::JSON -> 'a')::BOOLEAN;
-- differs: lists from texts
SELECT ('{"a": [1, 2]}'::JSON -> 'a')::INTEGER[];
SELECT ('{"a": "x"}'::JSON -> 'a')::VARCHAR, ('{"a": 1.5}'::JSON ->> 'a')::DOUBLE, ('{"a": "2024-01-01"}'::JSON ->> 'a')::DATE;
SELECT '{"a": 1}'::JSON = '{"a": 1}'::JSON, '{"a":1}'::JSON = '{"a": 1}'::JSON, ('{"a": 1}'::JSON -> 'a') = 1, ('{"a": "x"}'::JSON ->> 'a') = 'x';
SELECT '{"a": 1, "a": 2}'::JSON -> 'a', '{"ä": "ü"}'::JSON ->> 'ä', '"\u00e4\n"'::JSON ->> '$', '{"a": "q\"q"}'::JSON ->> 'a';
SELECT json_extract('{bad', '$.a');
SELECT json_extract('{"a": 1}', '$.a.b.c'), json_extract(NULL, '$.a'), json_extract('{"a": 1}', NULL), '{"a": 1e3}'::JSON -> 'a', '{"a": 12345678901234567890}'::JSON -> 'a';
SELECT j ->> 'k' AS k, sum((j ->> 'n')::INTEGER) AS n FROM (VALUES ('{"k": "a", "n": 1}'::JSON), ('{"k": "b", "n": 2}'), ('{"k": "a", "n": 3}')) AS v(j) GROUP BY k ORDER BY k;
SELECT to_json(t) FROM (SELECT id, name, ok, day FROM t WHERE id = 1) AS t;
SELECT to_json(list(place ORDER BY id)) FROM t;
SELECT json_object('id', id, 'tags', tags) FROM t ORDER BY id;
SELECT '{"a": 1}' ->> 'a' = '1' AS precedence, ('{"a": 1}' ->> 'a') || 'x' AS joined;
SELECT json_extract_string('{"a": [1, "x"]}', '$.a[*]'), json_extract_string('{"a": {"b": 1}}', 'a'), json_extract('{"a": [{"b": 1}, {"b": 2}]}', '$.a[*].b'), json_extract('{"a": {"x": 1, "y": 2}}', '$.a.*'), json_extract('{"a": {"x": 1}, "x": 2}', '$..x');
