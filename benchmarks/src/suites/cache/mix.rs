//! The queries: a template for every two neighbouring columns of TPC-H's tables, some asked for often and most of them seldom.

use arrow::datatypes::{DataType, Field};

use crate::tpch::TABLES;
use crate::workload::rows::{below, zipf};

/// Salts, so that the templates' ranks and the queries' choice do not depend on each other.
const RANKS: u64 = 1;
const CHOICES: u64 = 2;

/// The queries of a run.
#[derive(Debug, Clone)]
pub(super) struct Mix {
    /// Every column of every table is read by one of them.
    pub(super) templates: Vec<String>,
    /// The queries before the scan, as positions of templates.
    pub(super) before: Vec<usize>,
    /// Those behind it.
    pub(super) after: Vec<usize>,
}

impl Mix {
    /// So many queries, the k-th template of them about 1/k as often as the first; a third of them before the scan. The same seed makes the same.
    pub(super) fn new(queries: u64, seed: u64) -> Self {
        let mut templates = templates();
        // Which template is the most frequent one is left to chance.
        for last in (1..templates.len()).rev() {
            templates.swap(last, below(last as u64, seed.wrapping_mul(4) + RANKS, last as u64 + 1) as usize);
        }
        let count = templates.len() as u64;
        let mut before: Vec<usize> = (0..queries).map(|query| zipf(query, seed.wrapping_mul(4) + CHOICES, count) as usize).collect();
        let after = before.split_off(before.len() / 3);
        Self { templates, before, after }
    }
}

fn templates() -> Vec<String> {
    let of_table = |table: &crate::tpch::Table| {
        let (schema, name) = (table.schema(), table.name());
        schema
            .fields()
            .chunks(2)
            .map(|columns| {
                let reads: Vec<String> = columns.iter().map(|column| reads(column)).collect();
                format!("SELECT {} FROM {name}", reads.join(", "))
            })
            .collect::<Vec<_>>()
    };
    TABLES.iter().flat_map(of_table).collect()
}

/// An aggregate that has to look at every value: statistics do not know it.
fn reads(column: &Field) -> String {
    let name = column.name();
    match column.data_type() {
        DataType::Date32 => format!("sum(extract(year FROM {name}))"),
        DataType::Int32 | DataType::Int64 | DataType::Decimal128(..) => format!("sum({name})"),
        _ => format!("sum(length({name}))"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_asks_for_few_often_and_follows_from_its_seed() {
        let mix = Mix::new(300, 1);
        assert_eq!((mix.before.len(), mix.after.len()), (100, 200));
        assert_eq!(mix.templates.iter().map(|sql| sql.matches("sum(").count()).sum::<usize>(), 61, "columns of TPC-H");
        let again = Mix::new(300, 1);
        assert_eq!((&mix.templates, &mix.after), (&again.templates, &again.after));
        assert_ne!(mix.templates, Mix::new(300, 2).templates);
        let asks = |template: usize| mix.before.iter().chain(&mix.after).filter(|choice| **choice == template).count();
        let (first, last) = (asks(0), asks(mix.templates.len() - 1));
        assert!(first > 40 && last < 15, "{first} {last}");
    }
}
