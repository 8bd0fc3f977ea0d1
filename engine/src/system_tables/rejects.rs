//! `system.rejects`: lines of files that statements of this process refused.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;

use super::{batch, number, optional_text, schema_of, text, to_number};
use crate::scan::Caches;

pub(super) fn schema() -> SchemaRef {
    schema_of(vec![number("statement"), text("file"), number("line"), optional_text("column_name"), text("error"), text("csv_line")])
}

pub(super) fn rows(caches: &Caches) -> Result<RecordBatch> {
    let refused = caches.rejects.all();
    batch(
        schema(),
        vec![
            Arc::new(refused.iter().map(|line| Some(to_number(line.statement))).collect::<Int64Array>()),
            Arc::new(refused.iter().map(|line| Some(&line.file)).collect::<StringViewArray>()),
            Arc::new(refused.iter().map(|line| Some(to_number(line.line))).collect::<Int64Array>()),
            Arc::new(refused.iter().map(|line| line.column.as_ref()).collect::<StringViewArray>()),
            Arc::new(refused.iter().map(|line| Some(&line.error)).collect::<StringViewArray>()),
            Arc::new(refused.iter().map(|line| Some(&line.text)).collect::<StringViewArray>()),
        ],
    )
}
