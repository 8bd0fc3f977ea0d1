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
        names: &[".tables"],
        arguments: "[PATTERN]",
        words: (0, 1),
        about: "Tables and views; a pattern is LIKE's, or has * for any text",
        action: Action::Later(|runner, given| list(runner, relations(given.word(0), None), "tables or views", given.word(0))),
    },
    Definition {
        names: &["\\d", ".describe"],
        arguments: "[TABLE]",
        words: (0, 1),
        about: "A table's columns; without a table, all tables and views",
        action: Action::Later(|runner, given| match given.word(0) {
            Some(table) => Box::pin(async move { runner.statement(&format!("DESCRIBE {table}")).await }),
            None => list(runner, relations(None, None), "tables or views", None),
        }),
    },
    Definition {
        names: &["\\d+"],
        arguments: "[TABLE]",
        words: (0, 1),
        about: "A table's rows, size, columns and comments; without a table, all tables and views",
        action: Action::Later(in_detail),
    },
    Definition {
        names: &["\\dt"],
        arguments: "[PATTERN]",
        words: (0, 1),
        about: "Tables",
        action: Action::Later(|runner, given| list(runner, relations(given.word(0), Some("BASE TABLE")), "tables", given.word(0))),
    },
    Definition {
        names: &["\\dt+"],
        arguments: "[PATTERN]",
        words: (0, 1),
        about: "Tables with their rows, sizes and comments",
        action: Action::Later(|runner, given| {
            list(runner, relations_in_detail(given.word(0), Some("BASE TABLE")), "tables", given.word(0))
        }),
    },
    Definition {
        names: &["\\dv", "\\dv+"],
        arguments: "[PATTERN]",
        words: (0, 1),
        about: "Views",
        action: Action::Later(|runner, given| list(runner, relations(given.word(0), Some("VIEW")), "views", given.word(0))),
    },
    Definition {
        names: &["\\dn", ".schemas"],
        arguments: "[PATTERN]",
        words: (0, 1),
        about: "Schemas",
        action: Action::Later(|runner, given| {
            let pattern = condition("schema_name", given.word(0));
            let sql = format!("SELECT schema_name FROM information_schema.schemata WHERE true{pattern} ORDER BY schema_name");
            list(runner, sql, "schemas", given.word(0))
        }),
    },
    Definition {
        names: &["\\df", ".functions"],
        arguments: "[PATTERN]",
        words: (0, 1),
        about: "Functions; \\h NAME explains one",
        action: Action::Later(|runner, given| {
            let pattern = condition("function_name", given.word(0));
            let sql = format!(
                "SELECT DISTINCT function_name AS name, function_type AS type, description FROM duckdb_functions() \
                 WHERE true{pattern} ORDER BY name, type"
            );
            list(runner, sql, "functions", given.word(0))
        }),
    },
    Definition {
        names: &["\\ds", ".sequences"],
        arguments: "[PATTERN]",
        words: (0, 1),
        about: "Sequences",
        action: Action::Later(|runner, given| {
            let pattern = condition("sequence_name", given.word(0));
            let sql = format!(
                "SELECT schema_name AS schema, sequence_name AS name, last_value, increment_by FROM duckdb_sequences() \
                 WHERE true{pattern} ORDER BY schema, name"
            );
            list(runner, sql, "sequences", given.word(0))
        }),
    },
    Definition {
        names: &[".databases", "\\l", ".database"],
        arguments: "",
        words: (0, 0),
        about: "The database, those that are attached, and where they are",
        action: Action::Later(databases),
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
        about: "The statements that make all that there is, or one table, with the rows",
        action: Action::Later(dump),
    },
];

/// The schema of temporary tables, which end with the session.
const TEMPORARY: &str = "temp";

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

/// The same with what is known of each: for tables that are stored, rows and bytes.
fn relations_in_detail(pattern: Option<&str>, kind: Option<&str>) -> String {
    format!(
        "SELECT t.table_schema AS schema, t.table_name AS name, t.table_type AS type, coalesce(d.estimated_size, s.rows) AS rows, \
         format_bytes(s.bytes) AS size, coalesce(d.comment, v.comment) AS comment FROM ({}) AS t \
         LEFT JOIN system.tables AS s ON s.schema = t.table_schema AND s.name = t.table_name \
         LEFT JOIN duckdb_tables() AS d ON d.schema_name = t.table_schema AND d.table_name = t.table_name \
         LEFT JOIN duckdb_views() AS v ON v.schema_name = t.table_schema AND v.view_name = t.table_name \
         ORDER BY schema, name",
        relations(pattern, kind)
    )
}

