//! The clock: what time it is when a statement begins, the same for all of it.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, Utc};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};

use super::calendar::DAY;
use crate::error::{Error, to_datafusion};
use crate::types::ZONE;

/// What of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Moment,
    Timestamp,
    Date,
    Time,
}

/// All of them: name, other names, what, and a line for people.
const FUNCTIONS: [(&str, &[&str], What, &str); 4] = [
    (
        "now",
        &["current_timestamp", "get_current_timestamp", "transaction_timestamp", "statement_timestamp"],
        What::Moment,
        "the moment when the statement began",
    ),
    ("localtimestamp", &["current_localtimestamp"], What::Timestamp, "date and time, in UTC, when the statement began"),
    ("current_date", &["today", "curdate"], What::Date, "the date, in UTC, when the statement began"),
    (
        "current_time",
        &["localtime", "get_current_time", "current_localtime"],
        What::Time,
        "the time of day, in UTC, when the statement began",
    ),
];

/// The functions.
pub(in crate::functions) fn functions() -> Vec<Arc<ScalarUDF>> {
    FUNCTIONS
        .iter()
        .map(|(name, aliases, what, about)| Arc::new(ScalarUDF::new_from_impl(Clock::new(name, aliases, *what, about))))
        .collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Clock {
    name: &'static str,
    aliases: Vec<String>,
    what: What,
    signature: Signature,
    documentation: Documentation,
}

impl Clock {
    fn new(name: &'static str, aliases: &[&str], what: What, about: &str) -> Self {
        let usage = format!("{name}()");
        let documentation = Documentation::builder(DocSection::default(), about, &usage).with_sql_example(usage).build();
        let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        Self { name, aliases, what, signature: Signature::nullary(Volatility::Stable), documentation }
    }

    fn value(&self, now: DateTime<Utc>) -> ScalarValue {
        let micros = now.timestamp_micros();
        match self.what {
            What::Moment => ScalarValue::TimestampMicrosecond(Some(micros), Some(ZONE.into())),
            What::Timestamp => ScalarValue::TimestampMicrosecond(Some(micros), None),
            What::Date => ScalarValue::Date32(i32::try_from(micros.div_euclid(DAY)).ok()),
            What::Time => ScalarValue::Time64Microsecond(Some(micros.rem_euclid(DAY))),
        }
    }
}

impl ScalarUDFImpl for Clock {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.what {
            What::Moment => DataType::Timestamp(TimeUnit::Microsecond, Some(ZONE.into())),
            What::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            What::Date => DataType::Date32,
            What::Time => DataType::Time64(TimeUnit::Microsecond),
        })
    }

    fn simplify(&self, arguments: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(match info.query_execution_start_time() {
            Some(now) => ExprSimplifyResult::Simplified(lit(self.value(now))),
            None => ExprSimplifyResult::Original(arguments),
        })
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(to_datafusion(Error::internal(format!("{} was not answered when the statement began", self.name))))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
