//! Commands that show what there is: tables, columns, schemas, functions; and the statements that would make it again.

use std::io::Write;

use futures::future::LocalBoxFuture;

use super::{Action, Definition, Given};
use crate::failure::{Failure, Result};
use crate::output;
use crate::render::Format;
use crate::run::Runner;
use crate::words::{quoted_name, quoted_text};

pub(super) const COMMANDS: &[Definition] = &[
    Definition {
        names: &[".tables", "\\d+", "\\dt+"],
        arguments: "[PATTERN]",
        words: (0, 1),
        about: "Tables and views; a pattern is LIKE's, or has * for any text",
        action: Action::Sql(|given| relations(given.word(0), None)),
    },
    Definition {
        names: &["\\d", ".describe"],
        arguments: "[TABLE]",
        words: (0, 1),
        about: "A table's columns; without a table, all tables and views",
        action: Action::Sql(|given| match given.word(0) {
            Some(table) => format!("DESCRIBE {table}"),
            None => relations(None, None),
        }),
    },
    Definition {
        names: &["\\dt"],
        arguments: "[PATTERN]",
        words: (0, 1),
        about: "Tables",
        action: Action::Sql(|given| relations(given.word(0), Some("BASE TABLE"))),
    },
    Definition {
        names: &["\\dv"],
        arguments: "[PATTERN]",
        words: (0, 1),
        about: "Views",
        action: Action::Sql(|given| relations(given.word(0), Some("VIEW"))),
    },
    Definition {
        names: &["\\dn", ".schemas"],
        arguments: "[PATTERN]",
        words: (0, 1),
        about: "Schemas",
        action: Action::Sql(|given| {
            let pattern = condition("schema_name", given.word(0));
            format!("SELECT schema_name FROM information_schema.schemata WHERE true{pattern} ORDER BY schema_name")
        }),
    },
    Definition {
        names: &["\\df", ".functions"],
        arguments: "[PATTERN]",
        words: (0, 1),
        about: "Functions",
        action: Action::Sql(|given| {
            let pattern = condition("routine_name", given.word(0));
            format!(
                "SELECT DISTINCT routine_name AS name, function_type AS type, syntax_example AS example, description \
                 FROM information_schema.routines WHERE true{pattern} ORDER BY name"
            )
        }),
    },
    Definition {
        names: &[".databases", "\\l", ".database"],
        arguments: "",
        words: (0, 0),
        about: "The database and where it is",
        action: Action::Now(databases),
    },
    Definition { names: &["\\conninfo"], arguments: "", words: (0, 0), about: "Where the database is", action: Action::Now(connection) },
    Definition {
        names: &[".schema"],
        arguments: "[TABLE]",
        words: (0, 1),
        about: "The statements that make the tables and views",
        action: Action::Later(schema),
    },
    Definition {
        names: &[".dump"],
        arguments: "[TABLE]",
        words: (0, 1),
        about: "The statements that make the tables and views with their rows",
        action: Action::Later(dump),
    },
];

/// A condition on a name, behind `WHERE ...`.
fn condition(column: &str, pattern: Option<&str>) -> String {
    match pattern {
        // psql's signs are a file's; LIKE's stay what they are.
        Some(pattern) => format!(" AND {column} ILIKE {}", quoted_text(&pattern.replace('*', "%").replace('?', "_"))),
        None => String::new(),
    }
}

/// A query for tables and views. A pattern with a dot names the schema, too.
fn relations(pattern: Option<&str>, kind: Option<&str>) -> String {
    let kind = kind.map_or_else(String::new, |kind| format!(" AND table_type = {}", quoted_text(kind)));
    let pattern = match pattern.and_then(|pattern| pattern.split_once('.')) {
        Some((schema, table)) => condition("table_schema", Some(schema)) + &condition("table_name", Some(table)),
        None => condition("table_name", pattern),
    };
    format!(
        "SELECT table_schema, table_name, table_type FROM information_schema.tables \
         WHERE table_schema NOT IN ('information_schema', 'system', 'pg_catalog'){kind}{pattern} ORDER BY table_schema, table_name"
    )
}

