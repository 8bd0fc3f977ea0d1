//! What a run of queries found: a table on standard output, JSON, and a page to look at.

use std::collections::BTreeMap;

use serde_json::json;

use super::RunArgs;
use super::contender::Contender;
use super::measure::{Measured, Outcome, Traffic};
use crate::error::{Error, Result};
use crate::numbers::{bytes, geometric_mean};
use crate::place::Place;
use crate::report::{self, Curve, Page, Ratio};
use crate::workload::Workload;

/// All that was measured, with what it was measured on.
pub(super) struct Results<'a> {
    pub(super) workload: &'a dyn Workload,
    pub(super) args: &'a RunArgs,
    pub(super) contenders: &'a [Contender],
    pub(super) measured: Vec<Measured>,
    pub(super) place: &'a Place,
}

/// Our time divided by a peer's, over the queries that both could do.
struct Against {
    us: usize,
    peer: usize,
    ratios: Vec<Ratio>,
    mean: f64,
}

impl Results<'_> {
    /// Prints and writes everything.
    ///
    /// # Errors
    /// When a file cannot be written, and when an answer of CloudDB differs.
    pub(super) fn report(&self) -> Result<()> {
        let (header, lines) = self.table();
        println!("{}", report::table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &lines));
        let verdict = self.verdict();
        if self.place.proxy.is_some() {
            println!(
                "{}",
                report::table(&["sums of all queries: requests, bytes, trips", "first round", "last round"], &self.traffic_sums())
            );
        }
        println!("{}, {} threads each, medians of {} rounds; {verdict}", self.workload.title(), self.args.threads, self.args.runs);
        let name = format!("{}-{}-{}", self.workload.suite(), self.workload.size(), self.place.kind());
        report::write_json(&self.args.out, &name, &self.json())?;
        let html = self.args.html.clone().unwrap_or_else(|| self.args.out.join(format!("{name}.html")));
        self.page(&verdict, header, lines)?.write(&html)?;
        // What a peer computes differently is said above; it is not for this project to fail on.
        let is_us = |problem: &String| problem.contains(" in clouddb");
        let differing: Vec<String> = self.problems(|outcome| outcome.differs.as_ref()).into_iter().filter(is_us).collect();
        if differing.is_empty() { Ok(()) } else { Err(Error::new(format!("answers differ:\n  {}", differing.join("\n  ")))) }
    }

    fn problems<'b>(&'b self, problem: impl Fn(&'b Outcome) -> Option<&'b String>) -> Vec<String> {
        let outcomes = self.measured.iter().flat_map(|query| query.outcomes.iter().zip(self.contenders).map(move |pair| (query, pair)));
        outcomes
            .filter_map(|(query, (outcome, contender))| Some(format!("{} in {}: {}", query.query, contender.name, problem(outcome)?)))
            .collect()
    }

    /// What can be said of the answers, in words.
    fn verdict(&self) -> String {
        let names = |test: &dyn Fn(&Measured) -> bool| {
            self.measured.iter().filter(|query| test(query)).map(|query| query.query.as_str()).collect::<Vec<_>>()
        };
        let differing = names(&|query| query.outcomes.iter().any(|outcome| outcome.differs.is_some()));
        let failed = self.problems(|outcome| outcome.failed.as_ref()).len();
        let mut says = match (differing.is_empty(), failed) {
            (true, 0) => vec!["all answers of all engines agree".to_owned()],
            (true, failed) => vec![format!("all answers agree, but {failed} are missing")],
            (false, _) => vec![format!("answers DIFFER in {}; {failed} are missing", differing.join(", "))],
        };
        let undecided = names(&|query| query.undecided);
        if !undecided.is_empty() {
            says.push(format!("LIMIT cuts through ties, only the columns sorted by were compared, in {}", undecided.join(", ")));
        }
        let alone = names(&|query| query.compared == 0);
        if !alone.is_empty() {
            says.push(format!("compared with nobody: {}", alone.join(", ")));
        }
        says.join("; ")
    }

    /// Each of ours against each peer, the peer of choice first.
    fn comparisons(&self) -> Vec<Against> {
        let is_us = |position: &usize| self.contenders[*position].is_us();
        let (us, mut peers): (Vec<usize>, Vec<usize>) = (0..self.contenders.len()).partition(is_us);
        peers.sort_by_key(|peer| Some(self.contenders[*peer].engine) != self.args.peer);
        us.iter().flat_map(|us| peers.iter().map(|peer| self.against(*us, *peer))).collect()
    }

    fn against(&self, us: usize, peer: usize) -> Against {
        let ratio = |query: &Measured| Some(query.outcomes[us].median()? / query.outcomes[peer].median()?);
        let ratios: Vec<Ratio> = self.measured.iter().map(|query| Ratio { name: query.query.clone(), value: ratio(query) }).collect();
        let mean = geometric_mean(&ratios.iter().filter_map(|ratio| ratio.value).collect::<Vec<_>>());
        Against { us, peer, ratios, mean }
    }

    /// Positions of the queries that every engine could do: means and sums are over these.
    fn common(&self) -> Vec<&Measured> {
        self.measured.iter().filter(|query| query.outcomes.iter().all(|outcome| outcome.median().is_some())).collect()
    }

    fn medians_of(&self, position: usize) -> Vec<f64> {
        self.common().iter().filter_map(|query| query.outcomes[position].median()).collect()
    }

    fn table(&self) -> (Vec<String>, Vec<Vec<String>>) {
        let comparisons = self.comparisons();
        let name = |position: usize| self.contenders[position].name.as_str();
        let mut header = vec!["query".to_owned()];
        header.extend(self.contenders.iter().map(|contender| format!("{}, ms", contender.name)));
        header.extend(comparisons.iter().map(|against| format!("{} / {}", name(against.us), name(against.peer))));
        let mut lines = Vec::new();
        for (number, query) in self.measured.iter().enumerate() {
            let mut line = vec![query.query.clone()];
            line.extend(query.outcomes.iter().map(|outcome| match (outcome.median(), &outcome.differs) {
                (Some(seconds), _) => format!("{:.1}", seconds * 1e3),
                (None, Some(_)) => "DIFFERS".to_owned(),
                (None, None) => "failed".to_owned(),
            }));
            line.extend(
                comparisons.iter().map(|against| against.ratios[number].value.map_or_else(String::new, |ratio| format!("{ratio:.2}"))),
            );
            lines.push(line);
        }
        let positions = 0..self.contenders.len();
        let mut mean = vec![format!("geometric mean of {}", self.common().len())];
        mean.extend(positions.clone().map(|position| format!("{:.1}", geometric_mean(&self.medians_of(position)) * 1e3)));
        mean.extend(comparisons.iter().map(|against| format!("{:.2}", against.mean)));
        let mut sum = vec![format!("sum of {}", self.common().len())];
        sum.extend(positions.map(|position| format!("{:.1}", self.medians_of(position).iter().sum::<f64>() * 1e3)));
        sum.extend(comparisons.iter().map(|against| {
            format!("{:.2}", self.medians_of(against.us).iter().sum::<f64>() / self.medians_of(against.peer).iter().sum::<f64>())
        }));
        lines.extend([mean, sum]);
        (header, lines)
    }

    fn json(&self) -> serde_json::Value {
        let store = &self.args.store;
        let settings = json!({
            "size": self.workload.size(), "runs": self.args.runs, "threads": self.args.threads, "store": store.store,
            "timeout_seconds": self.args.timeout, "cache_gib": self.args.cache_gib, "query_memory_gib": self.args.query_memory_gib,
            "far": store.far.then(|| json!({"delay_ms": store.distance.delay_ms, "rate_mb": store.distance.rate_mb})),
            "engines": self.contenders.iter().map(|engine| (&engine.name, &engine.description)).collect::<BTreeMap<_, _>>(),
        });
        let mut results = report::provenance(self.workload.suite(), &settings);
        let by_engine = |value: &dyn Fn(usize) -> f64| {
            self.contenders.iter().enumerate().map(|(position, contender)| (&contender.name, value(position))).collect::<BTreeMap<_, _>>()
        };
        results["verdict"] = json!(self.verdict());
        results["queries_of_all"] = json!(self.common().len());
        results["geometric_mean_seconds"] = json!(by_engine(&|position| geometric_mean(&self.medians_of(position))));
        results["sum_seconds"] = json!(by_engine(&|position| self.medians_of(position).iter().sum()));
        results["queries"] = self
            .measured
            .iter()
            .map(|query| {
                let engines: BTreeMap<_, _> = self
                    .contenders
                    .iter()
                    .zip(&query.outcomes)
                    .map(|(contender, outcome)| {
                        let mut value = json!(outcome);
                        value["median_seconds"] = json!(outcome.median());
                        (&contender.name, value)
                    })
                    .collect();
                json!({"query": query.query, "rows": query.rows, "undecided": query.undecided, "engines": engines})
            })
            .collect();
        results
    }

    /// The page: the ratios to the peer of choice first, then means, the way from the first round to the last, the others, and all numbers.
    fn page(&self, verdict: &str, header: Vec<String>, lines: Vec<Vec<String>>) -> Result<Page> {
        let mut page = Page::new(&format!("{}: CloudDB and its peers", self.workload.title()));
        page.fact("answers", verdict);
        page.fact(
            "times",
            &format!("medians of {} rounds after one that does not count, {} threads each", self.args.runs, self.args.threads),
        );
        for contender in self.contenders {
            page.fact(&contender.name, &contender.description);
        }
        let store = &self.args.store;
        page.fact("database", if self.place.folder().is_some() { "on this machine's disk" } else { "in a bucket" });
        if store.far {
            page.fact(
                "far away",
                &format!("+{} ms to the first byte, {} MB/s a connection", store.distance.delay_ms, store.distance.rate_mb),
            );
        }
        let name = |position: usize| self.contenders[position].name.as_str();
        let means: Vec<Ratio> = (0..self.contenders.len())
            .map(|position| Ratio { name: name(position).to_owned(), value: Some(geometric_mean(&self.medians_of(position)) * 1e3) })
            .collect();
        let heading = format!("Geometric means of the {} queries that every engine could do, in milliseconds", self.common().len());
        page.bars(&heading, "Shorter is faster.", &means)?;
        for against in self.comparisons() {
            let done = against.ratios.iter().filter(|ratio| ratio.value.is_some()).count();
            let heading = format!("{} against {}", name(against.us), name(against.peer));
            let note = format!(
                "Time of {} divided by time of {}, query by query: a bar below the line is a query in which CloudDB is faster. Geometric mean of {done}: {:.2}.",
                name(against.us),
                name(against.peer),
                against.mean
            );
            page.ratios(&heading, &note, &against.ratios)?;
        }
        page.curves(
            "From the first round to the last",
            "Geometric mean of a round's times, in milliseconds; round 0 is the first.",
            &self.curves(),
        )?;
        page.table("All queries", "Times in milliseconds; ratios without a unit.", &header, &lines);
        if self.place.proxy.is_some() {
            let (header, lines) = self.traffic(|outcome| outcome.first_traffic);
            page.table("Requests and bytes of the first round", "Counted at the proxy before the store.", &header, &lines);
            let (header, lines) = self.traffic(|outcome| outcome.traffic);
            page.table(
                "Requests and bytes of the last round",
                "Counted likewise: what an engine keeps, it does not ask for again.",
                &header,
                &lines,
            );
        }
        for (heading, problems) in [
            ("Answers that differ", self.problems(|outcome| outcome.differs.as_ref())),
            ("Queries without an answer", self.problems(|outcome| outcome.failed.as_ref())),
        ] {
            if !problems.is_empty() {
                page.table(heading, "", &["what".to_owned()], &problems.into_iter().map(|problem| vec![problem]).collect::<Vec<_>>());
            }
        }
        Ok(page)
    }

    fn curves(&self) -> Vec<Curve> {
        let common = self.common();
        let round = |position: usize, round: usize| {
            let seconds = common.iter().filter_map(|query| {
                let outcome = &query.outcomes[position];
                if round == 0 { outcome.first_seconds } else { outcome.seconds.get(round - 1).copied() }
            });
            geometric_mean(&seconds.collect::<Vec<_>>()) * 1e3
        };
        let curve = |(position, contender): (usize, &Contender)| Curve {
            label: contender.name.clone(),
            values: (0..=self.args.runs as usize).map(|number| round(position, number)).collect(),
        };
        self.contenders.iter().enumerate().map(curve).collect()
    }

    /// What each engine asked of the store in the first and in the last round.
    fn traffic_sums(&self) -> Vec<Vec<String>> {
        let sums = |of: &dyn Fn(&Outcome) -> Option<Traffic>| self.traffic(of).1.pop().unwrap_or_default();
        let (first, last) = (sums(&|outcome| outcome.first_traffic), sums(&|outcome| outcome.traffic));
        // The first cell says that these are sums.
        let both = first.into_iter().zip(last).skip(1);
        self.contenders.iter().zip(both).map(|(contender, (first, last))| vec![contender.name.clone(), first, last]).collect()
    }

    /// What each engine asked of the store, query by query and in sum.
    fn traffic(&self, of: impl Fn(&Outcome) -> Option<Traffic>) -> (Vec<String>, Vec<Vec<String>>) {
        let mut header = vec!["query".to_owned()];
        header.extend(self.contenders.iter().map(|contender| format!("{}: requests, bytes, trips", contender.name)));
        let text = |requests: u64, received: u64, trips: usize| format!("{requests}, {}, {trips}", bytes(received));
        let mut lines = Vec::new();
        let mut sums = vec![(0, 0, 0); self.contenders.len()];
        for query in &self.measured {
            let mut line = vec![query.query.clone()];
            for (outcome, sum) in query.outcomes.iter().zip(&mut sums) {
                line.push(of(outcome).map_or_else(String::new, |traffic| {
                    *sum = (sum.0 + traffic.requests, sum.1 + traffic.bytes, sum.2 + traffic.round_trips);
                    text(traffic.requests, traffic.bytes, traffic.round_trips)
                }));
            }
            lines.push(line);
        }
        lines.push(std::iter::once("sum".to_owned()).chain(sums.into_iter().map(|(r, b, t)| text(r, b, t))).collect());
        (header, lines)
    }
}
