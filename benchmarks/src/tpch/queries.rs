//! The 22 queries, with the validation parameters of the TPC-H specification, as files in `benchmarks/queries/tpch`.

use std::borrow::Cow;

/// A query of the suite.
#[derive(Debug, Clone, Copy)]
pub struct Query {
    /// Its number, 1 to 22.
    pub number: usize,
    /// Its text at scale factor 1.
    text: &'static str,
    /// The answer's columns that its ORDER BY sorts by.
    pub order_by: &'static [usize],
}

/// The one parameter that depends on the scale: Q11's fraction is 0.0001 divided by the scale factor.
const FRACTION_AT_SCALE_1: &str = "0.0001000000";

impl Query {
    /// Its text for a scale factor.
    pub fn sql(&self, scale: f64) -> Cow<'static, str> {
        let text = self.text.trim_end().trim_end_matches(';');
        if self.number == 11 && scale != 1.0 {
            // Ten digits after the point, as many as the specification's own value has; DuckDB and DataFusion read it as a decimal.
            return Cow::Owned(text.replace(FRACTION_AT_SCALE_1, &format!("{:.10}", 0.0001 / scale)));
        }
        Cow::Borrowed(text)
    }
}

macro_rules! queries {
    ($($number:literal $file:literal $order_by:expr;)*) => {
        /// All queries, in order.
        pub const QUERIES: [Query; 22] = [$(Query {
            number: $number,
            text: include_str!(concat!("../../queries/tpch/", $file, ".sql")),
            order_by: &$order_by,
        }),*];
    };
}

queries! {
    1 "01" [0, 1];
    2 "02" [0, 2, 1, 3];
    3 "03" [1, 2];
    4 "04" [0];
    5 "05" [1];
    6 "06" [];
    7 "07" [0, 1, 2];
    8 "08" [0];
    9 "09" [0, 1];
    10 "10" [2];
    11 "11" [1];
    12 "12" [0];
    13 "13" [1, 0];
    14 "14" [];
    15 "15" [0];
    16 "16" [3, 0, 1, 2];
    17 "17" [];
    18 "18" [4, 3];
    19 "19" [];
    20 "20" [0];
    21 "21" [1, 0];
    22 "22" [0];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_positions() {
        for (position, query) in QUERIES.iter().enumerate() {
            assert_eq!(query.number, position + 1);
        }
    }

    #[test]
    fn a_query_sorts_exactly_if_it_says_so() {
        for query in &QUERIES {
            assert_eq!(query.text.contains("ORDER BY"), !query.order_by.is_empty(), "Q{}", query.number);
        }
    }

    #[test]
    fn only_q11_depends_on_the_scale() {
        assert!(QUERIES[10].sql(1.0).contains(FRACTION_AT_SCALE_1));
        assert!(QUERIES[10].sql(10.0).contains("0.0000100000"));
        assert!(!QUERIES[10].sql(10.0).contains(FRACTION_AT_SCALE_1));
        for query in QUERIES.iter().filter(|query| query.number != 11) {
            assert_eq!(query.sql(1.0), query.sql(10.0));
        }
    }
}
