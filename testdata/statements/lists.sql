-- Lists: literals, elements, slices, functions, lambdas, comprehensions, aggregates of elements, UNNEST.
SELECT id, len(tags), tags[1], tags[-1], tags[2:], tags[:1], tags[5] FROM t ORDER BY id;
SELECT length([1, 2, NULL]), len([]), array_length([1, 2]), cardinality(MAP {'a': 1}), len(NULL::INTEGER[]);
SELECT [1, 2, 3, 4, 5][2:4], [1, 2, 3, 4, 5][-2:], [1, 2, 3, 4, 5][:-2], [1, 2, 3, 4, 5][1:5:2], [1, 2, 3, 4, 5][4:2], [1, 2, 3][0:2], [1, 2, 3][0];
SELECT [1, 2, 3, 4, 5][5:1:-2];
SELECT [1, 2, 3][:-:-1], [1, 2, 3][2:-:2];
SELECT list_extract([1, 2, 3], 2), list_element([1, 2], -1), array_extract([1], 5), list_slice([1, 2, 3], 2, 3), array_slice([1, 2, 3], 1, -2);
SELECT list_append([1], 2), list_prepend(0, [1]), array_push_back([1], 2), array_push_front([1], 0), array_pop_back([1, 2]), array_pop_front([1, 2]);
SELECT list_concat([1], [2, 3]), list_cat([1], NULL), [1] || [2] || [3], array_cat([1], []), list_concat([1], [2], [3]);
SELECT [1] || NULL;
SELECT list_append(NULL, 1), list_append([1], NULL), list_prepend(NULL, [1]);
SELECT list_contains([1, 2], 2), list_has([1, 2], 3), array_contains(['a'], 'a'), list_contains([1, NULL], NULL), list_contains(NULL, 1), list_contains([], 1);
SELECT list_position([5, 6, 7], 6), list_indexof([5, 6], 9), array_position(['a', 'b'], 'b'), list_position([1, NULL], NULL);
SELECT list_has_any([1, 2], [2, 3]), list_has_all([1, 2, 3], [1, 3]), [1, 2] && [2, 3], [1, 2, 3] @> [1, 3], [1] <@ [1, 2];
SELECT list_sort(list_distinct([1, 1, 2, NULL])), list_unique([1, 1, 2, NULL]), list_sort(list_distinct(['b', 'a', 'b']));
SELECT list_sort([3, 1, NULL, 2]), list_sort([3, 1, 2], 'DESC'), list_reverse_sort([3, 1, 2]), list_sort([3, 1, NULL], 'ASC', 'NULLS FIRST'), list_sort(['b', 'A', 'a']);
SELECT list_sort([NULL, 1, 3], 'DESC', 'NULLS LAST'), list_reverse_sort([1, NULL, 3], 'NULLS FIRST'), array_sort([2, 1]), list_sort([[2], [1, 5], []]);
SELECT list_reverse([1, 2, 3]), array_reverse(['a', 'b']), list_reverse([]), reverse('abc');
SELECT flatten([[1, 2], [3], []]), flatten([[[1], [2]], [[3]]]), flatten([[1], NULL, [NULL]]), flatten(NULL::INTEGER[][]);
SELECT list_sum([1, 2, 3]), list_avg([1, 2]), list_min([3, 1]), list_max([3, 1]), list_count([1, NULL]), list_product([2, 3]), list_median([1, 2, 3]);
SELECT list_sum([]), list_sum(NULL), list_sum([NULL]), list_min(['b', 'a']), list_string_agg(['a', 'b']), list_any_value([NULL, 2]), list_first([1, 2]), list_last([1, 2]), list_mode([1, 1, 2]);
SELECT list_aggregate([1, 2, 3], 'sum'), list_aggr([1, 2, 3], 'avg'), list_aggregate(['a', 'b'], 'string_agg', '-'), array_aggregate([1, 2, 3], 'max'), list_aggregate([1, 2, 4], 'stddev_pop');
SELECT list_stddev_pop([1, 2, 3]), list_var_samp([1, 2]), list_bool_and([true, false]), list_bool_or([true, false]), list_bit_and([5, 3]), list_histogram([1, 1, 2]);
SELECT list_transform([1, 2, 3], lambda x: x * 2), list_apply([1, NULL], lambda x: x + 1), array_transform(['a'], lambda x: upper(x)), list_transform([], lambda x: x + 1), list_transform(NULL::INTEGER[], lambda x: x + 1);
SELECT apply([1], lambda x: x);
SELECT list_transform([10, 20, 30], lambda x, i: x + i), list_filter([5, 6, 7, 8], lambda x, i: i % 2 = 0);
SELECT list_filter([1, 2, NULL, 4], lambda x: x > 1), filter([1, 2], lambda x: false), list_filter(['ab', 'c'], lambda x: len(x) > 1), array_filter([1, 2], lambda x: x = 1);
SELECT list_reduce([1, 2, 3], lambda a, x: a + x), list_reduce([1, 2, 3], lambda a, x: a * x, 10), array_reduce([1], lambda a, b: a + b);
SELECT reduce(['a', 'b', 'c'], lambda a, x: a || x);
-- differs: lambdas with three parameters
SELECT list_reduce([1, 2, 3], lambda a, x, i: a + x * i);
SELECT list_reduce([], lambda a, x: a + x);
SELECT list_reduce([]::INTEGER[], lambda a, x: a + x, 5);
SELECT id, list_transform(tags, lambda x: x || id) AS numbered FROM t ORDER BY id;
SELECT id, list_filter(tags, lambda x: x > name) AS later FROM t ORDER BY id;
SELECT id, [upper(x) for x in tags if len(x) > 1] AS long FROM t ORDER BY id;
SELECT list_transform([[1, 2], [3]], lambda l: list_sum(l)), list_transform([[1, 2], [3]], lambda l: list_transform(l, lambda x: x * len(l)));
SELECT [x.a * 2 for x in [{'a': 1}, {'a': 5}] if x.a > 1];
-- differs: tuples have names
SELECT list_zip([1, 2], ['a', 'b']);
-- differs: tuples have names
SELECT list_zip([1, 2, 3], [4]), list_zip([1, 2], [4], true);
-- differs: tuples have names
SELECT array_zip([1], [2], [3]);
SELECT list_select(['a', 'b', 'c'], [3, 1]), list_where([1, 2, 3], [true, false, true]), list_grade_up([30, 10, 20]), array_where([1, 2], [false, true]);
SELECT list_resize([1, 2], 4), list_resize([1, 2, 3], 1), list_resize([1], 3, 0), array_resize([1], 2, 9);
SELECT list_intersect([1, 2, 3], [2, 3, 4]), list_cosine_similarity([1.0, 2.0], [2.0, 1.0]), list_distance([0.0, 0.0], [3.0, 4.0]), list_inner_product([1.0, 2.0], [3.0, 4.0]), list_dot_product([1, 2], [3, 4]);
SELECT list_sort(list_intersect([3, 1, 1], [1, 3])), list_value(1, 2), list_pack(1, 2), array_value(1, 2);
SELECT array_to_string([1, 2], ','), generate_series(1, 3), range(3), range(1, 10, 4), range(5, 1, -2), range(0);
SELECT list_aggregate([1, 2], 'list'), repeat([1, 2], 2);
-- differs: lists have no fixed length
SELECT array_cosine_distance([1.0, 0.0]::DOUBLE[2], [0.0, 1.0]::DOUBLE[2]), array_distance([1.0]::DOUBLE[1], [2.0]::DOUBLE[1]);
-- differs: lists have no fixed length
SELECT array_cross_product([1.0, 0.0, 0.0]::DOUBLE[3], [0.0, 1.0, 0.0]::DOUBLE[3]);
SELECT [1, 2] = [1, 2], [1, 2] < [1, 3], [1] < [1, 0], [] < [0], [1, NULL] = [1, NULL], [2] > [1, 5], [1, NULL] < [1, 2];
SELECT [1] IS NOT DISTINCT FROM [1], [NULL] IS NULL, [1, 2] IN ([1, 2], [3]), NULL::INTEGER[] = [1], [1, 2] <> [2, 1];
SELECT 2 IN [1, 2], 'a' IN ['b'], 3 NOT IN [1, 2];
SELECT 1 = ANY ([1, 2]), 3 > ALL ([1, 2]), 1 = ANY ([]), 1 > ALL ([]::INTEGER[]);
SELECT x FROM (VALUES ([2, 1]), ([1]), ([1, 2]), (NULL), ([])) AS v(x) ORDER BY x;
SELECT x, count(*) AS n FROM (VALUES ([1]), ([1]), (NULL), ([NULL])) AS v(x) GROUP BY x ORDER BY x;
SELECT id FROM t WHERE list_contains(tags, 'red') ORDER BY id;
SELECT id FROM t WHERE 'b' IN tags ORDER BY id;
SELECT id FROM t WHERE 'b' = ANY (tags) ORDER BY id;
SELECT id FROM t WHERE len(tags) = 0 OR tags IS NULL ORDER BY id;
SELECT id, unnest(tags) AS tag, len(tags) AS n FROM t ORDER BY ALL;
SELECT tag, count(*) AS n FROM (SELECT unnest(tags) AS tag FROM t) GROUP BY tag ORDER BY tag;
SELECT unnest([1, 2]) AS a, unnest(['x', 'y', 'z']) AS b;
SELECT unnest([[1, 2], [3]]) AS x;
SELECT unnest([[1, 2], [3]], recursive := true) AS x;
-- differs: structs in lists that are taken apart
SELECT unnest([{'a': 1, 'b': 2}, {'a': 3, 'b': 4}], recursive := true);
SELECT unnest([{'a': 1, 'b': 2}]) AS s;
SELECT unnest([[[1], [2]], [[3]]], max_depth := 2) AS x;
SELECT unnest([]::INTEGER[]) AS x;
SELECT unnest(NULL::INTEGER[]) AS x;
SELECT unnest([3, 1, 2]) AS x ORDER BY x;
SELECT unnest([1, 2]) * 10 AS x;
SELECT sum(x) FROM (SELECT unnest([1, 2, 3]) AS x);
SELECT generate_subscripts([5, 6, 7], 1) AS i;
-- differs: spellings of others
SELECT * FROM unnest([1, 2], ['a', 'b', 'c']) AS x(n, s);
SELECT t.id, x.* FROM t, unnest(t.tags) WITH ORDINALITY AS x(tag, n) ORDER BY ALL;
SELECT list(x ORDER BY x DESC)[1:2] AS top FROM (SELECT unnest([3, 1, 2]) AS x);
SELECT [1, [2]];
SELECT [1, 2][1.5];
SELECT list_sum(['a']);
SELECT list_extract(5, 1);
SELECT list_transform([1], lambda x: missing);
SELECT [[1, 2], [3]][1][2], [{'a': 1}][1].a, [[], [1]][2], [NULL][1], [1, 2, 3][NULL];
SELECT list_transform(range(3), lambda i: {'i': i, 'sq': i * i}) AS s;
SELECT [DATE '2024-01-01', DATE '2024-02-01'][2], list_max([DATE '2024-01-01', DATE '2024-02-01']), ['a', 'b'] || ['c'], list_sort([TIME '10:00', TIME '09:00']);
SELECT id, list_sort(tags) AS s, list_distinct(tags) IS NULL AS none, array_to_string(tags, '+') AS j FROM t ORDER BY id;
SELECT id, (SELECT list(x ORDER BY x DESC) FROM unnest(tags) AS r(x)) AS backwards FROM t ORDER BY id;
SELECT list_has_any(tags, ['red', 'a']) AS found, count(*) FROM t GROUP BY found ORDER BY found;
SELECT CASE WHEN id < 3 THEN tags ELSE [] END AS l, coalesce(tags, ['none']) AS c FROM t ORDER BY id;
SELECT array_unique([1, 1, 2]), list_concat([1], [2.5]), list_append([1], 2.5);
SELECT list_contains([1.0, 2.0], 1);
