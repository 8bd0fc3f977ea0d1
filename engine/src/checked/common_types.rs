//! The type in which values of different types are compared, where DataFusion's choice gives wrong answers.
//!
//! - A DOUBLE and a decimal meet as DOUBLE, as in DuckDB and PostgreSQL. DataFusion makes DECIMAL(30, 15) of both: 1e-20 becomes 0, and NaN and 1e30 an error.
//! - A DATE and a TIMESTAMP meet in the timestamp's own unit. DataFusion goes through nanoseconds, which end in the year 2262.
//! - 0.0 and -0.0 are equal. DataFusion compares long IN lists bit by bit, so a zero in a list stands for both.
//!
//! The rule belongs before the one that gives expressions their common types.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result as DataFusionResult, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Between, Case, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, cast, lit};
use datafusion::optimizer::AnalyzerRule;

/// Functions whose arguments all meet in one type.
const SAME_TYPE: [&str; 4] = ["coalesce", "greatest", "least", "nullif"];

/// The rule.
#[derive(Debug)]
pub(crate) struct CommonTypes;

impl AnalyzerRule for CommonTypes {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DataFusionResult<LogicalPlan> {
        let typed = |plan: LogicalPlan| {
            let mut schema = merge_schema(&plan.inputs());
            if let LogicalPlan::TableScan(scan) = &plan {
                schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
            }
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let rewritten = expr.transform_up(|expr| Ok(rewritten(expr, &schema)))?;
                Ok(rewritten.update_data(|expr| name.restore(expr)))
            })
        };
        Ok(plan.transform_up_with_subqueries(typed)?.data)
    }

    fn name(&self) -> &str {
        "common_types"
    }
}

fn rewritten(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => match common([&*left, &*right], schema) {
            Some(common) => {
                let (left, right) = (in_type(*left, &common, schema), in_type(*right, &common, schema));
                Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))))
            }
            None => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
        },
        Expr::Between(Between { expr, negated, low, high }) => match common([&*expr, &*low, &*high], schema) {
            Some(common) => {
                let [expr, low, high] = [expr, low, high].map(|operand| Box::new(in_type(*operand, &common, schema)));
                Transformed::yes(Expr::Between(Between { expr, negated, low, high }))
            }
            None => Transformed::no(Expr::Between(Between { expr, negated, low, high })),
        },
        Expr::InList(InList { expr, mut list, negated }) => {
            let common = common(std::iter::once(&*expr).chain(&list), schema);
            let expr = match &common {
                Some(common) => {
                    list = list.into_iter().map(|item| in_type(item, common, schema)).collect();
                    Box::new(in_type(*expr, common, schema))
                }
                None => expr,
            };
            let is_float = expr.get_type(schema).is_ok_and(|data_type| data_type.is_floating());
            if is_float && list.iter().any(is_zero) {
                list.extend([lit(0.0_f64), lit(-0.0_f64)]);
                return Transformed::yes(Expr::InList(InList { expr, list, negated }));
            }
            Transformed::new_transformed(Expr::InList(InList { expr, list, negated }), common.is_some())
        }
        Expr::Case(Case { expr, when_then_expr, else_expr }) if expr.is_none() => {
            let results = when_then_expr.iter().map(|(_, then)| &**then).chain(else_expr.as_deref());
            match common(results, schema) {
                Some(common) => {
                    let when_then_expr = when_then_expr.into_iter().map(|(when, then)| (when, Box::new(in_type(*then, &common, schema))));
                    let else_expr = else_expr.map(|otherwise| Box::new(in_type(*otherwise, &common, schema)));
                    Transformed::yes(Expr::Case(Case { expr, when_then_expr: when_then_expr.collect(), else_expr }))
                }
                None => Transformed::no(Expr::Case(Case { expr, when_then_expr, else_expr })),
            }
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if SAME_TYPE.contains(&func.name()) => match common(&args, schema) {
            Some(common) => {
                let args = args.into_iter().map(|argument| in_type(argument, &common, schema)).collect();
                Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args }))
            }
            None => Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args })),
        },
        other => Transformed::no(other),
    }
}

fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

/// The type in which these meet, where it is not the one that DataFusion would take.
fn common<'a>(exprs: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> Option<DataType> {
    let (mut float, mut decimal, mut date, mut timestamp) = (false, false, false, None);
    for expr in exprs {
        // What has no type yet is DataFusion's to judge.
        match expr.get_type(schema).ok()? {
            DataType::Float16 | DataType::Float32 | DataType::Float64 => float = true,
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => decimal = true,
            DataType::Date32 | DataType::Date64 => date = true,
            found @ DataType::Timestamp(..) => timestamp = timestamp.or(Some(found)),
            _ => {}
        }
    }
    match (float && decimal, timestamp) {
        (true, _) => Some(DataType::Float64),
        (false, Some(timestamp)) if date => Some(timestamp),
        _ => None,
    }
}

/// An expression in the common type. Texts and NULLs are left to DataFusion.
fn in_type(expr: Expr, common: &DataType, schema: &DFSchema) -> Expr {
    let Ok(data_type) = expr.get_type(schema) else { return expr };
    let joins = match common {
        DataType::Timestamp(..) => matches!(data_type, DataType::Date32 | DataType::Date64),
        _ => data_type.is_numeric(),
    };
    match joins && data_type != *common {
        true => cast(expr, common.clone()),
        false => expr,
    }
}

/// Whether it is the number zero, possibly within a cast.
fn is_zero(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => match value {
            ScalarValue::Float32(Some(value)) => *value == 0.0,
            ScalarValue::Float64(Some(value)) => *value == 0.0,
            ScalarValue::Int64(Some(value)) => *value == 0,
            ScalarValue::Decimal128(Some(value), ..) => *value == 0,
            // '0.0', '-0': what a cast makes of them is not known yet.
            ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => text.trim().parse().is_ok_and(|value: f64| value == 0.0),
            _ => false,
        },
        Expr::Cast(inner) => is_zero(&inner.expr),
        Expr::Negative(inner) => is_zero(inner),
        _ => false,
    }
}
