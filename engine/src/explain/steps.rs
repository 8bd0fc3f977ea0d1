//! What each operator of a plan is in SQL's words.
//!
//! An operator that no function below knows is named by itself.

use arrow::datatypes::SchemaRef;
use datafusion::common::JoinType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::work_table::WorkTableExec;
use datafusion::physical_plan::{ExecutionPlan, WindowExpr, displayable};

use super::expression::{all, conditions, order, sql};
use crate::grouping::{EarlyGroupExec, GroupExec};
use crate::scan::{InlineSource, SegmentSource};

/// What an operator is.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) title: String,
    pub(super) details: Vec<(&'static str, String)>,
    /// Whether it ends what its input began, as the merge of sorted parts does: both are one step, which is called as this one.
    pub(super) ends_input: bool,
}

impl Step {
    fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// The same with a detail, unless that is empty.
    fn with(mut self, name: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.details.push((name, text));
        }
        self
    }
}

/// Operators that only hand rows on, from one thread to another or in pieces.
const SILENT: &[&str] =
    &["BarrierExec", "BufferExec", "CoalesceBatchesExec", "ConformExec", "CooperativeExec", "KeySetExec", "OutputRequirementExec"];

/// Knows some operators.
type Known = fn(&dyn ExecutionPlan, &MetricsSet, bool) -> Option<Step>;

const KNOWN: &[Known] = &[scan, memory, files, grouped, filtered, computed, sorted, limited, joined, windowed, combined, constant, of_ours];

/// What an operator is; nothing if it only hands rows on.
pub(super) fn step(plan: &dyn ExecutionPlan, metrics: &MetricsSet, was_run: bool) -> Option<Step> {
    let is_silent = SILENT.contains(&plan.name())
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<RepartitionExec>()
        || plan.is::<LocalLimitExec>()
        || plan.downcast_ref::<ProjectionExec>().is_some_and(is_choice);
    if is_silent && plan.children().len() == 1 {
        return None;
    }
    Some(KNOWN.iter().find_map(|known| known(plan, metrics, was_run)).unwrap_or_else(|| unknown(plan)))
}

/// Whether a projection only chooses and renames columns.
fn is_choice(projection: &ProjectionExec) -> bool {
    projection.expr().iter().all(|column| column.expr.is::<Column>())
}

/// Names of columns; of many the first.
fn columns(schema: &SchemaRef) -> String {
    const SHOWN: usize = 12;
    let names: Vec<&str> = schema.fields().iter().take(SHOWN).map(|field| field.name().as_str()).collect();
    match schema.fields().len() {
        0 => "none, rows are only counted".to_owned(),
        count if count > SHOWN => format!("{}, ... ({count} in all)", names.join(", ")),
        _ => names.join(", "),
    }
}

fn source<T: DataSource + 'static>(plan: &dyn ExecutionPlan) -> Option<&T> {
    plan.downcast_ref::<DataSourceExec>()?.data_source().downcast_ref::<T>()
}

fn scan(plan: &dyn ExecutionPlan, metrics: &MetricsSet, was_run: bool) -> Option<Step> {
    if let Some(inline) = source::<InlineSource>(plan) {
        let step = Step::new(format!("Scan {}, rows in the log", inline.table())).with("columns", columns(&plan.schema()));
        return Some(step);
    }
    let scan = source::<SegmentSource>(plan)?;
    let (filters, has_dynamic) = conditions(scan.filters());
    let named = |name: &str| metrics.sum_by_name(name).map_or(0, |value| value.as_usize());
    let (all_segments, pruned) = (named("segments_total"), named("segments_pruned") + named("segments_skipped"));
    let mut read = match pruned {
        0 => format!("{all_segments}"),
        pruned => format!("{} of {all_segments}, {pruned} pruned", all_segments.saturating_sub(pruned)),
    };
    let mut step =
        Step::new(format!("Scan {}", scan.table())).with("columns", columns(&plan.schema())).with("filter", filters.join(" AND "));
    if has_dynamic {
        step = step.with("and", "what a join or LIMIT above finds out while the query runs");
    }
    if let Some(fetch) = scan.fetch() {
        step = step.with("limit", fetch.to_string());
    }
    if !was_run {
        return Some(step.with("segments", read));
    }
    let (groups, pruned, empty) = (named("row_groups_total"), named("row_groups_pruned"), named("row_groups_empty"));
    read.push_str(&format!("; row groups {} of {groups}", groups.saturating_sub(pruned)));
    if pruned > 0 {
        read.push_str(&format!(", {pruned} pruned"));
    }
    if empty > 0 {
        read.push_str(&format!(", {empty} without a match"));
    }
    let (hits, misses) = (named("cache_hits"), named("cache_misses"));
    let cache = if hits + misses > 0 { format!("{hits} of {} columns of row groups were in memory", hits + misses) } else { String::new() };
    let store = match (named("store_requests"), named("store_bytes_read")) {
        (0, _) => String::new(),
        (requests, bytes) => format!("{requests} requests, {}", super::draw::bytes(bytes as u64)),
    };
    let disk = match named("disk_hits") {
        0 => String::new(),
        hits => format!("{hits} pieces from the cache on disk, {}", super::draw::bytes(named("disk_bytes_read") as u64)),
    };
    let scanned = named("rows_scanned");
    let rows = if filters.is_empty() && !has_dynamic { String::new() } else { format!("{} looked at", super::draw::count(scanned as u64)) };
    Some(step.with("segments", read).with("rows", rows).with("cache", cache).with("store", store).with("disk", disk))
}

