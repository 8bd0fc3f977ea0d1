//! The tree of a plan: what each step is, what is expected of it, and what it did.

use std::sync::Arc;
use std::time::Duration;

use datafusion::common::stats::Precision;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use super::steps;

/// A step of a plan.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// What it is, in SQL's words.
    pub(super) title: String,
    /// More about it: what, and a text.
    pub(super) details: Vec<(&'static str, String)>,
    /// Rows that it is expected to give.
    pub(super) estimated_rows: Option<usize>,
    /// What it did.
    pub(super) figures: Option<Figures>,
    pub(super) inputs: Vec<Node>,
}

/// What a step did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Figures {
    /// Time of its own, of all threads together.
    pub(super) time: Duration,
    pub(super) rows: u64,
    pub(super) spilled_bytes: u64,
    pub(super) spills: u64,
}

impl Node {
    /// The tree of a plan, with figures if it was run.
    pub(super) fn of(plan: &Arc<dyn ExecutionPlan>, was_run: bool) -> Self {
        build(plan, was_run, &StatisticsContext::new())
    }

    /// The time of all steps.
    pub(super) fn total_time(&self) -> Duration {
        self.figures.map_or(Duration::ZERO, |figures| figures.time) + self.inputs.iter().map(Self::total_time).sum::<Duration>()
    }
}

fn build(plan: &Arc<dyn ExecutionPlan>, was_run: bool, statistics: &StatisticsContext) -> Node {
    let metrics = plan.metrics().unwrap_or_default();
    let mut inputs: Vec<Node> = plan.children().into_iter().map(|input| build(input, was_run, statistics)).collect();
    let step = steps::step(plan.as_ref(), &metrics, was_run);
    let figures = was_run.then(|| figures(&metrics));
    let ends_input = step.as_ref().is_some_and(|step| step.ends_input);
    if step.is_none() || ends_input {
        // It only hands rows on, or is one step with its input: what it took counts for that.
        let Some(mut input) = inputs.pop() else { return Node::default() };
        if let (Some(own), Some(below)) = (figures, &mut input.figures) {
            below.time += own.time;
            below.spilled_bytes += own.spilled_bytes;
            below.spills += own.spills;
            below.rows = if ends_input { own.rows } else { below.rows };
        }
        match step {
            None => return input,
            Some(step) if is_sort(&input) => return Node { title: step.title, ..input },
            // Rows that were in order already.
            Some(step) => {
                let title = step.title.replacen("Sort by", "Merge of sorted rows by", 1);
                let estimated_rows = input.estimated_rows;
                return Node { title, estimated_rows, figures, inputs: vec![input], ..Node::default() };
            }
        }
    }
    let Some(step) = step else { return Node::default() };
    let expected = statistics.compute(plan.as_ref(), &StatisticsArgs::new()).ok().and_then(|statistics| match statistics.num_rows {
        Precision::Exact(rows) | Precision::Inexact(rows) => Some(rows),
        Precision::Absent => None,
    });
    Node { title: step.title, details: step.details, estimated_rows: expected, figures, inputs }
}

fn is_sort(node: &Node) -> bool {
    node.title.starts_with("Sort by ") || node.title.starts_with("First ")
}

fn figures(metrics: &MetricsSet) -> Figures {
    let named = |name: &str| metrics.sum_by_name(name).map_or(0, |value| value.as_usize() as u64);
    // GROUP BY measures the reading of its input apart.
    let nanoseconds = metrics.elapsed_compute().unwrap_or(0) as u64 + named("collect_time");
    Figures {
        time: Duration::from_nanos(nanoseconds),
        rows: metrics.output_rows().unwrap_or(0) as u64,
        spilled_bytes: metrics.spilled_bytes().unwrap_or(0) as u64,
        spills: metrics.spill_count().unwrap_or(0) as u64,
    }
}
