//! A result as a plot: labels and numbers as bars, numbers or times and numbers as lines or points.
//!
//! The first column is where a row stands, each further column of numbers is a series. A result of one column is plotted in its order.

mod bars;
mod canvas;
mod points;

use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef};

use super::{Renderer, Style, cells, printable, units};
use crate::failure::{Failure, Result};

/// How a result is plotted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Bars for labels, a line for numbers and times.
    Auto,
    /// A bar for each row.
    Bar,
    /// Points joined by a line.
    Line,
    /// Points.
    Scatter,
}

impl Kind {
    /// The kind of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "bar" | "bars" => Some(Self::Bar),
            "line" | "lines" => Some(Self::Line),
            "scatter" | "points" => Some(Self::Scatter),
            _ => None,
        }
    }
}

/// Rows that a plot takes: more than anybody can tell apart, and little memory.
const MOST_ROWS: usize = 200_000;

/// Columns of a plot where there is no terminal.
const WIDTH: usize = 100;

/// One series: a column's numbers.
#[derive(Debug)]
struct Series {
    name: String,
    values: Vec<Option<f64>>,
}

/// What is plotted, and how.
#[derive(Debug)]
struct Data {
    kind: Kind,
    /// The first column as text and, if it is a number or a time, as numbers.
    labels: Vec<String>,
    positions: Option<Vec<Option<f64>>>,
    label_name: String,
    series: Vec<Series>,
    /// Rows that were too many.
    left_out: u64,
    width: usize,
    ascii: bool,
    colour: bool,
}

/// Draws one result.
pub(crate) struct Plot {
    data: Data,
    /// Whether the first column is one of the series: there is no other.
    is_single: bool,
    /// Positions of the columns that are series.
    columns: Vec<usize>,
}

impl Plot {
    pub(super) fn new(schema: &SchemaRef, kind: Kind, style: &Style) -> Result<Self> {
        let is_single = schema.fields().len() == 1;
        let first = usize::from(!is_single);
        let columns: Vec<usize> = (first..schema.fields().len()).filter(|at| schema.field(*at).data_type().is_numeric()).collect();
        if columns.is_empty() {
            let message = "a plot needs a column of numbers behind the first column\nhint: SELECT label, number FROM ...; .plot";
            return Err(Failure::Message(message.to_owned()));
        }
        let name = |at: &usize| printable::escaped(schema.field(*at).name()).into_owned();
        let series = columns.iter().map(|at| Series { name: name(at), values: Vec::new() }).collect();
        let has_positions = is_single || is_position(schema.field(0).data_type());
        let kind = match kind {
            Kind::Auto if has_positions => Kind::Line,
            Kind::Auto => Kind::Bar,
            Kind::Line | Kind::Scatter if !has_positions => {
                return Err(Failure::Message(format!("'{}' holds no numbers or times to place points by\nhint: .plot bar", name(&0))));
            }
            kind => kind,
        };
        let data = Data {
            kind,
            labels: Vec::new(),
            positions: has_positions.then(Vec::new),
            label_name: if is_single { "row".to_owned() } else { name(&0) },
            series,
            left_out: 0,
            width: style.boxes.width.unwrap_or(WIDTH).max(30),
            ascii: style.ascii,
            colour: style.colour,
        };
        Ok(Self { data, is_single, columns })
    }
}

/// Whether values of a type have a place on an axis.
fn is_position(data_type: &DataType) -> bool {
    data_type.is_numeric() || matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..))
}

/// A column's values as numbers; NaN and infinities have no place in a plot.
fn numbers(array: &ArrayRef) -> Result<Vec<Option<f64>>> {
    let array = match array.data_type() {
        data_type if data_type.is_numeric() => cast(array, &DataType::Float64)?,
        DataType::Date32 => cast(&cast(array, &DataType::Int32)?, &DataType::Float64)?,
        _ => cast(array, &DataType::Int64)?,
    };
    Ok(match array.data_type() {
        DataType::Float64 => array.as_primitive::<Float64Type>().iter().map(|value| value.filter(|value| value.is_finite())).collect(),
        _ => array.as_primitive::<Int64Type>().iter().map(|value| value.map(|value| value as f64)).collect(),
    })
}