fn memory(plan: &dyn ExecutionPlan, _: &MetricsSet, _: bool) -> Option<Step> {
    source::<MemorySourceConfig>(plan)?;
    Some(Step::new("Rows in memory").with("columns", columns(&plan.schema())))
}

fn files(plan: &dyn ExecutionPlan, metrics: &MetricsSet, was_run: bool) -> Option<Step> {
    const SHOWN: usize = 3;
    let (paths, filter) = if let Some(scan) = source::<FileScanConfig>(plan) {
        let paths = scan.file_groups.iter().flat_map(|group| group.iter()).map(|file| file.object_meta.location.to_string());
        let mut paths: Vec<String> = paths.collect();
        paths.dedup();
        let (filters, _) = scan.file_source().filter().map_or((Vec::new(), false), |filter| conditions([&filter]));
        (paths, filters.join(" AND "))
    } else if plan.name() == "TextExec" {
        let text = displayable(plan).one_line().to_string();
        let paths = text.split_once("paths=[").and_then(|(_, rest)| rest.split_once(']')).map_or("", |(paths, _)| paths);
        (paths.split(", ").map(str::to_owned).collect(), String::new())
    } else {
        return None;
    };
    let title = match paths.as_slice() {
        [path] => format!("Scan file '{path}'"),
        paths => format!("Scan {} files", paths.len()),
    };
    let mut step = Step::new(title).with("columns", columns(&plan.schema())).with("filter", filter);
    if paths.len() > 1 {
        let more = if paths.len() > SHOWN { ", ..." } else { "" };
        let shown: Vec<String> = paths.iter().take(SHOWN).map(|path| format!("'{path}'")).collect();
        step = step.with("files", format!("{}{more}", shown.join(", ")));
    }
    let bytes = metrics.sum_by_name("bytes_scanned").map_or(0, |value| value.as_usize());
    Some(if was_run && bytes > 0 { step.with("read", super::draw::bytes(bytes as u64)) } else { step })
}

fn grouped(plan: &dyn ExecutionPlan, metrics: &MetricsSet, was_run: bool) -> Option<Step> {
    let early = plan.downcast_ref::<EarlyGroupExec>();
    let aggregate = match (plan.downcast_ref::<GroupExec>(), early) {
        (Some(group), _) => group.single(),
        (_, Some(early)) => early.single(),
        _ => plan.downcast_ref::<AggregateExec>()?,
    };
    let keys: Vec<String> = aggregate.group_expr().expr().iter().map(|(key, name)| named(sql(key), name)).collect();
    let aggregates: Vec<String> = aggregate
        .aggr_expr()
        .iter()
        .map(|function| {
            let distinct = if function.is_distinct() { "DISTINCT " } else { "" };
            let arguments = all(&function.expressions());
            let name = function.fun().name();
            // count(*) counts a constant.
            match name == "count" && !arguments.chars().any(char::is_alphabetic) {
                true => "count(*)".to_owned(),
                false => format!("{name}({distinct}{arguments})"),
            }
        })
        .collect();
    let mut title = match (keys.is_empty(), aggregates.is_empty()) {
        (true, _) => "Aggregate".to_owned(),
        (false, true) => format!("Distinct {}", keys.join(", ")),
        (false, false) => format!("Group by {}", keys.join(", ")),
    };
    if early.is_some() {
        title.push_str(" (before the join)");
    }
    let sets = if aggregate.group_expr().has_grouping_set() {
        format!("{} grouping sets", aggregate.group_expr().groups().len())
    } else {
        String::new()
    };
    let mut step = Step::new(title).with("compute", aggregates.join(", ")).with("sets", sets);
    let ungrouped = metrics.sum_by_name("ungrouped_rows").map_or(0, |value| value.as_usize());
    if was_run && ungrouped > 0 {
        step = step
            .with("handed on", format!("{} rows as they came, because they share too few groups", super::draw::count(ungrouped as u64)));
    }
    Some(step)
}

