//! The tables that a text of SQL names, for those who want to fetch ahead of need.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{ObjectName, Visit, Visitor};

use super::parse::{self, Parsed, name_parts};
use crate::session::stack;
use crate::settings::{CATALOG, DEFAULT_SCHEMA};

/// The tables (schema, name) that a script names, as far as it can be parsed. Names of WITH queries and views are among them: this is a guess that costs nothing if wrong.
pub fn table_names(sql: &str) -> Vec<(String, String)> {
    table_names_in(sql, DEFAULT_SCHEMA)
}

/// The same; names without a schema are of `search_path`.
pub(crate) fn table_names_in(sql: &str, search_path: &str) -> Vec<(String, String)> {
    struct Names<'a>(Vec<(String, String)>, &'a str);
    impl Visitor for Names<'_> {
        type Break = ();
        fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
            let Ok(mut parts) = name_parts(relation) else { return ControlFlow::Continue(()) };
            let (name, schema, catalog) = (parts.pop(), parts.pop(), parts.pop());
            if let (Some(name), true) = (name, catalog.is_none_or(|catalog| catalog == CATALOG)) {
                let found = (schema.unwrap_or_else(|| self.1.to_owned()), name);
                if !self.0.contains(&found) {
                    self.0.push(found);
                }
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(Vec::new(), search_path);
    for statement in parse::parse(sql).unwrap_or_default() {
        stack::on_big_stack(statement.sql(), || {
            match parse::parse_statement(&statement) {
                Ok(Parsed::Sql(statement) | Parsed::InsertByName(statement)) => {
                    let _ = statement.visit(&mut names);
                }
                Ok(Parsed::Copy(copy)) => {
                    let _ = copy.visit_relations(&mut names);
                }
                Ok(Parsed::Cache(statement)) => {
                    let _ = names.pre_visit_relation(statement.table());
                }
                Ok(Parsed::Show(show)) => {
                    let _ = show.table().map(|table| names.pre_visit_relation(table));
                }
                Ok(_) | Err(_) => {}
            };
        });
    }
    names.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_tables_in_queries_and_loads() {
        let names = |sql| table_names(sql).into_iter().map(|(schema, name)| format!("{schema}.{name}")).collect::<Vec<_>>();
        assert_eq!(
            names("SELECT * FROM a JOIN s.b ON true WHERE x IN (SELECT y FROM \"C\"); INSERT INTO d SELECT 1"),
            ["main.a", "s.b", "main.C", "main.d"]
        );
        assert_eq!(names("COPY (SELECT * FROM a) TO 'x.csv'; COPY b FROM 'y.csv'"), ["main.a", "main.b"]);
        assert_eq!(names("SELECT 1; SELEKT"), Vec::<String>::new());
    }
}
