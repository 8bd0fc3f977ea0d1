//! `round`, `trunc`, `round_even`, `ceil`, `floor` and `abs` of any number, in its own type: halves go away from zero, also in decimals, and digits before the point can
//! be asked for.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Float32Array, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Float32Type, Float64Type, Int64Type};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, Result, from_datafusion, to_datafusion, while_planning};

/// Where to round to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Direction {
    /// The nearest, halves away from zero.
    Nearest,
    /// The nearest, halves to the even one.
    Even,
    /// Toward zero.
    Zero,
    /// Up.
    Up,
    /// Down.
    Down,
    /// Not at all, but without its sign.
    Unsigned,
}

/// Name, other names, direction, whether digits can be given, and a line for people.
const FUNCTIONS: [(&str, &[&str], Direction, bool, &str); 6] = [
    ("abs", &[], Direction::Unsigned, false, "the number without its sign"),
    ("round", &[], Direction::Nearest, true, "rounded to so many digits behind the point, halves away from zero"),
    ("round_even", &["roundbankers"], Direction::Even, true, "rounded to so many digits behind the point, halves to the even digit"),
    ("trunc", &["truncate"], Direction::Zero, true, "without the digits behind so many"),
    ("ceil", &["ceiling"], Direction::Up, false, "the next whole number, upward"),
    ("floor", &[], Direction::Down, false, "the next whole number, downward"),
];

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let make = |(name, aliases, direction, takes_digits, about): &(&'static str, &[&str], Direction, bool, &str)| {
        let usage = if *takes_digits { format!("{name}(x[, digits])") } else { format!("{name}(x)") };
        let documentation = Documentation::builder(DocSection::default(), *about, usage).with_sql_example(format!("{name}(2.567)")).build();
        let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Rounding {
            name,
            aliases,
            direction: *direction,
            takes_digits: *takes_digits,
            signature,
            documentation,
        }))
    };
    FUNCTIONS.iter().map(make).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Rounding {
    name: &'static str,
    aliases: Vec<String>,
    direction: Direction,
    takes_digits: bool,
    signature: Signature,
    documentation: Documentation,
}

impl Rounding {
    /// The type of the result; `digits` where it is constant.
    fn result(&self, number: &DataType, digits: Option<i64>) -> DataType {
        match number {
            // Whole numbers have no fraction; but their result is a DOUBLE in DuckDB, too, where nothing is asked about digits.
            DataType::Decimal128(precision, scale) if self.direction != Direction::Unsigned => {
                let kept = digits.unwrap_or(i64::from(*scale)).clamp(0, i64::from(*scale));
                let kept = i8::try_from(kept).unwrap_or(*scale);
                // One digit more in front: 9.9 becomes 10.
                let grows = u8::from(kept < *scale);
                let precision = (i16::from(*precision) - i16::from(*scale) + i16::from(kept) + i16::from(grows)).clamp(1, 38);
                DataType::Decimal128(u8::try_from(precision).unwrap_or(38), kept)
            }
            other => other.clone(),
        }
    }

    fn invalid(&self, found: &[DataType]) -> Error {
        let found: Vec<String> = found.iter().map(crate::types::name_of).collect();
        let usage = if self.takes_digits { "(number[, digits])" } else { "(number)" };
        Error::invalid(format!("there is no {}({})", self.name, found.join(", ")))
            .with_hint(format!("it is called as {}{usage}", self.name))
    }

    fn run(&self, arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&arguments.args).map_err(from_datafusion)?;
        let digits = arrays.get(1).map(|digits| cast(digits, &DataType::Int64)).transpose()?;
        let digits = |row: usize| match &digits {
            None => Some(0),
            Some(digits) => {
                let digits = digits.as_primitive::<Int64Type>();
                (!arrow::array::Array::is_null(digits, row)).then(|| digits.value(row))
            }
        };
        let to = arguments.return_field.data_type();
        let numbers = &arrays[0];
        let rows = numbers.len();
        let rounded: ArrayRef = match (numbers.data_type(), to) {
            (DataType::Float64, _) => {
                let numbers = numbers.as_primitive::<Float64Type>();
                let each = (0..rows).map(|row| Some(self.direction.of_float(numbers.is_valid_at(row)?, digits(row)?)));
                Arc::new(Float64Array::from_iter(each))
            }
            (DataType::Float32, _) => {
                let numbers = numbers.as_primitive::<Float32Type>();
                let each = (0..rows).map(|row| Some(self.direction.of_float(numbers.is_valid_at(row)?.into(), digits(row)?) as f32));
                Arc::new(Float32Array::from_iter(each))
            }
            (DataType::Decimal128(_, scale), DataType::Decimal128(precision, to_scale)) => {
                let numbers = numbers.as_primitive::<Decimal128Type>();
                let one = |row: usize| {
                    let (Some(number), Some(digits)) = (numbers.is_valid_at(row), digits(row)) else { return Ok(None) };
                    self.direction.of_decimal(number, i64::from(*scale), digits, i64::from(*to_scale)).map(Some)
                };
                let each = (0..rows).map(one).collect::<Result<Vec<_>>>()?;
                let rounded = Decimal128Array::from(each).with_precision_and_scale(*precision, *to_scale)?;
                rounded.validate_decimal_precision(*precision)?;
                Arc::new(rounded)
            }
            (whole, _) => {
                let wide = cast(numbers, &DataType::Decimal128(38, 0))?;
                let wide = wide.as_primitive::<Decimal128Type>();
                let one = |row: usize| {
                    let (Some(number), Some(digits)) = (wide.is_valid_at(row), digits(row)) else { return Ok(None) };
                    self.direction.of_decimal(number, 0, digits, 0).map(Some)
                };
                let each = (0..rows).map(one).collect::<Result<Vec<_>>>()?;
                let each = Decimal128Array::from(each).with_precision_and_scale(38, 0)?;
                let strict = arrow::compute::CastOptions { safe: false, ..arrow::compute::CastOptions::default() };
                let name = crate::types::name_of(whole);
                arrow::compute::cast_with_options(&each, whole, &strict)
                    .map_err(|_| Error::invalid(format!("{} of a number is out of the range of {name}", self.name)))?
            }
        };
        Ok(match constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&rounded, 0).map_err(from_datafusion)?),
            false => ColumnarValue::Array(rounded),
        })
    }
}

