//! EXPORT DATABASE: all tables as files in a folder, with the SQL that makes them and loads them again. IMPORT DATABASE runs that (`import`).
//!
//! As in DuckDB, the folder holds `schema.sql`, `load.sql` and a file for each table, and the format is CSV unless another is told. A table that the format
//! cannot hold exactly is written in another one.

use clouddb_storage::TableSnapshot;
use clouddb_storage::catalog::{SequenceMeta, TableMeta};
use datafusion::sql::sqlparser::ast::{Ident, ObjectName};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;
use object_store::ObjectStoreExt;

use super::copy::{self, CopyStatement};
use crate::error::{Error, Result, from_datafusion};
use crate::files::{self, FileFormat, Given, Options, Place, Use};
use crate::session::result::Done;
use crate::settings::DEFAULT_SCHEMA;
use crate::statements::context::Context;
use crate::statements::objects::ddl;
use crate::statements::syntax::copy_options;
use crate::statements::syntax::names;
use crate::types::quoted_where_needed;

/// The file that makes schemas, tables and views.
pub(crate) const SCHEMA_FILE: &str = "schema.sql";

/// The file that loads the tables.
pub(crate) const LOAD_FILE: &str = "load.sql";

/// `EXPORT DATABASE`.
#[derive(Debug, Clone)]
pub(crate) struct ExportStatement {
    folder: String,
    options: Vec<(String, Given)>,
}

/// Whether a statement that begins with a word is one.
pub(crate) fn begins(word: &str) -> bool {
    word.eq_ignore_ascii_case("export")
}

/// Parses one; the parser stands before it.
pub(crate) fn parse(parser: &mut Parser<'_>) -> Result<ExportStatement, ParserError> {
    parser.next_token();
    parser.expect_keyword(Keyword::DATABASE)?;
    // DuckDB's `EXPORT DATABASE name TO 'folder'`.
    if matches!(parser.peek_token().token, Token::Word(_)) {
        let name = parser.parse_identifier()?;
        parser.expect_keyword(Keyword::TO)?;
        if !name.value.eq_ignore_ascii_case(crate::settings::CATALOG) {
            return Err(ParserError::ParserError(format!(
                "there is no database '{name}': this one is called '{}'",
                crate::settings::CATALOG
            )));
        }
    }
    let folder = parser.parse_literal_string()?;
    Ok(ExportStatement { folder, options: copy_options::parse(parser)? })
}

/// Writes the folder, all of it as of one snapshot.
pub(crate) async fn carry_out(context: &Context, export: ExportStatement) -> Result<Done> {
    let mut given = export.options;
    let mut options = Options::default();
    for (name, value) in &given {
        options.set("EXPORT DATABASE", Use::WRITE, name, value.clone())?;
    }
    let format = options.format.unwrap_or(FileFormat::Csv);
    options.check("EXPORT DATABASE", Use::writing(format))?;
    if options.write.makes_folders() {
        return Err(Error::invalid("EXPORT DATABASE writes a file for each table: it takes no option of folders"));
    }
    if options.format.is_none() {
        given.push(("format".to_owned(), Given::Text("csv".to_owned())));
    }
    let folder = export.folder.trim_end_matches('/').to_owned();
    let place = Place::of(&context.state, context.database.store_options(), &format!("{folder}/")).await?;
    if place.holds_any().await? {
        return Err(Error::invalid(format!("the folder '{folder}' is not empty")).with_hint("EXPORT DATABASE writes a new folder"));
    }
    let schema_text = schema_text(context)?;
    place.make_folder()?;
    let (mut load, mut rows, mut taken) = (String::new(), 0, Vec::new());
    let plain = Options::default();
    for (schema, table) in tables(context) {
        let format = format_for(table.meta(), format);
        // Options are those of the format that was asked for.
        let is_other = Some(format) != options.format.or(Some(FileFormat::Csv));
        let (given, options) = match is_other {
            true => (vec![("format".to_owned(), Given::Text(format.name().to_owned()))], &plain),
            false => (given.clone(), &options),
        };
        let table = &table.meta().name;
        let file = file_name(&schema, table, format, &mut taken);
        let path = format!("{folder}/{file}");
        let name = ObjectName::from(vec![Ident::with_quote('"', &schema), Ident::with_quote('"', table)]);
        let done = copy::to_files(context, CopyStatement::table_to(name, path.clone(), given)).await;
        rows += done.map_err(|error| error.context(format!("table {schema}.{table}")))?.rows.unwrap_or(0);
        load.push_str(&load_statement(&schema, table, &path, format, options));
    }
    for (name, text) in [(SCHEMA_FILE, schema_text), (LOAD_FILE, load)] {
        place.put(name, text).await?;
    }
    Ok(Done::with_rows("EXPORT", rows))
}