/// Writes a list. Where people read, an empty one is a line that says so.
fn list<'a>(runner: &'a mut Runner, sql: String, what: &'static str, pattern: Option<&'a str>) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        if runner.settings.style.format.is_for_people() && runner.rows(&sql).await?.is_empty() {
            return runner.say(&match pattern {
                Some(pattern) => format!("no {what} like {}", quoted_text(pattern)),
                None => format!("no {what}"),
            });
        }
        runner.statement(&sql).await
    })
}

/// `\d+`: a table, and its columns with what is said of them.
fn in_detail<'a>(runner: &'a mut Runner, given: &'a Given) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let Some(name) = given.word(0) else {
            return list(runner, relations_in_detail(None, None), "tables or views", None).await;
        };
        // A pattern means several tables: they are listed.
        if name.contains(['*', '?', '%']) {
            return list(runner, relations_in_detail(Some(name), None), "tables or views", Some(name)).await;
        }
        let (schema, table) = match name.rsplit_once('.') {
            Some((schema, table)) => (quoted_text(&schema.replace('"', "")), table),
            None => ("current_schema()".to_owned(), name),
        };
        let table = quoted_text(&table.replace('"', ""));
        let of_table = format!("lower(table_name) = lower({table}) AND lower(schema_name) IN (lower({schema}), 'temp')");
        let columns = format!(
            "SELECT column_name, data_type AS column_type, CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END AS \"null\", \
             column_default AS \"default\", comment FROM duckdb_columns() WHERE {of_table} ORDER BY column_index"
        );
        if runner.rows(&columns).await?.is_empty() {
            // DESCRIBE says what is wrong, or knows what the catalog does not list.
            return runner.statement(&format!("DESCRIBE {name}")).await;
        }
        let wanted = format!("lower(name) = lower({table}) AND lower(schema) IN (lower({schema}), 'temp')");
        let details = format!("SELECT * FROM ({}) WHERE {wanted}", relations_in_detail(None, None));
        if !runner.rows(&details).await?.is_empty() {
            runner.statement(&details).await?;
        }
        runner.statement(&columns).await
    })
}

fn databases<'a>(runner: &'a mut Runner, _: &'a Given) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let found = runner.rows("SELECT database_name, path, readonly FROM duckdb_databases() ORDER BY database_oid").await?;
        for database in found {
            let [Some(name), Some(place), read_only] = database.as_slice() else { continue };
            let state = if read_only.as_deref() == Some("true") { ", read only" } else { "" };
            runner.say(&format!("{name}: {}{state}", place.strip_prefix("file://").unwrap_or(place)))?;
        }
        Ok(())
    })
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
        match given.word(0) {
            // All that there is: macros and sequences, too, in an order in which the statements run.
            None => {
                let rows = runner.rows("SHOW CREATE DATABASE").await?;
                let sql = rows.into_iter().next().and_then(|row| row.into_iter().next_back()).flatten().unwrap_or_default();
                if !sql.trim().is_empty() {
                    runner.say(sql.trim_end())?;
                }
            }
            Some(_) => {
                make_schemas(runner, &relations).await?;
                for relation in &relations {
                    let sql = definition(runner, relation).await?;
                    runner.say(&sql)?;
                }
            }
        }
        for relation in relations.iter().filter(|relation| !relation.is_view && (given.word(0).is_some() || relation.schema != TEMPORARY)) {
            let mut style = runner.settings.style.clone();
            (style.format, style.plot, style.table) = (Format::Insert, None, relation.sql_name());
            runner.write_rows(&format!("SELECT * FROM {}", relation.sql_name()), &style).await?;
        }
        runner.say("COMMIT;")?;
        runner.out.flush()?;
        runner.out.end_of_answer()
    })
}
