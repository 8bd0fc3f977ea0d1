//! Other names for functions that are there: DuckDB's, PostgreSQL's, Snowflake's, where arguments and answers are the same.

use std::sync::Arc;

/// Scalar functions: name, and other names for it.
pub(super) const SCALARS: &[(&str, &[&str])] = &[
    ("nvl", &["ifnull"]),
    ("array_has", &["list_has", "list_contains", "array_contains"]),
    ("array_has_all", &["list_has_all"]),
    ("array_has_any", &["list_has_any", "arrays_overlap", "array_overlaps"]),
    ("array_append", &["list_append", "array_push_back", "list_push_back"]),
    ("array_pop_back", &["list_pop_back"]),
    ("array_pop_front", &["list_pop_front"]),
    ("make_array", &["list_value", "list_pack", "array_value"]),
    ("array_intersect", &["list_intersect", "list_intersection", "array_intersection"]),
    ("array_except", &["list_except"]),
    ("array_union", &["list_union"]),
    ("array_reverse", &["list_reverse"]),
    ("array_dims", &["list_dims"]),
    ("cosine_distance", &["list_cosine_distance", "array_cosine_distance"]),
    ("inner_product", &["list_dot_product", "list_inner_product", "array_dot_product", "array_inner_product"]),
    ("arrays_zip", &["array_zip"]),
    ("array_distance", &["list_distance"]),
    ("starts_with", &["prefix", "startswith"]),
    ("ends_with", &["suffix", "endswith"]),
    ("upper", &["ucase"]),
    ("lower", &["lcase"]),
    ("struct", &["row"]),
    ("get_field", &["struct_extract"]),
];

/// Aggregates: name, and other names for it. None whose accumulator for windows is another one than for groups: DataFusion forgets it then.
pub(super) const AGGREGATES: &[(&str, &[&str])] = &[
    ("array_agg", &["list", "collect_list"]),
    ("string_agg", &["group_concat", "listagg"]),
    ("avg", &["mean"]),
    ("any_value", &["arbitrary"]),
    ("approx_distinct", &["approx_count_distinct"]),
    ("bool_and", &["every", "booland_agg", "logical_and"]),
    ("bool_or", &["boolor_agg", "logical_or"]),
    ("grouping", &["grouping_id"]),
    ("stddev", &["stddev_samp", "std"]),
    ("var", &["var_samp", "variance", "var_sample"]),
    ("var_pop", &["var_population"]),
    ("covar_samp", &["covar"]),
    ("approx_percentile_cont", &["approx_quantile"]),
];

/// Gives functions their other names: the last of those that have the name is the one that is taken.
pub(super) fn extend<T: Named>(functions: &mut Vec<Arc<T>>, table: &[(&str, &[&'static str])], with: fn(&Arc<T>, &[&'static str]) -> T) {
    for (name, aliases) in table {
        let found = functions.iter().rev().find(|function| function.name() == *name).map(|function| with(function, aliases));
        functions.extend(found.map(Arc::new));
    }
}

/// What has a name.
pub(super) trait Named {
    /// Its own name.
    fn name(&self) -> &str;
}

impl Named for datafusion::logical_expr::ScalarUDF {
    fn name(&self) -> &str {
        self.name()
    }
}

impl Named for datafusion::logical_expr::AggregateUDF {
    fn name(&self) -> &str {
        self.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alias_stands_for_something() {
        let scalars = super::super::scalars();
        for (name, _) in SCALARS {
            assert!(scalars.iter().any(|function| function.name() == *name), "{name}");
        }
        let aggregates = super::super::aggregates::aggregates();
        for (name, _) in AGGREGATES {
            assert!(aggregates.iter().any(|function| function.name() == *name), "{name}");
        }
    }
}
