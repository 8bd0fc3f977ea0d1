//! What a session knows of itself: `current_schema()`, `version()` …

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};

/// What it is of a session.
type Answer = fn(&ConfigOptions) -> String;

/// Name, other names, a line for people, and the answer.
const FUNCTIONS: [(&str, &[&str], &str, Answer); 4] = [
    ("current_schema", &[], "the schema that names without one mean", |options| options.catalog.default_schema.clone()),
    ("current_database", &["current_catalog"], "the database that names without one mean", |options| {
        options.catalog.default_catalog.clone()
    }),
    ("current_user", &["user", "session_user", "current_role"], "who runs the statement: there are no users", |_| "clouddb".to_owned()),
    ("version", &[], "the version of the database", |_| format!("CloudDB {}", env!("CARGO_PKG_VERSION"))),
];

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    FUNCTIONS.iter().enumerate().map(|(place, _)| Arc::new(ScalarUDF::new_from_impl(OfSession::new(place)))).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfSession {
    place: usize,
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

impl OfSession {
    fn new(place: usize) -> Self {
        let (name, aliases, about, _) = FUNCTIONS[place];
        let usage = format!("{name}()");
        Self {
            place,
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            signature: Signature::nullary(Volatility::Stable),
            documentation: Documentation::builder(DocSection::default(), about, &usage).with_sql_example(usage).build(),
        }
    }

    fn answer(&self, options: &ConfigOptions) -> ScalarValue {
        ScalarValue::Utf8View(Some(FUNCTIONS[self.place].3(options)))
    }
}

impl ScalarUDFImpl for OfSession {
    fn name(&self) -> &str {
        FUNCTIONS[self.place].0
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn simplify(&self, _: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(ExprSimplifyResult::Simplified(lit(self.answer(info.config_options()))))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.answer(&arguments.config_options)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
