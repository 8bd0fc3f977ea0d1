//! The functions that there are, as a list.

use std::collections::BTreeMap;

use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::Volatility;

use super::super::{Facts, PG_CATALOG};
use crate::functions::{HIDDEN, in_our_name};
use crate::settings::DEFAULT_SCHEMA;

/// A function.
#[derive(Debug, Clone)]
pub(crate) struct FunctionObject {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// `scalar`, `aggregate`, `window`, `table` or `macro`.
    pub(crate) kind: &'static str,
    /// What a macro is.
    pub(crate) definition: Option<String>,
    /// The name that it is another one for.
    pub(crate) alias_of: Option<String>,
    pub(crate) deterministic: bool,
    pub(crate) description: Option<String>,
}

/// All functions that can be called, by name.
pub(crate) fn all(facts: &Facts<'_>) -> Vec<FunctionObject> {
    let mut found: BTreeMap<(String, &'static str), FunctionObject> = BTreeMap::new();
    let mut add = |name: &str, primary: &str, kind, volatility: Option<Volatility>, description: Option<&str>| {
        // Those that only the planner calls are nobody's business.
        if HIDDEN.contains(&primary) {
            return;
        }
        let function = FunctionObject {
            schema: DEFAULT_SCHEMA.to_owned(),
            name: name.to_owned(),
            kind,
            definition: None,
            alias_of: (name != primary).then(|| primary.to_owned()),
            deterministic: volatility.is_none_or(|volatility| volatility == Volatility::Immutable),
            description: description.map(|text| in_our_name(&text.split_whitespace().collect::<Vec<_>>().join(" "))),
        };
        found.insert((name.to_owned(), kind), function);
    };
    let session = facts.session;
    for (name, function) in session.scalar_functions() {
        let description = function.documentation().map(|documentation| documentation.description.as_str());
        add(name, function.name(), "scalar", Some(function.signature().volatility), description);
    }
    for (name, function) in session.aggregate_functions() {
        let description = function.documentation().map(|documentation| documentation.description.as_str());
        add(name, function.name(), "aggregate", Some(function.signature().volatility), description);
    }
    for (name, function) in session.window_functions() {
        let description = function.documentation().map(|documentation| documentation.description.as_str());
        add(name, function.name(), "window", Some(function.signature().volatility), description);
    }
    if let Some(state) = session.as_any().downcast_ref::<SessionState>() {
        state.table_functions().keys().for_each(|name| add(name, name, "table", None, None));
    }
    for name in super::super::names(PG_CATALOG).into_iter().filter(|name| super::super::table_of_function(name).is_some()) {
        add(name, name, "table", None, None);
    }
    let macros = facts.objects.macros.iter().map(|(schema, _, meta)| FunctionObject {
        schema: schema.clone(),
        name: meta.name.clone(),
        kind: "macro",
        definition: Some(meta.definition.clone()),
        alias_of: None,
        deterministic: false,
        description: meta.comment.clone(),
    });
    let mut all: Vec<FunctionObject> = found.into_values().chain(macros).collect();
    all.sort_by(|left, right| (&left.name, left.kind).cmp(&(&right.name, right.kind)));
    all
}
