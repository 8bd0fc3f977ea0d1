//! How often each value is there.

use std::sync::Arc;

use arrow::array::{MapArray, StructArray, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::ScalarValue;

use super::collected::{Definition, null, ranked};

pub(super) fn definitions() -> Vec<Definition> {
    vec![
        Definition {
            name: "histogram",
            aliases: &[],
            usage: "histogram(x)",
            about: "a MAP of each value to how often it is there",
            example: "histogram(x)",
            takes: |arguments| matches!(arguments, [_]).then(|| arguments.to_vec()),
            gives: |arguments| {
                let entries = Field::new("entries", DataType::Struct(fields(arguments.first().unwrap_or(&DataType::Null))), false);
                DataType::Map(Arc::new(entries), false)
            },
            finish: |group| {
                let runs = ranked(&group.values)?;
                let keys = take(&group.values, &UInt64Array::from_iter_values(runs.iter().map(|run| run.first)), None)?;
                let counts = UInt64Array::from_iter_values(runs.iter().map(|run| run.count));
                let fields = fields(keys.data_type());
                let entries = StructArray::new(fields.clone(), vec![keys, Arc::new(counts)], None);
                let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
                Ok(ScalarValue::Map(Arc::new(MapArray::new(field, OffsetBuffer::from_lengths([runs.len()]), entries, None, false))))
            },
            of_none: null,
        },
        Definition {
            name: "entropy",
            aliases: &[],
            usage: "entropy(x)",
            about: "how many bits it takes to tell which value there is",
            example: "entropy(x)",
            takes: |arguments| matches!(arguments, [_]).then(|| arguments.to_vec()),
            gives: |_| DataType::Float64,
            finish: |group| {
                let total = group.values.len() as f64;
                let bits = ranked(&group.values)?.into_iter().map(|run| {
                    let share = run.count as f64 / total;
                    share * share.log2()
                });
                // Nothing in doubt is 0, not -0.
                Ok(ScalarValue::Float64(Some(0.0 - bits.sum::<f64>())))
            },
            of_none: |_| Ok(ScalarValue::Float64(Some(0.0))),
        },
    ]
}

fn fields(keys: &DataType) -> Fields {
    vec![Field::new("key", keys.clone(), false), Field::new("value", DataType::UInt64, true)].into()
}
