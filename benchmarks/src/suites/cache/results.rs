//! What the suite found, and whether it is as it has to be.

use serde_json::{Value, json};

use super::callers::{self, Asked};
use super::replay::Replayed;
use super::{Args, Callers, Case};
use crate::error::{Error, Result};
use crate::numbers::{bytes, median};
use crate::report::{self, Page, Ratio};

/// How far above budget and the queries' own memory a process may be.
const SLACK: f64 = 1.2;

/// All that was measured.
pub(super) struct Results<'a> {
    pub(super) args: &'a Args,
    /// Bytes of all decoded columns.
    pub(super) working_set: u64,
    /// The first keeps nothing.
    pub(super) cases: Vec<Case>,
    pub(super) callers: Callers,
    /// How far away the store is.
    pub(super) kind: &'static str,
}

impl Results<'_> {
    /// Prints and writes everything.
    ///
    /// # Errors
    /// When a file cannot be written, and when something is not as it has to be.
    pub(super) fn report(&self) -> Result<()> {
        let Args { scale, queries, seed, runs, threads, store, out, .. } = self.args;
        let title = format!("{queries} queries (seed {seed}) of TPC-H scale {scale}, whose columns take {}", bytes(self.working_set));
        println!("{title}; medians of {runs} rounds, on {}", store.store);
        let (header, lines) = (self.header(), self.lines());
        let names: Vec<&str> = header.iter().map(String::as_str).collect();
        println!("{}", report::table(&names, &lines));
        let (callers_header, callers_lines) = (Self::callers_header(), self.callers_lines());
        let names: Vec<&str> = callers_header.iter().map(String::as_str).collect();
        println!("{}", report::table(&names, &callers_lines));
        if self.unknown_memory() {
            println!("this system does not tell a process's memory: it was not checked");
        }
        let problems = self.problems();
        let verdict = if problems.is_empty() { "memory and loads are as they have to be".to_owned() } else { problems.join("; ") };

        let settings = json!({
            "scale": scale, "queries": queries, "seed": seed, "runs": runs, "threads": threads, "store": store.store,
            "far": store.far.then(|| json!({"delay_ms": store.distance.delay_ms, "rate_mb": store.distance.rate_mb})),
        });
        let mut results = report::provenance("cache", &settings);
        results["verdict"] = json!(verdict);
        results["working_set_bytes"] = json!(self.working_set);
        results["cases"] = self.cases.iter().map(|case| self.entry(case)).collect();
        results["callers"] = json!([self.callers.many, self.callers.one, self.callers.unkept]);
        let name = format!("cache-sf{scale}-{}", self.kind);
        report::write_json(out, &name, &results)?;

        let mut page = Page::new("Decoded columns in a budget that is too small for them");
        page.fact("queries", &title);
        page.fact("database", &store.store);
        page.fact("checked", &verdict);
        let bars = |value: &dyn Fn(&Case) -> f64| -> Vec<Ratio> {
            self.cases.iter().skip(1).map(|case| Ratio { name: named(case), value: Some(value(case)) }).collect()
        };
        page.bars("Hit ratio, in percent", "Longer is better.", &bars(&|case| hit_ratio(case) * 100.0))?;
        page.bars("Time of all queries, in milliseconds", "Shorter is faster.", &bars(&|case| seconds(case) * 1e3))?;
        let mebi = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let memory = self.cases.iter().skip(1).flat_map(|case| {
            let bar = |name: String, value: Option<u64>| Ratio { name, value: value.map(mebi) };
            [bar(named(case), peak(&case.runs)), bar(format!("limit of {} %", case.percent), self.limit(case))]
        });
        let note = "The most memory that a process had, the median of the rounds, and what it may have: budget, and the most that the queries take with none, and 20 %.";
        page.bars("Memory, in MiB", note, &memory.collect::<Vec<_>>())?;
        page.table("All budgets", "", &header, &lines);
        page.table("Callers that want one column at once", "", &callers_header, &callers_lines);
        page.write(&out.join(format!("{name}.html")))?;
        println!("{verdict}");
        if problems.is_empty() { Ok(()) } else { Err(Error::new(problems.join("\n  "))) }
    }

    /// What the case's process may have: its budget, what the queries take with none, and some more.
    fn limit(&self, case: &Case) -> Option<u64> {
        Some(limit(case.keeps.cache_bytes.unwrap_or(0), peak(&self.cases.first()?.runs)?))
    }

    /// The same for the callers.
    fn callers_limit(&self) -> Option<u64> {
        Some(limit(self.working_set, self.callers.unkept.peak_rss_bytes?))
    }

    fn unknown_memory(&self) -> bool {
        self.callers_limit().is_none()
    }

    fn problems(&self) -> Vec<String> {
        let too_much = |what: String, had: Option<u64>, may: Option<u64>| {
            had.zip(may).filter(|(had, may)| had > may).map(|(had, may)| format!("{what}: {} of memory, above {}", bytes(had), bytes(may)))
        };
        let mut problems: Vec<String> =
            self.cases.iter().skip(1).filter_map(|case| too_much(named(case), peak(&case.runs), self.limit(case))).collect();
        let many = &self.callers.many;
        problems.extend(too_much(format!("{} callers", many.callers), many.peak_rss_bytes, self.callers_limit()));
        problems.extend(callers::problem(many, &self.callers.one));
        problems
    }

    fn header(&self) -> Vec<String> {
        ["budget", "bytes", "policy", "hit ratio", "before the scan", "behind it", "time", "kept", "memory", "limit"]
            .map(str::to_owned)
            .to_vec()
    }

    fn lines(&self) -> Vec<Vec<String>> {
        let known = |value: Option<u64>| value.map_or_else(|| "unknown".to_owned(), bytes);
        let percent = |ratio: f64| format!("{:.1} %", ratio * 100.0);
        let line = |case: &Case| {
            vec![
                format!("{} %", case.percent),
                bytes(case.keeps.cache_bytes.unwrap_or(0)),
                case.policy.to_owned(),
                percent(hit_ratio(case)),
                percent(median_of(case, |run| run.before.hit_ratio())),
                percent(median_of(case, |run| run.after.hit_ratio())),
                format!("{:.2} s", seconds(case)),
                bytes(median_of(case, |run| run.kept_bytes as f64) as u64),
                known(peak(&case.runs)),
                if case.percent == 0 { String::new() } else { known(self.limit(case)) },
            ]
        };
        self.cases.iter().map(line).collect()
    }

    fn callers_header() -> Vec<String> {
        ["callers at once", "row groups", "loads", "GET requests", "received", "time", "memory", "limit"].map(str::to_owned).to_vec()
    }

    fn callers_lines(&self) -> Vec<Vec<String>> {
        let known = |value: Option<u64>| value.map_or_else(|| "unknown".to_owned(), bytes);
        let line = |asked: &Asked, name: String, chunks: String, limit: String| {
            let Asked { loads, gets, bytes: read, seconds, peak_rss_bytes, .. } = asked;
            let (loads, gets) = (loads.to_string(), gets.to_string());
            vec![name, chunks, loads, gets, bytes(*read), format!("{:.1} ms", seconds * 1e3), known(*peak_rss_bytes), limit]
        };
        let Callers { many, one, unkept } = &self.callers;
        vec![
            line(many, many.callers.to_string(), many.chunks.to_string(), known(self.callers_limit())),
            line(one, one.callers.to_string(), one.chunks.to_string(), String::new()),
            line(unkept, format!("{}, nothing kept", unkept.callers), many.chunks.to_string(), String::new()),
        ]
    }

    fn entry(&self, case: &Case) -> Value {
        json!({
            "policy": case.policy, "percent": case.percent, "budget_bytes": case.keeps.cache_bytes, "hit_ratio": hit_ratio(case),
            "seconds": seconds(case), "limit_bytes": self.limit(case), "runs": case.runs,
        })
    }
}

fn limit(budget: u64, queries: u64) -> u64 {
    ((budget + queries) as f64 * SLACK) as u64
}

fn named(case: &Case) -> String {
    let us = if case.keeps.lru { "" } else { "clouddb: " };
    format!("{us}{}, {} %", case.policy, case.percent)
}

fn median_of(case: &Case, value: impl Fn(&Replayed) -> f64) -> f64 {
    median(&case.runs.iter().map(value).collect::<Vec<_>>())
}

fn hit_ratio(case: &Case) -> f64 {
    median_of(case, |run| run.before.and(run.after).hit_ratio())
}

fn seconds(case: &Case) -> f64 {
    median_of(case, |run| run.seconds)
}

/// The most memory of a process, the median of the rounds: when freed memory goes back to the system depends on what else the machine does, so that one round
/// alone can be half as much above another.
fn peak(runs: &[Replayed]) -> Option<u64> {
    let peaks: Option<Vec<f64>> = runs.iter().map(|run| run.peak_rss_bytes.map(|bytes| bytes as f64)).collect();
    peaks.map(|peaks| median(&peaks) as u64)
}