/// An expression with its name, if that says more.
fn named(text: String, name: &str) -> String {
    // What the planner made up says nothing to anybody.
    let is_made_up = name.contains(['(', '@', '#']) || name.starts_with("__");
    if name == text || is_made_up { text } else { format!("{text} AS {name}") }
}

fn filtered(plan: &dyn ExecutionPlan, _: &MetricsSet, _: bool) -> Option<Step> {
    let filter = plan.downcast_ref::<FilterExec>()?;
    let (conditions, _) = conditions([filter.predicate()]);
    Some(Step::new("Filter").with("where", conditions.join(" AND ")))
}

fn computed(plan: &dyn ExecutionPlan, _: &MetricsSet, _: bool) -> Option<Step> {
    let projection = plan.downcast_ref::<ProjectionExec>()?;
    let computed = projection.expr().iter().filter(|column| !column.expr.is::<Column>());
    let computed: Vec<String> = computed.map(|column| named(sql(&column.expr), &column.alias)).collect();
    Some(Step::new("Compute").with("columns", computed.join(", ")))
}

fn sorted(plan: &dyn ExecutionPlan, _: &MetricsSet, _: bool) -> Option<Step> {
    if let Some(merge) = plan.downcast_ref::<SortPreservingMergeExec>() {
        let by = order(merge.expr());
        let title = merge.fetch().map_or_else(|| format!("Sort by {by}"), |fetch| format!("First {fetch} by {by}"));
        return Some(Step { title, ends_input: true, ..Step::default() });
    }
    let sort = plan.downcast_ref::<SortExec>()?;
    let by = order(sort.expr());
    Some(Step::new(match sort.fetch() {
        Some(fetch) => format!("First {fetch} by {by}"),
        None => format!("Sort by {by}"),
    }))
}

fn limited(plan: &dyn ExecutionPlan, _: &MetricsSet, _: bool) -> Option<Step> {
    let limit = plan.downcast_ref::<GlobalLimitExec>()?;
    let mut title = limit.fetch().map_or_else(String::new, |fetch| format!("Limit {fetch}"));
    if limit.skip() > 0 {
        title.push_str(&format!("{}Offset {}", if title.is_empty() { "" } else { " " }, limit.skip()));
    }
    Some(Step::new(title))
}

fn join_words(join_type: &JoinType) -> &'static str {
    match join_type {
        JoinType::Inner => "Inner join",
        JoinType::Left => "Left join",
        JoinType::Right => "Right join",
        JoinType::Full => "Full join",
        JoinType::LeftSemi | JoinType::RightSemi => "Semi join",
        JoinType::LeftAnti | JoinType::RightAnti => "Anti join",
        JoinType::LeftMark | JoinType::RightMark => "Join that marks matches",
    }
}

fn keys(on: &[(PhysicalExprRef, PhysicalExprRef)]) -> String {
    on.iter().map(|(left, right)| format!("{} = {}", sql(left), sql(right))).collect::<Vec<_>>().join(" AND ")
}

fn condition(filter: Option<&JoinFilter>) -> String {
    filter.map_or_else(String::new, |filter| conditions([filter.expression()]).0.join(" AND "))
}

