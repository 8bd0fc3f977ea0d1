//! `system.views`: the views and their SQL.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringViewArray};
use arrow::datatypes::SchemaRef;
use clouddb_storage::Snapshot;
use datafusion::common::Result;

use super::{batch, optional_text, schema_of, text};

pub(super) fn schema() -> SchemaRef {
    schema_of(vec![text("schema"), text("name"), text("sql"), text("search_path"), optional_text("comment")])
}

pub(super) fn rows(snapshot: &Snapshot) -> Result<RecordBatch> {
    let views: Vec<_> =
        snapshot.schemas().flat_map(|schema| snapshot.views(&schema.name).into_iter().map(|view| (&schema.name, view))).collect();
    batch(
        schema(),
        vec![
            Arc::new(views.iter().map(|(schema, _)| Some(schema)).collect::<StringViewArray>()),
            Arc::new(views.iter().map(|(_, view)| Some(&view.name)).collect::<StringViewArray>()),
            Arc::new(views.iter().map(|(_, view)| Some(&view.sql)).collect::<StringViewArray>()),
            Arc::new(views.iter().map(|(_, view)| Some(&view.search_path)).collect::<StringViewArray>()),
            Arc::new(views.iter().map(|(_, view)| view.comment.as_ref()).collect::<StringViewArray>()),
        ],
    )
}
