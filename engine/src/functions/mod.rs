//! SQL's functions: DataFusion's, and ours in place of those that are missing or answer otherwise than DuckDB and PostgreSQL.
//!
//! Most of ours look at one row at a time and are defined by a line in a table: `text`, `dates`, `numbers`, `json`, by what they are about. `rows` is how such a
//! line becomes a function. Others look at whole columns: `lists`, `aggregates`. `aliases` is one table of other names for what is there.

mod aggregates;
mod aliases;
mod catalogue;
mod dates;
mod extended;
mod family;
mod fill;
pub(crate) mod json;
mod lists;
mod numbers;
mod planner;
mod rows;
mod series;
mod suggestion;
mod text;
pub(crate) mod uuids;
mod values;

use std::sync::{Arc, LazyLock};

use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

pub(crate) use aggregates::{aggregates, ordered as ordered_aggregate};
pub use catalogue::{Entry, Kind, catalogue};
pub(crate) use catalogue::{HIDDEN, in_our_name};
pub use family::Family;
pub(crate) use lists::with_lambdas;
pub(crate) use series::tables;
pub use suggestion::suggestion;
pub(crate) use suggestion::{no_function, wrong_arguments};

/// All scalar functions: of two with the same name the later one is taken.
pub(crate) fn scalars() -> Vec<Arc<ScalarUDF>> {
    let mut functions = SessionStateDefaults::default_scalar_functions();
    functions.extend(OURS.iter().cloned());
    aliases::extend(&mut functions, aliases::SCALARS, |function, names| function.as_ref().clone().with_aliases(names.iter().copied()));
    functions
}

/// All window functions.
pub(crate) fn windows() -> Vec<Arc<WindowUDF>> {
    let mut functions = SessionStateDefaults::default_window_functions();
    functions.push(fill::function());
    functions
}

/// What SQL's own syntax becomes.
pub(crate) fn planner() -> Arc<dyn ExprPlanner> {
    Arc::new(planner::FunctionPlanner)
}

/// Our scalar functions, made once.
static OURS: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(ours);

fn ours() -> Vec<Arc<ScalarUDF>> {
    let rows = [text::functions(), dates::functions(), numbers::functions(), values::functions(), json::functions()].concat();
    let mut functions: Vec<Arc<ScalarUDF>> = rows.into_iter().map(rows::Function::into_udf).collect();
    functions.extend(numbers::of_any_number());
    functions.extend(values::of_any_type());
    functions.extend(lists::functions());
    functions.extend(json::of_any_type());
    functions.extend(dates::of_the_clock());
    functions.extend(uuids::functions());
    // What is called in further ways, or is asked for with arguments that become other types.
    let named = |functions: &[Arc<ScalarUDF>], name: &str| functions.iter().find(|function| function.name() == name).cloned();
    let of_dates = dates::of_several(|name| named(&functions, name));
    let of_texts = text::of_several();
    let of_json = json::of_structures();
    let others = SessionStateDefaults::default_scalar_functions();
    let of_lists = lists::of_other_types(|name| named(&others, name));
    for group in [of_dates, of_texts, of_json, of_lists] {
        functions.retain(|known| !group.iter().any(|function| function.name() == known.name()));
        functions.extend(group);
    }
    functions
}

/// An aggregate by one of its names.
pub(crate) fn aggregate_named(name: &str) -> Option<Arc<AggregateUDF>> {
    aggregates::named(name)
}

/// One of our scalar functions, by its own name.
pub(crate) fn scalar_named(name: &str) -> Option<Arc<ScalarUDF>> {
    OURS.iter().find(|function| function.name() == name).cloned()
}

/// Microseconds of a part of a moment, such as 'hour', if it is shorter than a day.
pub(crate) fn length_of_part(name: &str) -> Option<i64> {
    dates::length_of_part(name)
}

/// A clock, in microseconds, and an interval.
///
/// # Errors
/// *Invalid* for years that are too far away.
pub(crate) fn shifted_clock(micros: i64, by: arrow::datatypes::IntervalMonthDayNano) -> crate::error::Result<i64> {
    dates::shifted(micros, by)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Sessions register functions again in any order: a name that two of them have would be one's or the other's by chance.
    fn disputed(functions: Vec<(Vec<String>, usize)>) -> Vec<String> {
        let names: HashMap<&String, usize> = functions.iter().flat_map(|(names, place)| names.iter().map(|name| (name, *place))).collect();
        let is_there = |place: usize| names.values().any(|found| *found == place);
        let kept = functions.iter().filter(|(_, place)| is_there(*place));
        kept.flat_map(|(own, place)| own.iter().filter(|name| names[*name] != *place).cloned()).collect()
    }

    #[test]
    fn every_name_belongs_to_one_function() {
        let with_names = |(place, name, aliases): (usize, &str, &[String])| {
            (std::iter::once(name.to_owned()).chain(aliases.iter().cloned()).collect(), place)
        };
        let all = scalars();
        let scalars = all.iter().enumerate().map(|(place, function)| with_names((place, function.name(), function.aliases()))).collect();
        assert_eq!(disputed(scalars), Vec::<String>::new());
        let all = aggregates();
        let aggregates = all.iter().enumerate().map(|(place, function)| with_names((place, function.name(), function.aliases()))).collect();
        assert_eq!(disputed(aggregates), Vec::<String>::new());
    }
}