fn joined(plan: &dyn ExecutionPlan, _: &MetricsSet, _: bool) -> Option<Step> {
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        // Which input is kept says where the memory goes.
        let step = Step::new(join_words(join.join_type())).with("on", keys(join.on())).with("and", condition(join.filter()));
        return Some(step.with("how", "hash table of the first input"));
    }
    if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
        let step = Step::new(join_words(&join.join_type())).with("on", keys(&join.on)).with("and", condition(join.filter().as_ref()));
        return Some(step.with("how", "merge of both inputs, sorted"));
    }
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        let step = Step::new(join_words(join.join_type())).with("on", condition(join.filter()));
        return Some(step.with("how", "every pair is compared"));
    }
    plan.is::<CrossJoinExec>().then(|| Step::new("Cross join"))
}

fn windowed(plan: &dyn ExecutionPlan, _: &MetricsSet, _: bool) -> Option<Step> {
    let exprs = match (plan.downcast_ref::<WindowAggExec>(), plan.downcast_ref::<BoundedWindowAggExec>()) {
        (Some(window), _) => window.window_expr(),
        (_, Some(window)) => window.window_expr(),
        _ => return None,
    };
    let function = |expr: &dyn WindowExpr| {
        let name = expr.name();
        let name = name.split_once(" OVER").map_or(name, |(_, _)| name);
        match name.split_once(['(']) {
            // What the planner made up ends where the arguments do.
            Some((function, _)) => format!("{}({})", function, all(&expr.expressions())),
            None => format!("{name}({})", all(&expr.expressions())),
        }
    };
    let functions: Vec<String> = exprs.iter().map(|expr| function(expr.as_ref())).collect();
    let first = exprs.first()?;
    let step = Step::new("Window").with("compute", functions.join(", ")).with("partition by", all(first.partition_by()));
    Some(step.with("order by", order(first.order_by())))
}

fn combined(plan: &dyn ExecutionPlan, _: &MetricsSet, _: bool) -> Option<Step> {
    if plan.is::<UnionExec>() || plan.is::<InterleaveExec>() {
        return Some(Step::new("Union all"));
    }
    if plan.is::<RecursiveQueryExec>() {
        return Some(Step::new("Recursive query"));
    }
    let unnest = plan.downcast_ref::<UnnestExec>()?;
    let schema = unnest.input().schema();
    let positions =
        unnest.list_column_indices().iter().map(|list| list.index_in_input_schema).chain(unnest.struct_column_indices().iter().copied());
    let names: Vec<&str> = positions.filter_map(|at| schema.fields().get(at)).map(|field| field.name().as_str()).collect();
    // Names that the planner made up are in brackets that nobody wrote.
    let names: Vec<&str> = names.into_iter().filter(|name| !name.starts_with("__")).collect();
    Some(Step::new(format!("Unnest {}", names.join(", ")).trim_end().to_owned()))
}

fn constant(plan: &dyn ExecutionPlan, _: &MetricsSet, _: bool) -> Option<Step> {
    if plan.is::<PlaceholderRowExec>() {
        return Some(Step::new("One row"));
    }
    if plan.is::<EmptyExec>() {
        return Some(Step::new("No rows"));
    }
    plan.is::<WorkTableExec>().then(|| Step::new("Rows of the round before"))
}

/// Operators of ours whose names are all that there is to say.
fn of_ours(plan: &dyn ExecutionPlan, _: &MetricsSet, _: bool) -> Option<Step> {
    let title = match plan.name() {
        "ResultCacheExec" if plan.children().is_empty() => "Kept result",
        "ResultCacheExec" => "Result that will be kept",
        "SharedExec" => "Shared part, run once",
        "InsertExec" => "Insert",
        "ScalarSubqueryExec" => "Subqueries of one value",
        "LazyMemoryExec" => "Rows of a table function",
        "StreamingTableExec" => "Rows of a system table",
        _ => return None,
    };
    Some(Step::new(title).with("columns", if plan.children().is_empty() { columns(&plan.schema()) } else { String::new() }))
}

/// An operator by its own name: the words of `SomethingOfItsOwnExec`.
fn unknown(plan: &dyn ExecutionPlan) -> Step {
    let name = plan.name().strip_suffix("Exec").unwrap_or(plan.name());
    let mut title = String::new();
    for c in name.chars() {
        match c.is_uppercase() && !title.is_empty() {
            true => title.extend([' ', c.to_ascii_lowercase()]),
            false => title.push(c),
        }
    }
    Step::new(title)
}