/// A value of an array, none for NULL.
trait ValidAt<T> {
    fn is_valid_at(&self, row: usize) -> Option<T>;
}

impl<P: arrow::array::ArrowPrimitiveType> ValidAt<P::Native> for arrow::array::PrimitiveArray<P> {
    fn is_valid_at(&self, row: usize) -> Option<P::Native> {
        (!arrow::array::Array::is_null(self, row)).then(|| self.value(row))
    }
}

impl Direction {
    fn whole(self, number: f64) -> f64 {
        match self {
            Self::Nearest => number.round(),
            Self::Even => number.round_ties_even(),
            Self::Zero => number.trunc(),
            Self::Up => number.ceil(),
            Self::Down => number.floor(),
            Self::Unsigned => number.abs(),
        }
    }

    fn of_float(self, number: f64, digits: i64) -> f64 {
        let digits = i32::try_from(digits.clamp(-400, 400)).unwrap_or(0);
        if digits == 0 || !number.is_finite() {
            return self.whole(number);
        }
        let shifted = match digits < 0 {
            true => self.whole(number / 10_f64.powi(-digits)) * 10_f64.powi(-digits),
            false => self.shifted(number, 10_f64.powi(digits)) / 10_f64.powi(digits),
        };
        // More digits than a DOUBLE has leave it as it is; fewer than it has before the point leave nothing.
        match (shifted.is_finite(), digits < 0) {
            (true, _) => shifted,
            (false, true) => 0.0,
            (false, false) => number,
        }
    }

    /// The product, rounded. A product that looks like a half but is less stays below: 2.675 is a little less than that.
    fn shifted(self, number: f64, power: f64) -> f64 {
        let product = number * power;
        let lost = number.mul_add(power, -product);
        let is_half = (product - product.trunc()).abs() == 0.5;
        match is_half && matches!(self, Self::Nearest | Self::Even) && lost != 0.0 {
            true if (lost < 0.0) == (product < 0.0) => product.trunc() + product.signum(),
            true => product.trunc(),
            false => self.whole(product),
        }
    }

    /// A decimal's digits, with a scale, rounded and brought to another scale.
    fn of_decimal(self, number: i128, scale: i64, digits: i64, to_scale: i64) -> Result<i128> {
        let over = || Error::invalid("a rounded number has no place in its type");
        let power = |digits: i64| u32::try_from(digits).ok().and_then(|digits| 10_i128.checked_pow(digits));
        let rounded = match scale - digits {
            _ if self == Self::Unsigned => return Ok(number.abs()),
            ..=0 => number,
            cut => match power(cut) {
                Some(unit) => self.of_whole(number, unit).checked_mul(unit).ok_or_else(over)?,
                None => 0,
            },
        };
        power(scale - to_scale).map(|unit| rounded / unit).ok_or_else(over)
    }

    /// How many of a unit, rounded.
    fn of_whole(self, number: i128, unit: i128) -> i128 {
        let (quotient, rest) = (number / unit, number % unit);
        let half = (rest.unsigned_abs() * 2).cmp(&unit.unsigned_abs());
        let away = match self {
            Self::Nearest => half.is_ge(),
            Self::Even => half.is_gt() || (half.is_eq() && quotient % 2 != 0),
            Self::Zero => false,
            Self::Up => rest > 0,
            Self::Down => rest < 0,
            Self::Unsigned => false,
        };
        quotient + if away { number.signum() } else { 0 }
    }
}

impl ScalarUDFImpl for Rounding {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        let number = match arguments.first() {
            Some(DataType::Null) => DataType::Float64,
            Some(DataType::Float16) => DataType::Float32,
            Some(text) if text.is_string() => DataType::Float64,
            Some(number) if number.is_numeric() => number.clone(),
            _ => return Err(while_planning(self.invalid(arguments))),
        };
        match arguments.get(1) {
            None => Ok(vec![number]),
            Some(digits) if self.takes_digits && arguments.len() == 2 && (digits.is_integer() || *digits == DataType::Null) => {
                Ok(vec![number, DataType::Int64])
            }
            Some(_) => Err(while_planning(self.invalid(arguments))),
        }
    }

    fn return_type(&self, arguments: &[DataType]) -> DataFusionResult<DataType> {
        let digits = if arguments.len() > 1 { None } else { Some(0) };
        Ok(arguments.first().map_or(DataType::Float64, |number| self.result(number, digits)))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        let digits = match arguments.scalar_arguments.get(1) {
            None => Some(0),
            Some(constant) => constant.and_then(|value| match value.cast_to(&DataType::Int64) {
                Ok(ScalarValue::Int64(digits)) => digits,
                _ => None,
            }),
        };
        let number = arguments.arg_fields.first().map_or(DataType::Float64, |field| field.data_type().clone());
        Ok(Arc::new(Field::new(self.name, self.result(&number, digits), true)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        self.run(&arguments).map_err(to_datafusion)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