/// The format of a table's file: the one that was asked for, else the first that holds all of its columns exactly.
fn format_for(table: &TableMeta, wanted: FileFormat) -> FileFormat {
    let holds = |format: &FileFormat| table.columns.iter().all(|column| files::can_hold(*format, column.field()));
    [wanted, FileFormat::Parquet, FileFormat::Csv].into_iter().find(holds).unwrap_or(FileFormat::Arrow)
}

fn tables(context: &Context) -> Vec<(String, TableSnapshot)> {
    let of_schema = |schema: &str| {
        let tables = context.snapshot.tables(schema);
        tables.into_iter().map(|table| (schema.to_owned(), table)).collect::<Vec<_>>()
    };
    context.snapshot.schemas().flat_map(|schema| of_schema(&schema.name)).collect()
}

/// The name of a table's file: letters and digits only, so that every store and shell takes it.
fn file_name(schema: &str, table: &str, format: FileFormat, taken: &mut Vec<String>) -> String {
    let whole = if schema == DEFAULT_SCHEMA { table.to_owned() } else { format!("{schema}_{table}") };
    let plain: String = whole.chars().map(|letter| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '_' }).collect();
    let free = (0..).map(|number| if number == 0 { plain.clone() } else { format!("{plain}_{number}") });
    let name = free.into_iter().find(|name| !taken.iter().any(|other| other.eq_ignore_ascii_case(name))).unwrap_or_default();
    taken.push(name.clone());
    format!("{name}.{}", format.extension())
}

fn load_statement(schema: &str, table: &str, path: &str, format: FileFormat, options: &Options) -> String {
    let mut settings = vec![format!("FORMAT {}", format.name())];
    if format == FileFormat::Csv {
        let sign = |sign: u8| ddl::literal(&char::from(sign).to_string());
        settings.push(format!("HEADER {}", options.csv.header.unwrap_or(true)));
        settings.push(format!("DELIMITER {}", sign(options.csv.delimiter.unwrap_or(b','))));
        let quote = options.csv.quote.flatten().unwrap_or(b'"');
        settings.push(format!("QUOTE {}", sign(quote)));
        settings.push(format!("ESCAPE {}", sign(options.csv.escape.unwrap_or(quote))));
        settings.extend(options.csv.null.iter().flatten().map(|null| format!("NULLSTR {}", ddl::literal(null))));
    }
    for (name, told) in [("DATEFORMAT", &options.date_format), ("TIMESTAMPFORMAT", &options.timestamp_format)] {
        settings.extend(told.iter().map(|format| format!("{name} {}", ddl::literal(format))));
    }
    if matches!(format, FileFormat::Csv | FileFormat::Json)
        && let Some(compression) = &options.compression
    {
        settings.push(format!("COMPRESSION {compression}"));
    }
    format!("COPY {} FROM {} ({});\n", ddl::in_schema(schema, table), ddl::literal(path), settings.join(", "))
}