fn databases(runner: &mut Runner, _: &Given) -> Result<()> {
    let storage = runner.database.storage();
    let state = if storage.is_read_only() { ", read only" } else { "" };
    let line = format!("{}: {}{state}", clouddb_engine::CATALOG, output::place(storage.store()));
    runner.say(&line)
}

fn connection(runner: &mut Runner, _: &Given) -> Result<()> {
    let line = format!("You are connected to the database at {}.", output::place(runner.database.storage().store()));
    runner.say(&line)
}

/// A table or view that is to be made again.
struct Relation {
    schema: String,
    name: String,
    is_view: bool,
}

impl Relation {
    fn sql_name(&self) -> String {
        match self.schema == clouddb_engine::DEFAULT_SCHEMA {
            true => quoted_name(&self.name),
            false => format!("{}.{}", quoted_name(&self.schema), quoted_name(&self.name)),
        }
    }
}

/// The tables, then the views, that a command is about.
async fn chosen(runner: &mut Runner, given: &Given) -> Result<Vec<Relation>> {
    let rows = runner.rows(&relations(given.word(0), None)).await?;
    if let (Some(table), true) = (given.word(0), rows.is_empty()) {
        return Err(Failure::Message(format!("there is no table or view '{table}'\nhint: .tables lists what there is")));
    }
    let mut relations: Vec<Relation> = rows
        .into_iter()
        .filter_map(|row| match <[Option<String>; 3]>::try_from(row) {
            Ok([Some(schema), Some(name), kind]) => Some(Relation { schema, name, is_view: kind.as_deref() == Some("VIEW") }),
            _ => None,
        })
        .collect();
    relations.sort_by_key(|relation| relation.is_view);
    Ok(relations)
}

/// The statement that makes a table or view again.
async fn definition(runner: &mut Runner, relation: &Relation) -> Result<String> {
    let kind = if relation.is_view { "VIEW" } else { "TABLE" };
    let rows = runner.rows(&format!("SHOW CREATE {kind} {}", relation.sql_name())).await?;
    let sql = rows.into_iter().next().and_then(|row| row.into_iter().next_back()).flatten().unwrap_or_default();
    Ok(format!("{};", sql.trim().trim_end_matches(';')))
}

async fn make_schemas(runner: &mut Runner, relations: &[Relation]) -> Result<()> {
    let mut made: Vec<&str> = vec![clouddb_engine::DEFAULT_SCHEMA];
    for relation in relations {
        if !made.contains(&relation.schema.as_str()) {
            made.push(&relation.schema);
            runner.say(&format!("CREATE SCHEMA IF NOT EXISTS {};", quoted_name(&relation.schema)))?;
        }
    }
    Ok(())
}

fn schema<'a>(runner: &'a mut Runner, given: &'a Given) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let relations = chosen(runner, given).await?;
        make_schemas(runner, &relations).await?;
        for relation in &relations {
            let sql = definition(runner, relation).await?;
            runner.say(&sql)?;
        }
        runner.out.end_of_answer()
    })
}

fn dump<'a>(runner: &'a mut Runner, given: &'a Given) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let relations = chosen(runner, given).await?;
        runner.say("BEGIN;")?;
        make_schemas(runner, &relations).await?;
        for relation in &relations {
            let sql = definition(runner, relation).await?;
            runner.say(&sql)?;
            if !relation.is_view {
                let mut style = runner.settings.style.clone();
                (style.format, style.plot, style.table) = (Format::Insert, None, relation.sql_name());
                runner.write_rows(&format!("SELECT * FROM {}", relation.sql_name()), &style).await?;
            }
        }
        runner.say("COMMIT;")?;
        runner.out.flush()?;
        runner.out.end_of_answer()
    })
}
