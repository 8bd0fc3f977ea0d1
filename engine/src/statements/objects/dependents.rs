//! The views that read a table or a view, themselves or through others: what DROP ... CASCADE drops too.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use clouddb_storage::catalog::ViewMeta;
use clouddb_storage::{Snapshot, Transaction};
use datafusion::sql::sqlparser::ast::{ObjectName, Visit, Visitor};

use crate::error::{Error, Result};
use crate::settings::CATALOG;
use crate::statements::context::QualifiedName;
use crate::statements::lookup;
use crate::statements::syntax::parse;

/// What becomes of the views that read what is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dependents {
    /// They stay, and fail when they are read, as in DuckDB.
    Stay,
    /// CASCADE: they are dropped too.
    Drop,
    /// RESTRICT: while there are some, nothing is dropped.
    Refuse,
}

impl Dependents {
    /// What the words of a DROP mean.
    pub(crate) fn of(cascade: bool, restrict: bool) -> Self {
        match (cascade, restrict) {
            (true, _) => Self::Drop,
            (false, true) => Self::Refuse,
            (false, false) => Self::Stay,
        }
    }

    /// Does that, before the things of these names are dropped.
    pub(crate) fn carry_out(self, transaction: &mut Transaction, of: &[QualifiedName]) -> Result<()> {
        if self == Self::Stay {
            return Ok(());
        }
        let views = views_reading(&transaction.snapshot(), of);
        match views.first() {
            Some((view, _)) if self == Self::Refuse => {
                let names: Vec<String> = of.iter().map(|name| format!("'{name}'")).collect();
                Err(Error::invalid(format!("the view '{view}' reads {}", names.join(", "))).with_hint("CASCADE drops such views too"))
            }
            _ => views.iter().try_for_each(|(_, view)| transaction.drop_view(view.id)),
        }
    }
}

/// The views that read any of some tables and views. What cannot be parsed any more reads nothing.
fn views_reading(snapshot: &Snapshot, of: &[QualifiedName]) -> Vec<(QualifiedName, Arc<ViewMeta>)> {
    let views: Vec<_> = snapshot
        .schemas()
        .flat_map(|schema| snapshot.views(&schema.name).into_iter().map(|view| (schema.name.clone(), view)))
        .map(|(schema, view)| (QualifiedName { schema, name: view.name.clone() }, reads(&view), view))
        .collect();
    let key = |name: &QualifiedName| (name.schema.to_lowercase(), name.name.to_lowercase());
    let mut wanted: BTreeSet<_> = of.iter().map(key).collect();
    let mut found = Vec::new();
    loop {
        let before = found.len();
        for (name, reads, view) in &views {
            if !wanted.contains(&key(name)) && reads.iter().any(|read| wanted.contains(read)) {
                wanted.insert(key(name));
                found.push((name.clone(), Arc::clone(view)));
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// The names that a view's query reads, in small letters.
fn reads(view: &ViewMeta) -> Vec<(String, String)> {
    struct Names<'a>(&'a str, Vec<(String, String)>);
    impl Visitor for Names<'_> {
        type Break = ();
        fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
            let parts = lookup::parts(relation).unwrap_or_default();
            let found = match parts.as_slice() {
                [name] => Some((self.0, name)),
                [schema, name] => Some((schema.as_str(), name)),
                [catalog, schema, name] if catalog.eq_ignore_ascii_case(CATALOG) => Some((schema.as_str(), name)),
                _ => None,
            };
            self.1.extend(found.map(|(schema, name)| (schema.to_lowercase(), name.to_lowercase())));
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(&view.search_path, Vec::new());
    if let Ok(query) = parse::parse_query(&view.sql) {
        let _ = query.visit(&mut names);
    }
    names.1
}
