//! Products, means and the shape of a distribution.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::ScalarValue;

use super::collected::{Definition, Group, null};
use crate::error::Result;

pub(super) fn definitions() -> Vec<Definition> {
    let of = |name, aliases, about, example, finish| Definition {
        name,
        aliases,
        usage: example,
        about,
        example,
        takes: |arguments| match arguments {
            [x] if x.is_numeric() || *x == DataType::Null => Some(vec![DataType::Float64]),
            _ => None,
        },
        gives: |_| DataType::Float64,
        finish,
        of_none: null,
    };
    vec![
        of("product", &[], "the product of all values", "product(x)", |group| each(group, |values| Some(values.iter().product()))),
        of("geomean", &["geometric_mean"], "the geometric mean", "geomean(x)", |group| {
            each(group, |values| Some((values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()))
        }),
        of("sem", &[], "the standard error of the mean", "sem(x)", |group| {
            each(group, |values| {
                let count = values.len() as f64;
                let (_, squares, ..) = central(values);
                Some((squares / count).sqrt() / count.sqrt())
            })
        }),
        of("skewness", &[], "how much the distribution leans to one side, of a sample", "skewness(x)", |group| {
            each(group, |values| {
                let count = values.len() as f64;
                let (_, squares, cubes, _) = central(values);
                let spread = (squares / count).powf(1.5);
                // Fewer than three lean to no side; equal ones have no shape.
                (count > 2.0).then(|| (count * (count - 1.0)).sqrt() / (count - 2.0) * (cubes / count) / spread)
            })
        }),
        of("kurtosis", &[], "how heavy the distribution's tails are, of a sample", "kurtosis(x)", |group| {
            each(group, |values| {
                let count = values.len() as f64;
                let (_, squares, _, fourths) = central(values);
                let spread = squares / count;
                let excess = (count + 1.0) * (fourths / count / (spread * spread)) - 3.0 * (count - 1.0);
                (count > 3.0 && spread != 0.0).then(|| excess * (count - 1.0) / ((count - 2.0) * (count - 3.0)))
            })
        }),
        of("kurtosis_pop", &[], "how heavy the distribution's tails are", "kurtosis_pop(x)", |group| {
            each(group, |values| {
                let count = values.len() as f64;
                let (_, squares, _, fourths) = central(values);
                let spread = squares / count;
                (count > 1.0 && spread != 0.0).then(|| fourths / count / (spread * spread) - 3.0)
            })
        }),
    ]
}

fn each(group: &Group<'_>, of: fn(&[f64]) -> Option<f64>) -> Result<ScalarValue> {
    Ok(ScalarValue::Float64(of(group.values.as_primitive::<Float64Type>().values())))
}

/// The mean, and the sums of the second, third and fourth powers of the distances from it.
fn central(values: &[f64]) -> (f64, f64, f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let power = |exponent: i32| values.iter().map(|value| (value - mean).powi(exponent)).sum::<f64>();
    (mean, power(2), power(3), power(4))
}
