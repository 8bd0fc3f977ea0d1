//! The 22 queries, with the validation parameters of the TPC-H specification, as files in `benchmarks/queries/tpch`.

use std::borrow::Cow;

/// A query of the suite.
#[derive(Debug, Clone, Copy)]
pub struct Query {
    /// Its number, 1 to 22.
    pub number: usize,
    /// Its text at scale factor 1.
    text: &'static str,
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
    ($($number:literal $file:literal;)*) => {
        /// All queries, in order.
        pub const QUERIES: [Query; 22] = [$(Query {
            number: $number,
            text: include_str!(concat!("../../queries/tpch/", $file, ".sql")),
        }),*];
    };
}

queries! {
    1 "01";
    2 "02";
    3 "03";
    4 "04";
    5 "05";
    6 "06";
    7 "07";
    8 "08";
    9 "09";
    10 "10";
    11 "11";
    12 "12";
    13 "13";
    14 "14";
    15 "15";
    16 "16";
    17 "17";
    18 "18";
    19 "19";
    20 "20";
    21 "21";
    22 "22";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::sql::Shape;

    #[test]
    fn numbers_are_positions() {
        for (position, query) in QUERIES.iter().enumerate() {
            assert_eq!(query.number, position + 1);
        }
    }

    #[test]
    fn the_sorted_columns_are_read_off_the_text() {
        let expected: [&[usize]; 22] = [
            &[0, 1],
            &[0, 2, 1, 3],
            &[1, 2],
            &[0],
            &[1],
            &[],
            &[0, 1, 2],
            &[0],
            &[0, 1],
            &[2],
            &[1],
            &[0],
            &[1, 0],
            &[],
            &[0],
            &[3, 0, 1, 2],
            &[],
            &[4, 3],
            &[],
            &[0],
            &[1, 0],
            &[0],
        ];
        for (query, expected) in QUERIES.iter().zip(expected) {
            assert_eq!(Shape::of(query.text).order_by, expected, "Q{}", query.number);
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
