//! Casts that have names of their own.
//!
//! DataFusion calls a cast like what it casts, and so finds two columns of one name where a query has `max(x)` beside `max(x::DATE)`, or groups by both. Such a
//! query is planned once more, with its casts written as calls, which are called as they are written; the rule makes casts of them again, once
//! every column has its name.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DataFusionError, Result, ScalarValue, SchemaError};
use datafusion::config::ConfigOptions;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::sql::parser::Statement as DataFusionStatement;
use datafusion::sql::sqlparser::ast::{CastKind, Expr as SqlExpr, Statement, VisitMut, VisitorMut};

use super::resolve::ast::{call, text};
use crate::error::{Error, to_datafusion};
use crate::semantics::{any_expression, every_expression};
use crate::statements::syntax::parse;
use crate::types;

/// The functions' names. No function's: nobody begins one so.
const CAST: &str = "__cast";
const TRY_CAST: &str = "__try_cast";

/// Plans a statement.
///
/// # Errors
/// DataFusion's.
pub(crate) async fn plan(state: &SessionState, statement: Statement) -> Result<LogicalPlan> {
    let mut again = statement.clone();
    match state.statement_to_plan(DataFusionStatement::Statement(Box::new(statement))).await {
        Err(error) if is_about_names(&error) && as_calls(&mut again) => {
            let mut state = state.clone();
            for name in [CAST, TRY_CAST] {
                let function = NamedCast { name, signature: Signature::any(2, Volatility::Immutable) };
                state.register_udf(Arc::new(ScalarUDF::new_from_impl(function)))?;
            }
            state.statement_to_plan(DataFusionStatement::Statement(Box::new(again))).await
        }
        planned => planned,
    }
}

/// Whether a plan failed as two of its columns have one name.
fn is_about_names(error: &DataFusionError) -> bool {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => matches!(
            schema.as_ref(),
            SchemaError::DuplicateQualifiedField { .. }
                | SchemaError::DuplicateUnqualifiedField { .. }
                | SchemaError::AmbiguousReference { .. }
        ),
        DataFusionError::Plan(message) => message.contains("require unique expression names"),
        _ => false,
    }
}

/// Writes a statement's casts as calls; tells whether there was one.
fn as_calls(statement: &mut Statement) -> bool {
    struct Casts(bool);
    impl VisitorMut for Casts {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut SqlExpr) -> ControlFlow<()> {
            if let SqlExpr::Cast { kind, expr: inner, data_type, array: false, format: None } = expr {
                let name = match kind {
                    CastKind::Cast | CastKind::DoubleColon => CAST,
                    CastKind::TryCast | CastKind::SafeCast => TRY_CAST,
                };
                let (inner, data_type) = (std::mem::replace(inner.as_mut(), text("")), text(&data_type.to_string()));
                *expr = call(name, vec![inner, data_type]);
                self.0 = true;
            }
            ControlFlow::Continue(())
        }
    }
    let mut casts = Casts(false);
    let _ = VisitMut::visit(statement, &mut casts);
    casts.0
}

/// The rule. It belongs before all that look at types.
#[derive(Debug)]
pub(crate) struct NamedCasts;

impl AnalyzerRule for NamedCasts {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        if !any_expression(&plan, |expr| matches!(expr, Expr::ScalarFunction(call) if matches!(call.func.name(), CAST | TRY_CAST)))? {
            return Ok(plan);
        }
        let rewritten = every_expression(plan, |expr, _| {
            expr.transform_up(|expr| match expr {
                Expr::ScalarFunction(mut call) if matches!(call.func.name(), CAST | TRY_CAST) => {
                    let field = target(call.args.pop().as_ref().and_then(Expr::as_literal))?;
                    let expr = Box::new(call.args.pop().unwrap_or_default());
                    Ok(Transformed::yes(match call.func.name() {
                        CAST => Expr::Cast(Cast { expr, field }),
                        _ => Expr::TryCast(TryCast { expr, field }),
                    }))
                }
                other => Ok(Transformed::no(other)),
            })
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &str {
        "named_casts"
    }
}

fn target(data_type: Option<&ScalarValue>) -> Result<FieldRef> {
    let text = data_type.and_then(|value| value.try_as_str().flatten()).unwrap_or_default();
    parse::parse_type(text).and_then(|data_type| types::field("", &data_type)).map_err(to_datafusion)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NamedCast {
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for NamedCast {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(to_datafusion(Error::internal("a cast is asked for its type without its arguments")))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let field = target(arguments.scalar_arguments.last().copied().flatten())?;
        let nullable = self.name == TRY_CAST || arguments.arg_fields[0].is_nullable();
        Ok(Arc::new(field.as_ref().clone().with_name(self.name).with_nullable(nullable)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(to_datafusion(Error::internal("a cast was not planned as one")))
    }
}
