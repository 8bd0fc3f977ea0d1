//! ASOF JOIN: beside each row of the left side the nearest row of the right side that comes before it (or behind it), among those with the same keys.
//!
//! Both sides go into one stream, sorted by keys and time, in which the last row of the right side so far is the one that is looked for: one sort, whatever
//! the number of rows, and no pair of rows is made that is not in the result. A condition on one side alone says which of its rows take part.

use datafusion::common::{Column, DFSchema, ExprSchema, Result, ScalarValue};
use datafusion::functions::core::expr_fn::{get_field, named_struct};
use datafusion::functions_window::expr_fn::{last_value, lead};
use datafusion::logical_expr::expr::NullTreatment;
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprFunctionExt, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, WindowFrame, binary_expr, cast, col, lit,
    when,
};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, JoinConstraint, TableFactor};

use crate::error::{Error, to_datafusion};
use crate::semantics::with_common_types;
use crate::statements::AsofKind;

/// The columns of the stream that both sides go into.
const TIME: &str = "__time";
const ORDER: &str = "__order";
const LEFT: &str = "__left";
const RIGHT: &str = "__right";

/// What a condition says: the keys of both sides, and how their times compare.
struct Condition {
    keys: Vec<(Expr, Expr)>,
    left_time: Expr,
    right_time: Expr,
    /// Left's time before the right's.
    operator: Operator,
    /// What else rows of the right side have to be, so that they are found.
    right_filter: Option<Expr>,
}

/// Plans an ASOF JOIN.
pub(super) fn plan(
    left: &TableFactor,
    right: &TableFactor,
    match_condition: &SqlExpr,
    constraint: &JoinConstraint,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let (left, right) = (context.plan(left.clone())?, context.plan(right.clone())?);
    let both = left.schema().join(right.schema())?;
    let kind = AsofKind::of(match_condition);
    let mut conjuncts = Vec::new();
    if kind.is_none() {
        conjuncts.push(match_condition.clone());
    }
    match constraint {
        JoinConstraint::On(condition) => conjuncts.push(condition.clone()),
        JoinConstraint::None if kind.is_none() => {}
        _ => return Err(usage("it needs ON")),
    }
    let mut parts = Vec::new();
    for conjunct in conjuncts {
        let planned = context.sql_to_expr(conjunct, &both)?;
        parts.extend(split_conjunction(&planned).into_iter().cloned());
    }
    let mut condition = read(parts, &left, &right)?;
    for (one, other) in &mut condition.keys {
        in_one_type(one, Operator::Eq, other, &both)?;
    }
    in_one_type(&mut condition.left_time, condition.operator, &mut condition.right_time, &both)?;
    nearest(left, right, condition, kind.unwrap_or(AsofKind::Left))
}

fn usage(what: &str) -> datafusion::error::DataFusionError {
    to_datafusion(
        Error::invalid(format!("the condition of an ASOF JOIN is not understood: {what}"))
            .with_hint("write ON a.key = b.key AND a.time >= b.time: any number of equal keys, one comparison, and conditions on one side"),
    )
}

/// Both sides in the type in which they are compared: they meet in one column. There a negative zero would not be the positive one.
fn in_one_type(one: &mut Expr, operator: Operator, other: &mut Expr, schema: &DFSchema) -> Result<()> {
    let compared = Expr::BinaryExpr(BinaryExpr::new(Box::new(one.clone()), operator, Box::new(other.clone())));
    if let Expr::BinaryExpr(BinaryExpr { left, right, .. }) = with_common_types(compared, schema)? {
        (*one, *other) = (*left, *right);
    }
    let (left, right) = (one.get_type(schema)?, other.get_type(schema)?);
    let Some(common) = comparison_coercion(&left, &right) else {
        return Err(usage(&format!("{left} and {right} cannot be compared")));
    };
    for (side, own) in [(one, left), (other, right)] {
        if own != common {
            *side = cast(side.clone(), common.clone());
        }
        if common.is_floating() {
            *side = side.clone() + cast(lit(0.0_f64), common.clone());
        }
    }
    Ok(())
}