impl Renderer for Plot {
    fn batch(&mut self, batch: &RecordBatch, _: &mut dyn Write) -> Result<()> {
        let room = MOST_ROWS.saturating_sub(self.data.labels.len()).min(batch.num_rows());
        self.data.left_out += (batch.num_rows() - room) as u64;
        let batch = batch.slice(0, room);
        let before = self.data.labels.len();
        if self.is_single {
            self.data.labels.extend((before..before + room).map(|row| (row + 1).to_string()));
            self.data.positions.get_or_insert_default().extend((before..before + room).map(|row| Some((row + 1) as f64)));
        } else {
            let first = batch.project(&[0])?;
            let texts = cells::columns(&first, "NULL")?.into_iter().flatten();
            self.data.labels.extend(texts.map(|text| printable::escaped(text.as_deref().unwrap_or("NULL")).into_owned()));
            if let Some(positions) = &mut self.data.positions {
                positions.extend(numbers(batch.column(0))?);
            }
        }
        for (series, column) in self.data.series.iter_mut().zip(&self.columns) {
            series.values.extend(numbers(batch.column(*column))?);
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> Result<()> {
        let data = &self.data;
        if data.series.iter().all(|series| series.values.iter().all(Option::is_none)) {
            writeln!(out, "there is nothing to plot: {}", units::counted(data.labels.len() as u64, "row"))?;
            return Ok(());
        }
        let text = match data.kind {
            Kind::Bar => bars::draw(data),
            Kind::Auto | Kind::Line | Kind::Scatter => points::draw(data),
        };
        out.write_all(text.as_bytes())?;
        if data.left_out > 0 {
            writeln!(out, "  {} left out", units::counted(data.left_out, "more row"))?;
        }
        Ok(())
    }
}

/// A number for an axis: as short as it can be.
fn short(number: f64) -> String {
    let size = number.abs();
    let text = match size {
        0.0 => "0".to_owned(),
        1e15.. => format!("{number:.2e}"),
        1e4.. => {
            let whole = units::count(size.round() as u64);
            if number < 0.0 { format!("-{whole}") } else { whole }
        }
        100.0.. => format!("{number:.1}"),
        0.01.. => format!("{number:.3}"),
        _ => format!("{number:.2e}"),
    };
    match text.contains('.') && !text.contains('e') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};
    use unicode_width::UnicodeWidthStr;

    use super::super::{BoxOptions, Format};
    use super::*;

    fn plot(columns: Vec<(&str, ArrayRef)>, kind: Kind, ascii: bool) -> String {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let style = Style { ascii, ..Style::new(Format::Box, BoxOptions { max_rows: 40, width: Some(60), height: None }) };
        let mut plot = Plot::new(&batch.schema(), kind, &style).unwrap();
        let mut out = Vec::new();
        plot.batch(&batch, &mut out).unwrap();
        plot.finish(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.width() <= 60), "{text}");
        assert!(!ascii || text.is_ascii(), "{text}");
        text
    }

    fn labels() -> ArrayRef {
        Arc::new(StringArray::from(vec!["one", "twenty", "none"]))
    }

    #[test]
    fn bars_are_as_long_as_their_numbers() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(10), Some(20), None]));
        let text = plot(vec![("l", labels()), ("n", numbers)], Kind::Auto, true);
        let bars: Vec<usize> = text.lines().map(|line| line.matches('#').count()).collect();
        assert!((bars[1] * 2).abs_diff(bars[2]) <= 1, "{text}");
        assert!(bars[2] > 30 && bars[3] == 0, "{text}");
        assert!(text.contains("twenty") && text.contains("20") && text.contains("NULL"), "{text}");
    }

    #[test]
    fn bars_below_zero_stand_on_the_other_side() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![-10, 10, 5]));
        let text = plot(vec![("l", labels()), ("n", numbers)], Kind::Bar, true);
        let lines: Vec<&str> = text.lines().collect();
        let axis = lines[1].rfind('|').unwrap();
        assert!(lines[1][..axis].contains('#') && !lines[1][axis..].contains('#'), "{text}");
        assert!(!lines[2][..axis].contains('#') && lines[2][axis..].contains('#'), "{text}");
    }

    #[test]
    fn a_rising_line_rises() {
        let x: ArrayRef = Arc::new(Int64Array::from_iter_values(0..50));
        let y: ArrayRef = Arc::new(Float64Array::from_iter_values((0..50).map(f64::from)));
        let text = plot(vec![("x", Arc::clone(&x)), ("y", Arc::clone(&y))], Kind::Auto, true);
        let marks: Vec<usize> = text.lines().filter_map(|line| line.find('*')).collect();
        assert!(marks.len() > 5 && marks.windows(2).all(|pair| pair[0] >= pair[1]), "{text}");
        let dots = plot(vec![("x", x), ("y", y)], Kind::Scatter, false);
        assert!(dots.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "{dots}");
    }

    #[test]
    fn text_has_no_place_on_an_axis() {
        let batch = RecordBatch::try_from_iter(vec![("l", labels())]).unwrap();
        let style = Style::new(Format::Box, BoxOptions { max_rows: 40, width: None, height: None });
        assert!(Plot::new(&batch.schema(), Kind::Auto, &style).is_err());
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, 12.5, 1234.0, -1_234_567.0, 0.25, 1e-9].map(short), ["0", "12.5", "1234", "-1,234,567", "0.25", "1.00e-9"]);
    }
}
