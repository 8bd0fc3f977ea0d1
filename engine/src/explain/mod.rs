//! EXPLAIN: a plan as a tree that a person can read, in SQL's words.
//!
//! - `steps` says what each operator of a plan is in SQL; a new operator is a function in its table.
//! - `expression` writes expressions as SQL.
//! - `node` makes the tree: operators that only hand rows on are left out, and their time counts for what is below them.
//! - `draw` and `json` write it.

mod draw;
mod expression;
mod json;
mod node;
mod steps;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::physical_plan::ExecutionPlan;

use self::node::Node;

/// How a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A tree.
    Text,
    /// The same as JSON.
    Json,
    /// DataFusion's own lines, with its names.
    Indent,
}

/// What EXPLAIN is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) analyze: bool,
    pub(crate) format: Format,
}

/// What a run took, as far as its operators do not know it.
#[derive(Debug, Clone, Copy)]
struct Run {
    elapsed: Duration,
    rows: u64,
}

/// A plan, and when it began to run if it does.
#[derive(Debug)]
pub(crate) struct Explained {
    plan: Arc<dyn ExecutionPlan>,
    wish: Wish,
    begin: Instant,
}

impl Explained {
    pub(crate) fn new(plan: Arc<dyn ExecutionPlan>, wish: Wish) -> Self {
        Self { plan, wish, begin: Instant::now() }
    }

    /// The columns of the answer.
    pub(crate) fn schema() -> SchemaRef {
        let field = |name: &str| Field::new(name, DataType::Utf8View, false);
        Arc::new(Schema::new(vec![field("explain_key"), field("explain_value")]))
    }

    /// The answer. `rows` is how many rows the plan gave, if it was run.
    pub(crate) fn answer(&self, rows: Option<u64>) -> Result<RecordBatch> {
        let run = rows.map(|rows| Run { elapsed: self.begin.elapsed(), rows });
        let tree = Node::of(&self.plan, run.is_some());
        let text = match self.wish.format {
            Format::Json => json::text(&tree, run),
            Format::Text | Format::Indent => draw::text(&tree, run),
        };
        let key = if run.is_some() { "analyzed_plan" } else { "physical_plan" };
        let columns = [key, text.as_str()].map(|text| Arc::new(StringViewArray::from(vec![text])) as _);
        Ok(RecordBatch::try_new(Self::schema(), columns.into())?)
    }
}
