//! Groups that do not fit into memory: their states go to disk, in parts by the hash of their keys, so that each part can be merged for itself.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use datafusion::common::Result;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::execution::spill_file::SpillFile;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::SpillManager;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};

use super::table::{Grouped, Table};

/// In how many parts groups are spilled: each must fit into memory when it is merged.
pub(super) const PARTS: usize = 32;

/// Rows that are written together.
const ROWS: usize = 8192;

/// Cuts states by the hash of their keys.
pub(super) fn cut(states: &RecordBatch, keys: usize, parts: usize) -> Result<Vec<RecordBatch>> {
    if parts == 1 {
        return Ok(vec![states.clone()]);
    }
    let mut hashes = vec![0; states.num_rows()];
    create_hashes(&states.columns()[..keys], &RandomState::with_seed(0x9A27), &mut hashes)?;
    let mut rows = vec![Vec::new(); parts];
    for (row, hash) in (0u32..).zip(&hashes) {
        // The upper half: tables use the others.
        let part = ((hash >> 32) * parts as u64) >> 32;
        rows[usize::try_from(part).unwrap_or_default()].push(row);
    }
    rows.into_iter().map(|rows| Ok(take_record_batch(states, &UInt32Array::from(rows))?)).collect()
}

/// What one input partition has on disk.
pub(super) struct Spill {
    manager: SpillManager,
    /// By part.
    files: Vec<Vec<Arc<dyn SpillFile>>>,
}

impl std::fmt::Debug for Spill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let files: usize = self.files.iter().map(Vec::len).sum();
        f.debug_struct("Spill").field("files", &files).finish_non_exhaustive()
    }
}

impl Spill {
    pub(super) fn new(grouped: &Grouped, context: &TaskContext, metrics: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        let metrics = SpillMetrics::new(metrics, partition);
        let manager = SpillManager::new(context.runtime_env(), metrics, Arc::clone(&grouped.states));
        Self { manager, files: vec![Vec::new(); PARTS] }
    }

    /// Writes all groups of a table, which has none afterwards.
    pub(super) fn write(&mut self, grouped: &Grouped, table: &mut Table) -> Result<()> {
        let states = table.take_states()?;
        for (part, files) in cut(&states, grouped.key_count(), PARTS)?.iter().zip(&mut self.files) {
            let batches = slices(part).collect::<Vec<_>>();
            if !batches.is_empty() {
                files.extend(self.manager.spill_record_batch_and_finish(&batches, "groups that do not fit into memory")?);
            }
        }
        Ok(())
    }

    /// The batches of a part.
    pub(super) fn read(&self, part: usize) -> Result<Vec<SendableRecordBatchStream>> {
        let files = self.files.get(part).into_iter().flatten();
        files.map(|file| self.manager.read_spill_as_stream(Arc::clone(file), None)).collect()
    }
}

/// A batch in pieces of [`ROWS`].
pub(super) fn slices(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> {
    (0..batch.num_rows()).step_by(ROWS).map(|start| batch.slice(start, ROWS.min(batch.num_rows() - start)))
}
