//! The engines that are measured, behind one interface: run a query, say how long it took, give the answer.
//!
//! Each is a process of its own, reached through [`Worker`]: one that hangs or runs out of memory takes nobody with it.

mod clouddb;
mod datafusion;
mod protocol;
mod roster;
mod serve;
mod worker;

use std::sync::Arc;
use std::time::Instant;

use ::datafusion::arrow::array::RecordBatch;
use ::datafusion::arrow::datatypes::Schema;
use tokio::runtime::Runtime;

pub use self::clouddb::CloudDb;
pub use self::datafusion::DataFusion;
pub use self::protocol::{Keeps, Memory, Opened, Opening, Source};
pub use self::roster::EngineName;
pub(crate) use self::serve::child as serve;
pub use self::worker::{Failure, Worker, extensions, python};
use crate::answer::Answer;
use crate::error::{Context, Error, Result};

/// One run of a query.
#[derive(Debug, Clone)]
pub struct Run {
    /// From handing over the text to having the last row, in seconds, measured inside the engine's process.
    pub seconds: f64,
    /// What the answer's columns are called; empty for a statement that gives no rows.
    pub names: Vec<String>,
    /// The answer.
    pub answer: Answer,
}

/// What an engine of this program gives: the columns' names, and the rows.
type Batches = (Vec<String>, Vec<RecordBatch>);

/// An engine of this program, with the data at hand.
pub trait Engine {
    /// Its version.
    fn version(&self) -> String;

    /// Runs a query.
    ///
    /// # Errors
    /// When the engine reports one.
    fn run(&mut self, sql: &str) -> Result<Run>;

    /// Waits for what is still being written.
    fn close(&mut self) {}
}

/// Threads for an engine in this process: queries run on these and on no others.
///
/// # Errors
/// When the threads cannot be started.
pub fn runtime(threads: usize) -> Result<Arc<Runtime>> {
    let stack = clouddb_engine::THREAD_STACK_BYTES;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).thread_stack_size(stack).enable_all().build();
    Ok(Arc::new(runtime.context("starting the threads of a runtime")?))
}

/// Times a query that runs on `runtime`. The work is spawned, so that the calling thread only waits and `threads` means what it says.
fn time_query<F>(runtime: &Runtime, query: F) -> Result<Run>
where
    F: Future<Output = Result<Batches>> + Send + 'static,
{
    let (seconds, result) = runtime
        .block_on(runtime.spawn(async move {
            let start = Instant::now();
            let result = query.await;
            (start.elapsed().as_secs_f64(), result)
        }))
        .map_err(|error| Error::new(format!("the query's task ended early: {error}")))?;
    let (names, batches) = result?;
    Ok(Run { seconds, names, answer: Answer::from_batches(&batches)? })
}

fn names(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}
