//! UUIDs and time zones: `to_uuid(text)`, which is also what a cast to UUID becomes; `uuid_text(uuid)`, what a UUID becomes beside texts; and
//! `timezone(zone, timestamp)`, what AT TIME ZONE becomes.

use std::sync::Arc;

use arrow::array::FixedSizeBinaryBuilder;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::to_datafusion;
use crate::semantics::zones::AtTimeZone;
use crate::types::{self, uuid};

/// The name of the function that makes a UUID of a text.
pub(crate) const TO_UUID: &str = "to_uuid";

/// The functions.
pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    vec![
        Arc::new(ScalarUDF::new_from_impl(ToUuid::default())),
        Arc::new(ScalarUDF::new_from_impl(UuidText::default())),
        Arc::new(ScalarUDF::new_from_impl(AtTimeZone::default())),
        Arc::new(ScalarUDF::new_from_impl(RandomUuid::default())),
    ]
}

/// The UUID that a text stands for.
pub(crate) fn uuid_of(text: Expr) -> Expr {
    ScalarUDF::new_from_impl(ToUuid::default()).call(vec![text])
}

/// The text of a UUID.
pub(crate) fn uuid_text(uuid: Expr) -> Expr {
    ScalarUDF::new_from_impl(UuidText::default()).call(vec![uuid])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToUuid {
    signature: Signature,
    documentation: Documentation,
}

impl Default for ToUuid {
    fn default() -> Self {
        let documentation = Documentation::builder(DocSection::default(), "the UUID that a text stands for", "to_uuid(text)");
        let example = "to_uuid('123e4567-e89b-12d3-a456-426614174000')";
        Self { signature: Signature::any(1, Volatility::Immutable), documentation: documentation.with_sql_example(example).build() }
    }
}

impl ScalarUDFImpl for ToUuid {
    fn name(&self) -> &str {
        TO_UUID
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::FixedSizeBinary(16))
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        Ok(Arc::new(types::uuid_field(TO_UUID)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let uuids = uuid::from_array(&arrays[0]).map_err(to_datafusion)?;
        Ok(ColumnarValue::Array(uuids))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct UuidText {
    signature: Signature,
}

impl Default for UuidText {
    fn default() -> Self {
        Self { signature: Signature::exact(vec![DataType::FixedSizeBinary(16)], Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for UuidText {
    fn name(&self) -> &str {
        "uuid_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Utf8View)
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        Ok(Arc::new(Field::new("uuid_text", DataType::Utf8View, true)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        Ok(ColumnarValue::Array(uuid::to_text(&arrays[0]).map_err(to_datafusion)?))
    }
}

/// A UUID of version 4, another for each row.
#[derive(Debug, PartialEq, Eq, Hash)]
struct RandomUuid {
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

impl Default for RandomUuid {
    fn default() -> Self {
        let documentation = Documentation::builder(DocSection::default(), "a random UUID, another each time", "gen_random_uuid()");
        Self {
            aliases: ["uuid", "uuidv4", "uuid_generate_v4", "newid"].map(str::to_owned).to_vec(),
            signature: Signature::nullary(Volatility::Volatile),
            documentation: documentation.with_sql_example("gen_random_uuid()").build(),
        }
    }
}

impl ScalarUDFImpl for RandomUuid {
    fn name(&self) -> &str {
        "gen_random_uuid"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::FixedSizeBinary(types::UUID_WIDTH))
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        Ok(Arc::new(types::uuid_field(self.name())))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let mut builder = FixedSizeBinaryBuilder::with_capacity(arguments.number_rows, types::UUID_WIDTH);
        for _ in 0..arguments.number_rows {
            let mut bytes: [u8; 16] = rand::random();
            // The version, and the variant of RFC 9562.
            bytes[6] = bytes[6] & 0x0f | 0x40;
            bytes[8] = bytes[8] & 0x3f | 0x80;
            builder.append_value(bytes)?;
        }
        Ok(ColumnarValue::Array(Arc::new(builder.finish())))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