/// The SQL that makes all that is in the database, in an order in which it runs: a macro is not looked into before it is called, a default may name
/// sequences, and a view all of them and other views, which stand before it.
///
/// # Errors
/// *Not supported* for a sequence that has no more numbers: none that is made has none.
pub(crate) fn schema_text(context: &Context) -> Result<String> {
    let snapshot = &context.snapshot;
    let mut text = String::new();
    for schema in snapshot.schemas() {
        if schema.name != DEFAULT_SCHEMA {
            text.push_str(&format!("{}\n", ddl::create_schema(&schema.name)));
        }
        if let Some(comment) = &schema.comment {
            text.push_str(&format!("COMMENT ON SCHEMA {} IS {};\n", quoted_where_needed(&schema.name), ddl::literal(comment)));
        }
    }
    for schema in snapshot.schemas() {
        for sequence in snapshot.sequences(&schema.name) {
            let next = context.database.sequence_blocks().next_of(&sequence);
            let start = sequence.number(next).map_err(|_| {
                Error::unsupported(format!("the sequence '{}.{}' has no more numbers, and cannot be made so", schema.name, sequence.name))
                    .with_hint("CREATE OR REPLACE SEQUENCE makes another one in its place")
            })?;
            let sequence = SequenceMeta { start, ..sequence.as_ref().clone() };
            text.push_str(&format!("{}\n", ddl::create_sequence(&ddl::in_schema(&schema.name, &sequence.name), &sequence)));
        }
    }
    let mut search_path = DEFAULT_SCHEMA.to_owned();
    for schema in snapshot.schemas() {
        for meta in snapshot.macros(&schema.name) {
            set_schema(&mut text, &mut search_path, &meta.search_path);
            text.push_str(&format!("{}\n", ddl::create_macro(&ddl::in_schema(&schema.name, &meta.name), &meta)));
        }
    }
    set_schema(&mut text, &mut search_path, DEFAULT_SCHEMA);
    for schema in snapshot.schemas() {
        for table in snapshot.tables(&schema.name) {
            text.push_str(&format!("{}\n", ddl::create_table(&ddl::in_schema(&schema.name, &table.meta().name), table.meta())));
        }
    }
    for (schema, view) in ordered(snapshot.schemas().flat_map(|schema| {
        let views = snapshot.views(&schema.name);
        views.into_iter().map(|view| (schema.name.clone(), view)).collect::<Vec<_>>()
    })) {
        set_schema(&mut text, &mut search_path, &view.search_path);
        text.push_str(&format!("{}\n", ddl::create_view(&ddl::in_schema(&schema, &view.name), &view)));
    }
    set_schema(&mut text, &mut search_path, DEFAULT_SCHEMA);
    Ok(text)
}

/// Says in which schema names are looked up from now on, unless they are already.
fn set_schema(text: &mut String, now: &mut String, wanted: &str) {
    if now != wanted {
        wanted.clone_into(now);
        text.push_str(&format!("SET schema = {};\n", ddl::literal(wanted)));
    }
}

/// A view that waits for those that it reads.
struct Waiting<V> {
    schema: String,
    view: V,
    reads: Vec<(String, String)>,
}

/// Views, each behind those that it reads.
fn ordered<V: AsRef<clouddb_storage::catalog::ViewMeta>>(views: impl Iterator<Item = (String, V)>) -> Vec<(String, V)> {
    let mut left: Vec<Waiting<V>> = views
        .map(|(schema, view)| {
            // Names without a schema are those of the view's search path.
            let reads = names::table_names_in(&view.as_ref().sql, &view.as_ref().search_path);
            Waiting { schema, view, reads }
        })
        .collect();
    let mut done = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let reads = |one: &Waiting<V>, other: &Waiting<V>| {
            one.reads.iter().any(|(schema, name)| *schema == other.schema && *name == other.view.as_ref().name)
        };
        let waits = |at: usize| left.iter().enumerate().any(|(other, waiting)| other != at && reads(&left[at], waiting));
        // Views cannot read each other in a circle; if a name looks so, the order does not matter.
        let next = (0..left.len()).find(|at| !waits(*at)).unwrap_or(0);
        let Waiting { schema, view, .. } = left.remove(next);
        done.push((schema, view));
    }
    done
}

impl Place {
    /// Whether there is anything in the folder.
    async fn holds_any(&self) -> Result<bool> {
        Ok(!self.names().await?.is_empty())
    }

    /// Writes a small file into the folder.
    async fn put(&self, name: &str, text: String) -> Result<()> {
        let (store, path) = self.inside(name);
        store.put(&path, text.into()).await.map(|_| ()).map_err(|error| from_datafusion(error.into()).context(format!("writing '{name}'")))
    }
}
