//! `clouddb verify`: reads every live object and tells what is wrong.

use std::io::Write;
use std::sync::Arc;

use clouddb_storage::store::Store;
use clouddb_storage::verify::{VerifyProgress, VerifyReport, verify};

use crate::args::VerifyArgs;
use crate::failure::{Failure, Result};
use crate::output;
use crate::progress::Progress;
use crate::render::{printable, units};

pub(crate) async fn run(args: &VerifyArgs) -> Result<()> {
    let store = Store::connect(&args.database, &args.common.store_options).await?;
    let counter = Arc::new(VerifyProgress::default());
    let progress = {
        let (bytes, total) = (Arc::clone(&counter), Arc::clone(&counter));
        Progress::bytes("verifying", move || bytes.bytes(), move || total.total_bytes())
    };
    let report = verify(&store, &counter).await?;
    drop(progress);
    tell(&report)?;
    match report.problems.is_empty() {
        true => Ok(()),
        false => Err(Failure::Told(1)),
    }
}

fn tell(report: &VerifyReport) -> Result<()> {
    let mut out = output::stdout();
    for problem in &report.problems {
        writeln!(out, "{}", printable::escaped(&problem.to_string()))?;
    }
    writeln!(
        out,
        "read snapshot {}: {} with {}, {}, {} with {}, {}",
        report.snapshot,
        units::counted(report.records, "log record"),
        units::counted(report.transactions, "transaction"),
        units::counted(report.checkpoints, "checkpoint"),
        units::counted(report.segments, "segment"),
        units::counted(report.rows, "row"),
        units::bytes(report.bytes),
    )?;
    if report.unreferenced > 0 {
        writeln!(
            out,
            "{} ({}) left behind by writers that did not commit; they do no harm",
            units::counted(report.unreferenced, "object"),
            units::bytes(report.unreferenced_bytes),
        )?;
    }
    match report.problems.len() {
        0 => writeln!(out, "nothing is wrong")?,
        count => writeln!(out, "{} found", units::counted(count as u64, "problem"))?,
    }
    out.flush()?;
    Ok(())
}
