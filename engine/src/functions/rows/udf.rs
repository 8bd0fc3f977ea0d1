//! A row function as one of DataFusion's.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    lit,
};

use super::cell::{Args, Out};
use super::column::{Column, Results, in_kind};
use super::{Function, Kind};
use crate::error::{Error, Result, from_datafusion, to_datafusion, while_planning};

/// A row function. Two of the same name are the same.
#[derive(Debug, Clone)]
pub(in crate::functions) struct RowFunction {
    function: Arc<Function>,
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

impl RowFunction {
    pub(super) fn new(function: Function) -> Self {
        let aliases = function.names.iter().skip(1).cloned().collect();
        let documentation = Documentation::builder(DocSection { label: "", ..DocSection::default() }, function.about, function.usage)
            .with_sql_example(function.example)
            .build();
        Self { aliases, signature: Signature::user_defined(function.volatility), documentation, function: Arc::new(function) }
    }

    /// What it gives for these arguments.
    fn gives(&self, arguments: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<Kind> {
        let form = self.function.form_for(arguments)?;
        Ok(self.function.choose.and_then(|choose| choose(constants)).unwrap_or(form.gives))
    }

    fn run(&self, arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let types: Vec<DataType> = arguments.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let form = self.function.form_for(&types)?;
        let kinds = form.kinds(types.len()).ok_or_else(|| Error::internal("a function lost an argument"))?;
        let is_constant = self.function.volatility != Volatility::Volatile
            && arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { arguments.number_rows };
        let mut arrays: Vec<(ArrayRef, bool)> = Vec::with_capacity(kinds.len());
        for ((value, field), kind) in arguments.args.iter().zip(&arguments.arg_fields).zip(&kinds) {
            let (array, is_one) = match value {
                ColumnarValue::Array(array) => (Arc::clone(array), false),
                ColumnarValue::Scalar(scalar) => (scalar.to_array().map_err(from_datafusion)?, true),
            };
            arrays.push((in_kind(*kind, field, &array)?, is_one));
        }
        let columns = arrays.iter().zip(&kinds).zip(&types).map(|(((array, _), kind), from)| Column::new(*kind, array, from));
        let columns = columns.zip(&arrays).map(|(column, (_, is_one))| Ok((column?, *is_one))).collect::<Result<Vec<_>>>()?;
        if let Some(of_columns) = self.function.of_columns.filter(|_| !is_constant)
            && let Some(array) = of_columns(&columns)?
        {
            return Ok(ColumnarValue::Array(array));
        }
        let mut results = Results::new(self.result_kind(arguments.return_field.data_type(), form.gives), rows);
        let mut row_args = Args(Vec::with_capacity(columns.len()));
        for row in 0..rows {
            row_args.0.clear();
            row_args.0.extend(columns.iter().map(|(column, is_one)| column.cell(if *is_one { 0 } else { row })));
            let is_null = !form.sees_nulls && (0..row_args.len()).any(|index| row_args.is_null(index));
            results.push(if is_null { Out::Null } else { (form.run)(&row_args)? })?;
        }
        let array = results.finish();
        Ok(match is_constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0).map_err(from_datafusion)?),
            false => ColumnarValue::Array(array),
        })
    }

    /// What is called instead, because there are lists among the arguments.
    fn of_lists(&self, arguments: &[DataType]) -> Option<&Arc<ScalarUDF>> {
        let is_list = |data_type: &DataType| matches!(data_type, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..));
        self.function.of_lists.as_ref().filter(|_| arguments.iter().any(is_list))
    }

    /// What was chosen when the query was planned.
    fn result_kind(&self, planned: &DataType, usual: Kind) -> Kind {
        let chosen =
            [Kind::Float, Kind::Int, Kind::Moment, Kind::Timestamp].into_iter().find(|kind| kind.data_type().as_ref() == Some(planned));
        match self.function.choose {
            Some(_) => chosen.unwrap_or(usual),
            None => usual,
        }
    }
}

impl PartialEq for RowFunction {
    fn eq(&self, other: &Self) -> bool {
        self.function.names == other.function.names
    }
}

impl Eq for RowFunction {}

impl Hash for RowFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.names.hash(state);
    }
}

impl ScalarUDFImpl for RowFunction {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        if let Some(function) = self.of_lists(arguments) {
            let fields: Vec<FieldRef> = arguments.iter().map(|argument| Arc::new(Field::new("", argument.clone(), true))).collect();
            return Ok(fields_with_udf(&fields, function.as_ref())?.iter().map(|field| field.data_type().clone()).collect());
        }
        let form = self.function.form_for(arguments).map_err(while_planning)?;
        let kinds = form.kinds(arguments.len()).unwrap_or_default();
        // A text stays as it is: a cast around a constant would hide it from what chooses the result by it.
        let coerced = |kind: &Kind, argument: &DataType| match kind.data_type() {
            Some(_) if *kind == Kind::Text && argument.is_string() => argument.clone(),
            // Arrow would make no days of the hours between two timestamps.
            Some(_) if *kind == Kind::Interval && matches!(argument, DataType::Duration(_)) => argument.clone(),
            Some(data_type) => data_type,
            _ => argument.clone(),
        };
        Ok(kinds.iter().zip(arguments).map(|(kind, argument)| coerced(kind, argument)).collect())
    }

    fn return_type(&self, arguments: &[DataType]) -> DataFusionResult<DataType> {
        if let Some(function) = self.of_lists(arguments) {
            return function.return_type(arguments);
        }
        let kind = self.gives(arguments, &[]).map_err(to_datafusion)?;
        Ok(kind.data_type().unwrap_or(DataType::Utf8View))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        let types: Vec<DataType> = arguments.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        if let Some(function) = self.of_lists(&types) {
            return function.return_field_from_args(arguments);
        }
        let kind = self.gives(&types, arguments.scalar_arguments).map_err(to_datafusion)?;
        Ok(Arc::new(Field::new(self.name(), kind.data_type().unwrap_or(DataType::Utf8View), true)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let types: Vec<DataType> = arguments.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        match self.of_lists(&types) {
            Some(function) => function.invoke_with_args(arguments),
            None => self.run(&arguments).map_err(to_datafusion),
        }
    }

    fn simplify(&self, arguments: Vec<Expr>, info: &SimplifyContext) -> DataFusionResult<ExprSimplifyResult> {
        let with_now = self.function.with_now.zip(info.query_execution_start_time()).and_then(|(with_now, now)| with_now(&arguments, now));
        Ok(match with_now {
            Some(arguments) => ExprSimplifyResult::Simplified(ScalarUDF::new_from_impl(self.clone()).call(arguments)),
            None => ExprSimplifyResult::Original(arguments),
        })
    }

    fn preimage(&self, arguments: &[Expr], result: &Expr, info: &SimplifyContext) -> DataFusionResult<PreimageResult> {
        let Some((function, arguments)) = self.function.like.and_then(|like| like(arguments)) else { return Ok(PreimageResult::None) };
        // What is a BIGINT here is an INTEGER there.
        let narrow = result.as_literal().and_then(|value| value.cast_to(&DataType::Int32).ok());
        match narrow {
            Some(narrow) if !narrow.is_null() => function.inner().preimage(&arguments, &lit(narrow), info),
            _ => Ok(PreimageResult::None),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
