//! What the suite found.

use serde_json::{Value, json};

use super::cold::Cold;
use super::hot::Hot;
use super::{Args, Lookup};
use crate::error::Result;
use crate::numbers::{bytes, median, milliseconds, percentile};
use crate::place::Place;
use crate::report::{self, Page, Ratio};
use crate::suites::cold_open::trips_to_first_data;

/// The percentiles that are shown.
const PERCENTILES: [f64; 3] = [50.0, 95.0, 99.0];

/// All that was measured.
pub(super) struct Results<'a> {
    pub(super) args: &'a Args,
    pub(super) place: &'a Place,
    pub(super) cold: Vec<Cold>,
    pub(super) hot: Vec<Hot>,
}

impl Results<'_> {
    /// Prints and writes everything.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn report(&self) -> Result<()> {
        let Args { scale, runs, keys, seed, threads, store, out, no_prefetch, .. } = self.args;
        let title = format!("Lookups in lineitem of TPC-H scale {scale}, clustered by l_orderkey");
        println!("{title}, on {}", store.store);
        let far = format!("+{} ms to the first byte, {} MB/s a connection", store.distance.delay_ms, store.distance.rate_mb);
        if store.far {
            println!("({far})");
        }
        let cold_header =
            ["a new process", "whole process", "query alone", "round trips", "the most", "to first data", "requests", "received"];
        let cold = Lookup::ALL.map(|lookup| self.cold_line(lookup));
        println!("medians of {runs} processes each:\n{}", report::table(&cold_header, &cold));
        if self.place.proxy.is_none() {
            println!("round trips and requests are counted at the proxy: --far");
        }
        let hot_header = ["asked before", "engine", "p50, ms", "p95, ms", "p99, ms"];
        let hot: Vec<Vec<String>> = Lookup::ALL
            .iter()
            .enumerate()
            .flat_map(|(kind, lookup)| self.hot.iter().map(move |hot| hot_line(*lookup, kind, hot)))
            .collect();
        println!("{keys} random keys (seed {seed}), one after the other:\n{}", report::table(&hot_header, &hot));
        println!("{}", self.verdict());

        let settings = json!({
            "scale": scale, "runs": runs, "keys": keys, "seed": seed, "threads": threads, "prefetch": !no_prefetch, "store": store.store,
            "far": store.far.then(|| json!({"delay_ms": store.distance.delay_ms, "rate_mb": store.distance.rate_mb})),
        });
        let mut results = report::provenance("lookup", &settings);
        results["cold"] = self.cold.iter().map(cold_entry).collect();
        results["hot"] = self.hot.iter().flat_map(hot_entries).collect();
        let name = format!("lookup-sf{scale}-{}", self.place.kind());
        report::write_json(out, &name, &results)?;

        let mut page = Page::new(&title);
        page.fact("answers", &self.verdict());
        page.fact("database", &store.store);
        if store.far {
            page.fact("far away", &far);
        }
        for hot in &self.hot {
            page.fact(hot.engine.name(), &format!("{}, reads {}, {threads} threads", hot.version, hot.engine.reads()));
        }
        for (kind, lookup) in Lookup::ALL.iter().enumerate() {
            for percent in [50.0, 99.0] {
                let heading = format!("{} lookups by processes that were asked before: p{percent}, in microseconds", lookup.name());
                let bar =
                    |hot: &Hot| Ratio { name: hot.engine.name().to_owned(), value: Some(percentile(&hot.seconds[kind], percent) * 1e6) };
                page.bars(&heading, "Shorter is faster.", &self.hot.iter().map(bar).collect::<Vec<_>>())?;
            }
        }
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        page.table(&format!("{keys} random keys, one after the other"), "", &owned(&hot_header), &hot);
        page.table(
            &format!("New processes, medians of {runs}"),
            "Requests are counted at a proxy, if there is one.",
            &owned(&cold_header),
            &cold,
        );
        page.write(&out.join(format!("{name}.html")))
    }

    fn verdict(&self) -> String {
        match self.hot.len() {
            0 | 1 => "answers were compared with no other engine's".to_owned(),
            _ => "all answers of all engines agree".to_owned(),
        }
    }

    fn cold_line(&self, lookup: Lookup) -> Vec<String> {
        let values =
            |value: &dyn Fn(&Cold) -> f64| -> Vec<f64> { self.cold.iter().filter(|cold| cold.lookup == lookup).map(value).collect() };
        let trips = values(&|cold| cold.trace.round_trips() as f64);
        vec![
            lookup.name().to_owned(),
            milliseconds(median(&values(&|cold| cold.wall))),
            milliseconds(median(&values(&|cold| cold.query))),
            format!("{}", median(&trips)),
            format!("{}", percentile(&trips, 100.0)),
            format!("{}", median(&values(&|cold| trips_to_first_data(&cold.trace) as f64))),
            format!("{}", median(&values(&|cold| cold.trace.requests.len() as f64))),
            bytes(median(&values(&|cold| cold.trace.counts().bytes_down as f64)) as u64),
        ]
    }
}

fn hot_line(lookup: Lookup, kind: usize, hot: &Hot) -> Vec<String> {
    let mut line = vec![lookup.name().to_owned(), hot.engine.name().to_owned()];
    line.extend(PERCENTILES.map(|percent| format!("{:.2}", percentile(&hot.seconds[kind], percent) * 1e3)));
    line
}

fn cold_entry(cold: &Cold) -> Value {
    json!({
        "lookup": cold.lookup.name(), "seconds": cold.wall, "query_seconds": cold.query, "round_trips": cold.trace.round_trips(),
        "round_trips_to_first_data": trips_to_first_data(&cold.trace), "requests": cold.trace.requests.len(),
        "bytes_received": cold.trace.counts().bytes_down,
    })
}

fn hot_entries(hot: &Hot) -> Vec<Value> {
    let entry = |(kind, lookup): (usize, &Lookup)| {
        let [p50, p95, p99] = PERCENTILES.map(|percent| percentile(&hot.seconds[kind], percent));
        json!({
            "lookup": lookup.name(), "engine": hot.engine.name(), "version": hot.version,
            "p50_seconds": p50, "p95_seconds": p95, "p99_seconds": p99,
        })
    };
    Lookup::ALL.iter().enumerate().map(entry).collect()
}
