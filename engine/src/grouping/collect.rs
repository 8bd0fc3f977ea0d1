//! The first half: each input partition makes a table of its groups.

use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, Time};
use futures::StreamExt;

use super::spill::Spill;
use super::table::{Grouped, Table};

/// What an input partition came to.
pub(super) struct Collected {
    pub(super) table: Table,
    /// What had no room in memory.
    pub(super) spill: Option<Spill>,
    pub(super) reservation: MemoryReservation,
}

/// What the partitions share.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) grouped: Arc<Grouped>,
    pub(super) context: Arc<TaskContext>,
    pub(super) metrics: ExecutionPlanMetricsSet,
}

impl Collected {
    /// Writes to disk what is in memory.
    pub(super) fn write_out(&mut self, setting: &Setting, partition: usize) -> Result<()> {
        let spill = self.spill.get_or_insert_with(|| Spill::new(&setting.grouped, &setting.context, &setting.metrics, partition));
        spill.write(&setting.grouped, &mut self.table)?;
        self.table = setting.grouped.table()?;
        self.reservation.try_resize(self.table.size())
    }
}

/// Reads all of an input partition.
pub(super) async fn collect(
    setting: Setting,
    partition: usize,
    mut input: SendableRecordBatchStream,
    reservation: MemoryReservation,
    time: Time,
) -> Result<Collected> {
    let mut collected = Collected { table: setting.grouped.table()?, spill: None, reservation };
    let mut finest = setting.grouped.sets.as_ref().map(|sets| Ok::<_, DataFusionError>((sets, sets.finest()?))).transpose()?;
    while let Some(batch) = input.next().await {
        let batch = batch?;
        let timer = time.timer();
        let mut size = 0;
        match &mut finest {
            None => collected.table.update(&batch)?,
            Some((sets, groups)) => {
                groups.update(&batch)?;
                if groups.is_full() {
                    let does_not_pay = groups.does_not_pay();
                    groups.empty_into(sets, &mut collected.table)?;
                    if does_not_pay {
                        finest = None;
                    }
                } else {
                    size = groups.size();
                }
            }
        }
        if collected.reservation.try_resize(collected.table.size() + size).is_err() {
            if let Some((sets, groups)) = &mut finest {
                groups.empty_into(sets, &mut collected.table)?;
            }
            collected.write_out(&setting, partition)?;
        }
        timer.done();
    }
    if let Some((sets, mut groups)) = finest {
        let timer = time.timer();
        groups.empty_into(sets, &mut collected.table)?;
        if collected.reservation.try_resize(collected.table.size()).is_err() {
            collected.write_out(&setting, partition)?;
        }
        timer.done();
    }
    Ok(collected)
}
