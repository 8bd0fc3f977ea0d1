//! What was found out about a CSV file, as a table of one row: `sniff_csv('x.csv')`, with DuckDB's columns.

use crate::statements::objects::ddl;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, ListArray, RecordBatch, StringViewArray, StructArray, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;

use super::{Csv, Header};
use crate::error::{Result, from_datafusion};
use crate::types;

/// What is known of a file that was opened. `Prompt` is a query that reads it so.
pub(in crate::files) fn sniffed(csv: &Csv, path: &str) -> Result<Arc<dyn TableProvider>> {
    let records = &csv.records;
    let dialect = &records.dialect;
    let sign = |sign: Option<u8>| sign.map(|sign| char::from(sign).to_string()).unwrap_or_default();
    let names: Vec<&str> = records.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let kinds: Vec<String> = records.schema.fields().iter().map(|field| types::sql_name(field)).collect();
    let format = |is_date: bool| {
        let of_column = records.readings.iter().zip(records.schema.fields());
        let found = of_column.filter(|(_, field)| (*field.data_type() == DataType::Date32) == is_date);
        found.filter_map(|(reading, _)| reading.format.as_ref()).map(|format| format.text().to_owned()).next()
    };
    let (date, timestamp) = (format(true), format(false));
    let header = records.header != Header::None;
    let columns: Vec<String> = names.iter().zip(&kinds).map(|(name, kind)| format!("{}: {}", quoted(name), quoted(kind))).collect();
    let mut prompt = format!(
        "FROM read_csv({}, auto_detect = false, delim = {}, quote = {}, escape = {}, skip = {}, comment = {}, header = {header}, columns = {{{}}}",
        quoted(path),
        quoted(&sign(Some(dialect.delimiter))),
        quoted(&sign(dialect.quote)),
        quoted(&sign(Some(dialect.escape))),
        records.skip,
        quoted(&sign(dialect.comment)),
        columns.join(", ")
    );
    for (name, format) in [("dateformat", &date), ("timestampformat", &timestamp)] {
        if let Some(format) = format {
            prompt.push_str(&format!(", {name} = {}", quoted(format)));
        }
    }
    prompt.push_str(");");
    let text = |text: String| Arc::new(StringViewArray::from(vec![text])) as ArrayRef;
    let optional = |text: Option<String>| Arc::new(StringViewArray::from_iter([text])) as ArrayRef;
    let line_end = if dialect.lone_returns { "\\r" } else { "\\n" };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("Delimiter", text(sign(Some(dialect.delimiter)))),
        ("Quote", text(sign(dialect.quote))),
        ("Escape", text(sign(Some(dialect.escape)))),
        ("NewLineDelimiter", text(line_end.to_owned())),
        ("Comment", text(sign(dialect.comment))),
        ("SkipRows", Arc::new(UInt64Array::from(vec![records.skip as u64]))),
        ("HasHeader", Arc::new(BooleanArray::from(vec![header]))),
        ("Columns", column_list(&names, &kinds)?),
        ("DateFormat", optional(date)),
        ("TimestampFormat", optional(timestamp)),
        ("UserArguments", optional(None)),
        ("Prompt", text(prompt)),
    ];
    let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(_, array)| array).collect())?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]]).map_err(from_datafusion)?))
}

/// One list of structs.
fn column_list(names: &[&str], kinds: &[String]) -> Result<ArrayRef> {
    let fields: Fields = ["name", "type"].map(|name| Field::new(name, DataType::Utf8View, true)).to_vec().into();
    let parts: Vec<ArrayRef> = vec![
        Arc::new(names.iter().map(|name| Some(*name)).collect::<StringViewArray>()),
        Arc::new(kinds.iter().map(|kind| Some(kind.as_str())).collect::<StringViewArray>()),
    ];
    let structs = StructArray::try_new(fields.clone(), parts, None)?;
    let item = Arc::new(Field::new_list_field(DataType::Struct(fields), true));
    Ok(Arc::new(ListArray::try_new(item, OffsetBuffer::from_lengths([names.len()]), Arc::new(structs), None)?))
}

fn quoted(text: &str) -> String {
    ddl::literal(text)
}
