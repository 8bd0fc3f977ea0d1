//! Writes TPC-H `lineitem` into segments and reads it back, with one writer, and prints what that takes:
//! `cargo run --release -p clouddb-storage --example write_lineitem -- [SCALE] [URL]` (default: 1, in memory).

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::segment::reader::{read_footer, read_ranges};
use clouddb_storage::segment::{SegmentBody, writer::NextSegmentId};
use clouddb_storage::store::Store;
use clouddb_storage::{SchemaId, SegmentId, SessionId, TableId, TableWriter};
use tpchgen::generators::LineItemGenerator;
use tpchgen_arrow::LineItemArrow;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let scale: f64 = std::env::args().nth(1).unwrap_or_else(|| "1".to_owned()).parse()?;
    let store = Store::connect(&std::env::args().nth(2).unwrap_or_else(|| "memory://".to_owned()), &[]).await?;
    let rows = LineItemArrow::new(LineItemGenerator::new(scale, 1, 1));
    let columns =
        LineItemArrow::schema_ref().fields().iter().map(|field| ColumnSpec::new(field.name(), field.data_type().clone(), false)).collect();
    let table = Arc::new(TableMeta::new(TableId(1), SchemaId(1), "lineitem", columns, &[])?);
    let last = AtomicU64::new(0);
    let session = SessionId { opened_at: 0, random: u128::from(std::process::id()) };
    let next_id: NextSegmentId = Arc::new(move || SegmentId { session, number: last.fetch_add(1, Ordering::Relaxed) + 1 });

    let mut writer = TableWriter::new(store.clone(), table, next_id);
    let mut writing = Duration::ZERO;
    for batch in rows {
        let batch = batch?;
        let start = Instant::now();
        writer.write(batch).await?;
        writing += start.elapsed();
    }
    let start = Instant::now();
    let segments = writer.finish().await?;
    writing += start.elapsed();

    let (mut count, mut bytes, mut tails, mut decoded, mut reading) = (0, 0, 0, 0, Duration::ZERO);
    for segment in segments.iter().map(|segment| segment.meta()) {
        count += segment.rows;
        bytes += segment.bytes();
        decoded += segment.columns.iter().map(|column| column.decoded_bytes).sum::<u64>();
        let SegmentBody::Parquet(location) = &segment.body else { continue };
        tails += location.tail_length;
        let start = Instant::now();
        let footer = read_footer(&store, location).await?;
        read_ranges(&store, location, &footer, &[0..location.length - location.tail_length]).await?;
        reading += start.elapsed();
    }
    println!("{count} rows in {} segments: {bytes} bytes, of which {tails} in tails; {decoded} bytes decoded", segments.len());
    println!("written in {:.2} s: {:.0} rows/s", writing.as_secs_f64(), count as f64 / writing.as_secs_f64());
    println!("read and verified in {:.2} s: {:.0} MB/s", reading.as_secs_f64(), bytes as f64 / 1e6 / reading.as_secs_f64());
    Ok(())
}