/// Sorts the parts of a condition into keys and the comparison of times.
fn read(parts: Vec<Expr>, left: &LogicalPlan, right: &LogicalPlan) -> Result<Condition> {
    let is_of = |expr: &Expr, plan: &LogicalPlan| {
        let columns = expr.column_refs();
        !columns.is_empty() && columns.iter().all(|column| plan.schema().field_from_column(column).is_ok())
    };
    let (mut keys, mut times) = (Vec::new(), None);
    let (mut left_filter, mut right_filter): (Option<Expr>, Option<Expr>) = (None, None);
    let and = |filter: Option<Expr>, part: Expr| Some(filter.map_or(part.clone(), |filter| filter.and(part)));
    for part in parts {
        if is_of(&part, right) {
            right_filter = and(right_filter, part);
            continue;
        }
        if is_of(&part, left) {
            left_filter = and(left_filter, part);
            continue;
        }
        let Expr::BinaryExpr(BinaryExpr { left: one, op, right: other }) = part else {
            return Err(usage("a part is no comparison"));
        };
        let (one, op, other) = match (is_of(&one, left) && is_of(&other, right), is_of(&one, right) && is_of(&other, left)) {
            (true, _) => (*one, op, *other),
            (_, true) => (*other, op.swap().unwrap_or(op), *one),
            _ => return Err(usage(&format!("{one} {op} {other} does not compare one side with the other"))),
        };
        match op {
            Operator::Eq => keys.push((one, other)),
            Operator::Gt | Operator::GtEq | Operator::Lt | Operator::LtEq if times.is_none() => times = Some((one, op, other)),
            _ => return Err(usage("there is more than one comparison beside the equal keys")),
        }
    }
    let Some((left_time, operator, right_time)) = times else { return Err(usage("there is no comparison beside the equal keys")) };
    // A row of the left side without a time finds nothing.
    let left_time = match left_filter {
        Some(filter) => when(filter, left_time).end()?,
        None => left_time,
    };
    Ok(Condition { keys, left_time, right_time, operator, right_filter })
}

