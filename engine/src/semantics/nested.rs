//! Lists, structs and maps in order: part by part, a NULL in them behind everything else, as ORDER BY, `max` and `min` have them, and as in DuckDB and
//! PostgreSQL. DataFusion's comparisons have such a NULL first.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, make_comparator};
use arrow::compute::{SortOptions, interleave};
use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Between, ScalarFunction};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::typed::type_of;

/// In ORDER BY's own order.
const ORDER: SortOptions = SortOptions { descending: false, nulls_first: false };

/// `<` and its like, BETWEEN, `greatest` and `least` of nested values; other expressions stay.
pub(super) fn rewritten(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match question(op) {
            Some(question) if are_alike([&left, &right], schema)? => Transformed::yes(question.call(vec![*left, *right])),
            _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
        },
        Expr::Between(Between { expr, negated, low, high }) if are_alike([&expr, &low, &high], schema)? => {
            let within = Question::GtEq.call(vec![*expr.clone(), *low]).and(Question::LtEq.call(vec![*expr, *high]));
            Transformed::yes(if negated { Expr::Not(Box::new(within)) } else { within })
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let question = match func.name() {
                "greatest" => Some(Question::Greatest),
                "least" => Some(Question::Least),
                _ => None,
            };
            match question {
                Some(question) if are_alike(&args, schema)? => Transformed::yes(question.call(args)),
                _ => Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args })),
            }
        }
        other => Transformed::no(other),
    })
}

/// Whether all are nested values of one type.
fn are_alike<'a, T: AsRef<Expr> + 'a + ?Sized>(exprs: impl IntoIterator<Item = &'a T>, schema: &DFSchema) -> Result<bool> {
    let mut first: Option<DataType> = None;
    for expr in exprs {
        let found = type_of(expr.as_ref(), schema)?;
        match &first {
            None if found.is_nested() => first = Some(found),
            Some(first) if found == *first => {}
            _ => return Ok(false),
        }
    }
    Ok(first.is_some())
}

/// What is asked of nested values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Question {
    Lt,
    LtEq,
    Gt,
    GtEq,
    Greatest,
    Least,
}

fn question(op: Operator) -> Option<Question> {
    Some(match op {
        Operator::Lt => Question::Lt,
        Operator::LtEq => Question::LtEq,
        Operator::Gt => Question::Gt,
        Operator::GtEq => Question::GtEq,
        _ => return None,
    })
}

impl Question {
    fn call(self, arguments: Vec<Expr>) -> Expr {
        let function = NestedOrder { question: self, signature: Signature::variadic_any(Volatility::Immutable) };
        Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), arguments))
    }

    /// Whether a value that stands so to another one is what is asked for.
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Lt | Self::Least => order.is_lt(),
            Self::LtEq => order.is_le(),
            Self::Gt | Self::Greatest => order.is_gt(),
            Self::GtEq => order.is_ge(),
        }
    }

    fn is_comparison(self) -> bool {
        !matches!(self, Self::Greatest | Self::Least)
    }
}

/// The question as a function.
#[derive(Debug, PartialEq, Eq, Hash)]
struct NestedOrder {
    question: Question,
    signature: Signature,
}

impl NestedOrder {
    fn compared(&self, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
        let compare = make_comparator(left, right, ORDER)?;
        let holds = |row: usize| (left.is_valid(row) && right.is_valid(row)).then(|| self.question.holds(compare(row, row)));
        Ok(Arc::new((0..left.len()).map(holds).collect::<BooleanArray>()))
    }

    /// Of each row the value that is asked for. NULLs do not count.
    fn chosen(&self, columns: &[ArrayRef]) -> Result<ArrayRef> {
        let Some((first, others)) = columns.split_first() else { return Ok(Arc::new(BooleanArray::from(Vec::<bool>::new()))) };
        let mut best = Arc::clone(first);
        for other in others {
            let compare = make_comparator(other, &best, ORDER)?;
            let from = |row: usize| {
                let is_better = other.is_valid(row) && (best.is_null(row) || self.question.holds(compare(row, row)));
                (usize::from(is_better), row)
            };
            let places: Vec<_> = (0..best.len()).map(from).collect();
            best = interleave(&[best.as_ref(), other.as_ref()], &places)?;
        }
        Ok(best)
    }
}

impl ScalarUDFImpl for NestedOrder {
    fn name(&self) -> &str {
        match self.question {
            Question::Lt => "nested_lt",
            Question::LtEq => "nested_lt_eq",
            Question::Gt => "nested_gt",
            Question::GtEq => "nested_gt_eq",
            Question::Greatest => "greatest",
            Question::Least => "least",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(match (self.question.is_comparison(), arguments.first()) {
            (false, Some(first)) => first.clone(),
            _ => DataType::Boolean,
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let are_constants = arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let result = match (self.question.is_comparison(), columns.as_slice()) {
            (true, [left, right]) => self.compared(left, right)?,
            (_, columns) => self.chosen(columns)?,
        };
        Ok(match are_constants {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?),
            false => ColumnarValue::Array(result),
        })
    }
}
