//! A query that works for minutes without yielding leaves whoever waits for it free to stop.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use clouddb_engine::{Database, Options, StatementResult};
use futures::StreamExt;

#[test]
fn a_join_that_never_yields_can_be_left() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let database = Database::open("memory://", Options { threads: Some(1), ..Options::default() }).await.unwrap();
        let mut session = database.session();
        let join = "SELECT count(*) FROM range(0, 1000000) AS a JOIN range(0, 1000000) AS b ON a.value < b.value";
        let StatementResult::Rows(mut rows) = session.execute(join).await.unwrap() else { panic!("no rows") };
        for _ in 0..100 {
            tokio::select! {
                biased;
                row = rows.next() => panic!("there cannot be an answer yet: {row:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        drop(rows);
        let StatementResult::Rows(rows) = session.execute("SELECT 44").await.unwrap() else { panic!("no rows") };
        assert_eq!(rows.collect().await.unwrap()[0].num_rows(), 1);
    });
    // The join goes on until it would yield; nobody waits for it.
    runtime.shutdown_background();
}