fn nearest(left: LogicalPlan, right: LogicalPlan, condition: Condition, kind: AsofKind) -> Result<LogicalPlan> {
    let Condition { keys, left_time, right_time, operator, right_filter } = condition;
    let keeps_left = matches!(kind, AsofKind::Left | AsofKind::Full);
    let keeps_right = matches!(kind, AsofKind::Right | AsofKind::Full);
    let (left_columns, right_columns) = (left.schema().columns(), right.schema().columns());
    let (left_row, right_row) = (row(&left_columns), row(&right_columns));
    let nothing = |row: &Expr, plan: &LogicalPlan| {
        Ok::<_, datafusion::error::DataFusionError>(lit(ScalarValue::try_new_null(&row.get_type(plan.schema())?)?))
    };
    let (no_left, no_right) = (nothing(&left_row, &left)?, nothing(&right_row, &right)?);
    // Where times are equal, rows of the right side come first if they are to be found.
    let (left_order, right_order) = match operator {
        Operator::GtEq | Operator::LtEq => (1_i64, 0_i64),
        _ => (0, 1),
    };
    let ascending = matches!(operator, Operator::GtEq | Operator::Gt);
    let key_names: Vec<String> = (0..keys.len()).map(|at| format!("__key_{at}")).collect();
    let (left_keys, right_keys): (Vec<Expr>, Vec<Expr>) = keys.into_iter().unzip();
    let side = |plan: LogicalPlan, keys: &[Expr], time: Expr, order: i64, left_row: Expr, right_row: Expr| {
        let mut columns: Vec<Expr> = keys.iter().zip(&key_names).map(|(key, name)| key.clone().alias(name)).collect();
        columns.extend([time.alias(TIME), lit(order).alias(ORDER), left_row.alias(LEFT), right_row.alias(RIGHT)]);
        LogicalPlanBuilder::from(plan).project(columns)
    };
    // A row of the right side without a key or a time is never found.
    let there = right_keys.iter().chain([&right_time]).cloned().map(Expr::is_not_null).chain(right_filter).reduce(Expr::and);
    let there = there.unwrap_or_else(|| lit(true));
    let never_found = keeps_right.then(|| {
        let nulls = left_columns.iter().map(|column| {
            let field = left.schema().field_from_column(column)?;
            Ok(lit(ScalarValue::try_new_null(field.data_type())?).alias_qualified(column.relation.clone(), &column.name))
        });
        let nulls = nulls.collect::<Result<Vec<_>>>()?;
        let own = right_columns.iter().cloned().map(Expr::Column);
        let rows = LogicalPlanBuilder::from(right.clone()).filter(Expr::IsNotTrue(Box::new(there.clone())))?;
        rows.project(nulls.into_iter().chain(own).collect::<Vec<_>>())?.build()
    });
    let never_found = never_found.transpose()?;
    let right = LogicalPlanBuilder::from(right).filter(there)?.build()?;
    let right = side(right, &right_keys, right_time, right_order, no_left, right_row)?.build()?;
    let all = side(left, &left_keys, left_time, left_order, left_row, no_right)?.union(right)?;
    // Rows of the left side without a time come first, where nothing has been found yet.
    let found = last_value(col(RIGHT))
        .partition_by(key_names.iter().map(col).collect())
        .order_by(vec![col(TIME).sort(ascending, true), col(ORDER).sort(true, true)])
        .window_frame(WindowFrame::new(Some(true)))
        .null_treatment(NullTreatment::IgnoreNulls)
        .build()?
        .alias("__found");
    let Expr::Alias(aliased) = &found else { return Err(usage("no window")) };
    let window_name = aliased.expr.schema_name().to_string();
    let found = Expr::Column(Column::from_name(window_name));
    let is_left = col(ORDER).eq(lit(left_order));
    let mut wanted = match keeps_left {
        true => is_left.clone(),
        false => is_left.clone().and(found.clone().is_not_null()),
    };
    let mut windows = vec![aliased.expr.as_ref().clone()];
    if keeps_right {
        // A row of the right side is found if a row of the left side comes next.
        let next = lead(col(ORDER), Some(1), None)
            .partition_by(key_names.iter().map(col).collect())
            .order_by(vec![col(TIME).sort(ascending, true), col(ORDER).sort(true, true)])
            .build()?;
        let next_name = Expr::Column(Column::from_name(next.schema_name().to_string()));
        windows.push(next);
        wanted = wanted.or((!is_left.clone()).and(binary_expr(next_name, Operator::IsDistinctFrom, lit(left_order))));
    }
    let rows = all.window(windows)?.filter(wanted)?;
    let right_row = match keeps_right {
        true => when(is_left, found).otherwise(col(RIGHT))?,
        false => found,
    };
    let out = fields(col(LEFT), &left_columns).chain(fields(right_row, &right_columns)).collect::<Vec<_>>();
    let rows = rows.project(out)?;
    match never_found {
        Some(never_found) => {
            // A union's columns are called as those of its first part, but without their tables' names.
            let columns: Vec<Column> = rows.schema().columns();
            let all = rows.union(never_found)?;
            let made = all.schema().columns();
            let named = made.into_iter().zip(columns).map(|(made, wanted)| {
                if made == wanted { Expr::Column(made) } else { Expr::Column(made).alias_qualified(wanted.relation, wanted.name) }
            });
            let named: Vec<Expr> = named.collect();
            all.project(named)?.build()
        }
        None => rows.build(),
    }
}

/// All columns of a side as one value.
fn row(columns: &[Column]) -> Expr {
    named_struct(columns.iter().enumerate().flat_map(|(at, column)| [lit(format!("c{at}")), Expr::Column(column.clone())]).collect())
}

/// The columns of a side, by the names that they had.
fn fields(row: Expr, columns: &[Column]) -> impl Iterator<Item = Expr> {
    columns
        .iter()
        .enumerate()
        .map(move |(at, column)| get_field(row.clone(), format!("c{at}")).alias_qualified(column.relation.clone(), &column.name))
}
