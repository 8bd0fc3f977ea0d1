//! The loop: one query, all engines, all rounds.

use serde::Serialize;

use super::RunArgs;
use super::check::{Reference, Verdict};
use super::contender::Contender;
use crate::answer::Answer;
use crate::numbers::{median, milliseconds};
use crate::place::Place;
use crate::workload::Query;
use crate::workload::sql::Shape;

/// What an engine asked of a far-away store for one query.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Traffic {
    pub(super) requests: u64,
    pub(super) bytes: u64,
    pub(super) round_trips: usize,
}

/// How a query went in one engine.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Outcome {
    /// Seconds of the round before the first.
    pub(super) first_seconds: Option<f64>,
    /// Seconds of each counted round.
    pub(super) seconds: Vec<f64>,
    /// Why it has no times: it failed, or took too long.
    pub(super) failed: Option<String>,
    /// What was wrong with its answer.
    pub(super) differs: Option<String>,
    /// Of the round before the first.
    pub(super) first_traffic: Option<Traffic>,
    /// Of the last round.
    pub(super) traffic: Option<Traffic>,
}

impl Outcome {
    /// The median of the rounds, where all went well.
    pub(super) fn median(&self) -> Option<f64> {
        (self.is_good() && !self.seconds.is_empty()).then(|| median(&self.seconds))
    }

    fn is_good(&self) -> bool {
        self.failed.is_none() && self.differs.is_none()
    }
}

/// How a query went in all engines.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Measured {
    pub(super) query: String,
    /// Rows of the answer.
    pub(super) rows: usize,
    /// By engine, in the contenders' order.
    pub(super) outcomes: Vec<Outcome>,
    /// Engines whose answers have been compared with another's.
    pub(super) compared: usize,
    /// Whether LIMIT cut through ties that were too many to look all rows up.
    pub(super) undecided: bool,
}

/// Runs one query, in all engines and rounds.
pub(super) fn measure(query: &Query, args: &RunArgs, contenders: &mut [Contender], place: &Place) -> Measured {
    let mut outcomes = vec![Outcome::default(); contenders.len()];
    // The round before the first does not count: it reads files into the system's memory, and footers into everybody's. It settles the reference.
    let firsts: Vec<Option<Answer>> = (0..contenders.len())
        .map(|position| {
            let outcome = &mut outcomes[position];
            let (seconds, answer) = run(query, args, &mut contenders[position], place, outcome)?;
            (outcome.first_seconds, outcome.first_traffic) = (Some(seconds), outcome.traffic);
            Some(answer)
        })
        .collect();
    let answered: Vec<usize> = (0..firsts.len()).filter(|position| firsts[*position].is_some()).collect();
    let best = answered.iter().copied().min_by_key(|position| contenders[*position].engine.reference_rank());
    let mut measured = Measured { query: query.name.clone(), rows: 0, outcomes: Vec::new(), compared: 0, undecided: false };
    let Some(mut reference) = best.and_then(|best| Some(Reference::new(best, firsts[best].clone()?, Shape::of(&query.sql)))) else {
        return told(Measured { outcomes, ..measured }, contenders);
    };
    measured.rows = reference.answer.rows.len();
    measured.compared = if answered.len() > 1 { answered.len() } else { 0 };
    for (position, answer) in firsts.iter().enumerate() {
        if let Some(answer) = answer {
            judge(reference.check(answer, contenders, args.limit()), &mut outcomes[position], &mut measured.undecided);
        }
    }
    for round in 1..=args.runs as usize {
        for turn in 0..contenders.len() {
            let position = (turn + round) % contenders.len();
            let outcome = &mut outcomes[position];
            if !outcome.is_good() {
                continue;
            }
            if let Some((seconds, answer)) = run(query, args, &mut contenders[position], place, outcome) {
                outcome.seconds.push(seconds);
                judge(reference.check(&answer, contenders, args.limit()), &mut outcomes[position], &mut measured.undecided);
            }
        }
    }
    told(Measured { outcomes, ..measured }, contenders)
}

/// Runs a query once; an error goes into the outcome.
fn run(query: &Query, args: &RunArgs, contender: &mut Contender, place: &Place, outcome: &mut Outcome) -> Option<(f64, Answer)> {
    // What opening asks of the store is not the query's.
    if let Err(error) = contender.ready() {
        outcome.failed = Some(error.to_string());
        return None;
    }
    if let Some(proxy) = &place.proxy {
        proxy.take_trace();
    }
    match contender.run(&query.sql, args.limit()) {
        Ok(run) => {
            outcome.traffic = place.proxy.as_ref().map(|proxy| {
                let trace = proxy.take_trace();
                let counts = trace.counts();
                Traffic { requests: counts.requests, bytes: counts.bytes_down, round_trips: trace.round_trips() }
            });
            Some((run.seconds, run.answer))
        }
        Err(failure) => {
            outcome.failed = Some(failure.to_string());
            None
        }
    }
}

fn judge(verdict: Verdict, outcome: &mut Outcome, undecided: &mut bool) {
    match verdict {
        Verdict::Same => {}
        Verdict::Undecided => *undecided = true,
        Verdict::Differs(difference) => outcome.differs = Some(difference),
    }
}

/// Says on standard error how it went.
fn told(measured: Measured, contenders: &[Contender]) -> Measured {
    let times: Vec<String> = measured
        .outcomes
        .iter()
        .map(|outcome| match (outcome.median(), &outcome.differs) {
            (Some(seconds), _) => milliseconds(seconds),
            (None, Some(_)) => "DIFFERS".to_owned(),
            (None, None) => "failed".to_owned(),
        })
        .collect();
    eprintln!("{:<5} {}", measured.query, times.join("  "));
    for (contender, outcome) in contenders.iter().zip(&measured.outcomes) {
        if let Some(problem) = outcome.failed.as_ref().or(outcome.differs.as_ref()) {
            eprintln!("      {}: {problem}", contender.name);
        }
    }
    measured
}
