//! A result as a table drawn with lines, for people.
//!
//! What is kept in memory is what will be shown: the first rows, and the batches that hold the last ones. Rows in between are counted and let go.
//! On a terminal the table fits into its width: wide columns are cut short, then columns in the middle are left out. What was left out is said
//! below. In a pipe or a file no column is cut.

use std::collections::VecDeque;
use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Renderer, Style, cells, printable, types, units};
use crate::failure::Result;

/// What a box may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoxOptions {
    /// Rows to show: half of them the first, half the last; 0 shows all.
    pub(crate) max_rows: usize,
    /// Columns of the terminal; none in a pipe or a file.
    pub(crate) width: Option<usize>,
    /// Lines of the terminal, likewise: the names are repeated below a table that is longer.
    pub(crate) height: Option<usize>,
}

/// Narrower than this, a column says nothing: rather leave columns out.
const NARROWEST: usize = 12;

/// Lines that a terminal shows beside the rows, at least: the table's head and end, and the prompt.
const AROUND_ROWS: usize = 6;

/// What lines are drawn with.
#[derive(Debug)]
struct Glyphs {
    /// Left, middle, right of the lines above, below the names, and below all.
    rules: [[&'static str; 3]; 3],
    horizontal: &'static str,
    vertical: &'static str,
    /// What stands for rows that are left out.
    dot: &'static str,
    /// What stands for columns that are left out, and for the rest of a text.
    ellipsis: char,
}

const UNICODE: Glyphs =
    Glyphs {
        rules: [["┌", "┬", "┐"], ["├", "┼", "┤"], ["└", "┴", "┘"]], horizontal: "─", vertical: "│", dot: "·", ellipsis: '…'
    };

const ASCII: Glyphs = Glyphs { rules: [["+"; 3]; 3], horizontal: "-", vertical: "|", dot: ":", ellipsis: '~' };

/// Dim, and back: what is not data.
const DIM: (&str, &str) = ("\u{1b}[2m", "\u{1b}[0m");

/// One column as it is drawn.
struct Column {
    name: String,
    type_name: String,
    is_right_aligned: bool,
    /// The cells of the first rows, then of the last ones; none for NULL.
    cells: Vec<Option<String>>,
    width: usize,
}

/// Draws one result.
pub(super) struct Boxed {
    options: BoxOptions,
    glyphs: &'static Glyphs,
    null: String,
    headers: bool,
    has_types: bool,
    colour: bool,
    /// The first rows, formatted.
    columns: Vec<Column>,
    head_rows: usize,
    /// Batches with at least the last rows.
    tail: VecDeque<RecordBatch>,
    tail_rows: usize,
    rows: u64,
}

impl Boxed {
    pub(super) fn new(schema: &SchemaRef, style: &Style) -> Self {
        let columns = schema
            .fields()
            .iter()
            .map(|field| {
                let name = printable::escaped(field.name()).into_owned();
                let type_name = types::type_name(field);
                let width = if style.headers { name.width().max(type_name.width()) } else { 1 };
                Column { name, type_name, is_right_aligned: types::is_right_aligned(field.data_type()), cells: Vec::new(), width }
            })
            .collect();
        Self {
            options: style.boxes,
            glyphs: if style.ascii { &ASCII } else { &UNICODE },
            null: printable::escaped(style.visible_null()).into_owned(),
            headers: style.headers,
            has_types: true,
            colour: style.colour,
            columns,
            head_rows: 0,
            tail: VecDeque::new(),
            tail_rows: 0,
            rows: 0,
        }
    }

    /// The same without the types below the names.
    pub(super) fn without_types(mut self) -> Self {
        self.has_types = false;
        for column in &mut self.columns {
            column.width = if self.headers { column.name.width() } else { 1 };
        }
        self
    }

    fn first_rows(&self) -> usize {
        match self.options.max_rows {
            0 => usize::MAX,
            most => most.div_ceil(2),
        }
    }

    fn last_rows(&self) -> usize {
        self.options.max_rows / 2
    }

    fn format(&mut self, batch: &RecordBatch) -> Result<()> {
        for (cells, column) in cells::columns(batch, &self.null)?.into_iter().zip(&mut self.columns) {
            for cell in cells {
                let cell = cell.map(|cell| printable::escaped(&cell).into_owned());
                column.width = column.width.max(cell.as_ref().unwrap_or(&self.null).width());
                column.cells.push(cell);
            }
        }
        Ok(())
    }

    /// Makes the columns fit; returns the positions of those that are shown, `None` standing for the ones left out.
    fn fit(&mut self) -> Vec<Option<usize>> {
        let mut shown: Vec<Option<usize>> = (0..self.columns.len()).map(Some).collect();
        let Some(available) = self.options.width else { return shown };
        let needed = |columns: &[Column], cap: usize| columns.iter().map(|column| column.width.min(cap) + 3).sum::<usize>() + 1;
        // The widest cap that lets everything fit, found from the widest column down.
        let widest = self.columns.iter().map(|column| column.width).max().unwrap_or(0);
        let cap = (NARROWEST..=widest).rev().find(|cap| needed(&self.columns, *cap) <= available).unwrap_or(NARROWEST);
        for column in &mut self.columns {
            column.width = column.width.min(cap);
        }
        // Then columns go, from the middle. What stands for them takes 4.
        let mut taken = needed(&self.columns, cap);
        let mut left_out = false;
        while taken > available && shown.iter().flatten().count() > 2 {
            let middle = match shown.iter().position(Option::is_none) {
                // On the longer side of the gap.
                Some(gap) if gap > shown.len() - gap - 1 => gap - 1,
                Some(gap) => gap + 1,
                None => shown.len() / 2,
            };
            if let Some(column) = shown.get(middle).copied().flatten().and_then(|index| self.columns.get(index)) {
                taken -= column.width + 3;
            }
            match left_out {
                true => drop(shown.remove(middle)),
                false => {
                    shown[middle] = None;
                    taken += 4;
                    left_out = true;
                }
            }
        }
        shown
    }

    /// What is said below the table: only what it does not show by itself.
    fn footer(&self, columns_shown: usize, rows_shown: usize) -> Option<String> {
        let rows = match rows_shown as u64 == self.rows {
            true if self.rows == 0 => Some("0 rows".to_owned()),
            true => None,
            false => Some(format!("{} ({} shown)", units::counted(self.rows, "row"), units::count(rows_shown as u64))),
        };
        let columns = (columns_shown < self.columns.len())
            .then(|| format!("{} ({columns_shown} shown)", units::counted(self.columns.len() as u64, "column")));
        match (rows, columns) {
            (None, None) => None,
            (rows, columns) => Some(rows.into_iter().chain(columns).collect::<Vec<_>>().join(", ")),
        }
    }

    fn draw(&self, shown: &[Option<usize>], out: &mut dyn Write) -> Result<()> {
        let widths: Vec<usize> = shown.iter().map(|index| index.map_or(1, |index| self.columns[index].width)).collect();
        let Glyphs { rules, horizontal, vertical, dot, ellipsis } = self.glyphs;
        let rule = |[left, middle, right]: &[&str; 3]| {
            let parts: Vec<String> = widths.iter().map(|width| horizontal.repeat(width + 2)).collect();
            format!("{left}{}{right}\n", parts.join(middle))
        };
        let line = |cell: &dyn Fn(&Column) -> String| {
            let cells = shown.iter().map(|index| index.map_or(ellipsis.to_string(), |index| cell(&self.columns[index])));
            format!("{vertical} {} {vertical}\n", cells.collect::<Vec<_>>().join(&format!(" {vertical} ")))
        };
        let pad = |text: &str, width: usize, align: Align| pad(text, width, align, *ellipsis);
        let dim = |text: String| if self.colour { format!("{}{text}{}", DIM.0, DIM.1) } else { text };
        let mut text = rule(&rules[0]);
        if self.headers {
            text.push_str(&line(&|column| pad(&column.name, column.width, Align::Center)));
        }
        if self.headers && self.has_types {
            text.push_str(&line(&|column| dim(pad(&column.type_name, column.width, Align::Center))));
        }
        let rows = self.columns.first().map_or(0, |column| column.cells.len());
        if rows > 0 && self.headers {
            text.push_str(&rule(&rules[1]));
        }
        let is_cut = self.rows > rows as u64;
        for row in 0..rows {
            if is_cut && row == self.head_rows {
                for _ in 0..3 {
                    text.push_str(&line(&|column| dim(pad(dot, column.width, Align::Center))));
                }
            }
            text.push_str(&line(&|column| {
                let align = if column.is_right_aligned { Align::Right } else { Align::Left };
                match &column.cells[row] {
                    Some(cell) => pad(cell, column.width, align),
                    None => dim(pad(&self.null, column.width, align)),
                }
            }));
            // A table without a limit can be long; there is no need to hold its text twice.
            if text.len() > 1 << 16 {
                out.write_all(text.as_bytes())?;
                text.clear();
            }
        }
        // The names at the top have left the screen.
        if self.headers && self.options.height.is_some_and(|height| rows + AROUND_ROWS > height) {
            text.push_str(&rule(&rules[1]));
            text.push_str(&line(&|column| pad(&column.name, column.width, Align::Center)));
        }
        text.push_str(&rule(&rules[2]));
        if let Some(footer) = self.footer(shown.iter().flatten().count(), rows) {
            text.push_str(&format!("  {footer}\n"));
        }
        out.write_all(text.as_bytes())?;
        Ok(())
    }
}

impl Renderer for Boxed {
    fn batch(&mut self, batch: &RecordBatch, _out: &mut dyn Write) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        let head = batch.num_rows().min(self.first_rows() - self.head_rows);
        if head > 0 {
            self.format(&batch.slice(0, head))?;
            self.head_rows += head;
        }
        let rest = batch.num_rows() - head;
        if rest > 0 {
            // Of one batch no more than the last rows can be needed.
            let kept = rest.min(self.last_rows());
            self.tail.push_back(batch.slice(batch.num_rows() - kept, kept));
            self.tail_rows += kept;
        }
        while let Some(first) = self.tail.front() {
            if self.tail_rows - first.num_rows() < self.last_rows() {
                break;
            }
            self.tail_rows -= first.num_rows();
            self.tail.pop_front();
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> Result<()> {
        if self.columns.is_empty() {
            // A query without columns has nothing to draw but its number of rows.
            writeln!(out, "{}", units::counted(self.rows, "row"))?;
            return Ok(());
        }
        let mut surplus = self.tail_rows.saturating_sub(self.last_rows());
        for batch in std::mem::take(&mut self.tail) {
            let skipped = surplus.min(batch.num_rows());
            surplus -= skipped;
            self.format(&batch.slice(skipped, batch.num_rows() - skipped))?;
        }
        let shown = self.fit();
        self.draw(&shown, out)
    }
}

#[derive(Debug, Clone, Copy)]
enum Align {
    Left,
    Right,
    Center,
}

/// Text of exactly this width: filled up with blanks, or cut with an ellipsis.
fn pad(text: &str, width: usize, align: Align, ellipsis: char) -> String {
    let mut shown = text.to_owned();
    if text.width() > width {
        shown.clear();
        let mut taken = 0;
        for c in text.chars() {
            taken += c.width().unwrap_or(0);
            if taken > width.saturating_sub(1) {
                break;
            }
            shown.push(c);
        }
        shown.push(ellipsis);
    }
    let missing = width.saturating_sub(shown.width());
    let left = match align {
        Align::Left => 0,
        Align::Right => missing,
        Align::Center => missing / 2,
    };
    format!("{}{shown}{}", " ".repeat(left), " ".repeat(missing - left))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringViewArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::super::Format;
    use super::*;

    fn draw(columns: Vec<(&str, ArrayRef)>, batch_rows: usize, options: BoxOptions) -> String {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut boxed = Boxed::new(&batch.schema(), &Style::new(Format::Box, options));
        let mut out = Vec::new();
        let mut offset = 0;
        while offset < batch.num_rows() {
            let rows = batch_rows.min(batch.num_rows() - offset);
            boxed.batch(&batch.slice(offset, rows), &mut out).unwrap();
            offset += rows;
        }
        boxed.finish(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn numbers(count: i64) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(0..count))
    }

    const ALL: BoxOptions = BoxOptions { max_rows: 0, width: None, height: None };

    #[test]
    fn numbers_right_strings_left_null_visible() {
        let n: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(1234567)]));
        let s: ArrayRef = Arc::new(StringViewArray::from(vec![Some("größe"), Some("two\nlines"), None]));
        let expected = "\
┌─────────┬────────────┐
│    n    │     s      │
│ bigint  │  varchar   │
├─────────┼────────────┤
│       1 │ größe      │
│    NULL │ two\\nlines │
│ 1234567 │ NULL       │
└─────────┴────────────┘
";
        assert_eq!(draw(vec![("n", n), ("s", s)], 2, ALL), expected);
    }

    #[test]
    fn the_first_and_the_last_rows_whatever_the_batches() {
        let expected = "\
┌────────┐
│   n    │
│ bigint │
├────────┤
│      0 │
│      1 │
│   ·    │
│   ·    │
│   ·    │
│      8 │
│      9 │
└────────┘
  10 rows (4 shown)
";
        for batch_rows in 1..=10 {
            assert_eq!(
                draw(vec![("n", numbers(10))], batch_rows, BoxOptions { max_rows: 4, width: None, height: None }),
                expected,
                "{batch_rows}"
            );
        }
        for batch_rows in 1..=4 {
            let all = draw(vec![("n", numbers(4))], batch_rows, BoxOptions { max_rows: 4, width: None, height: None });
            assert_eq!(all, draw(vec![("n", numbers(4))], 4, ALL));
        }
    }

    #[test]
    fn one_row_at_most() {
        let text = draw(vec![("n", numbers(3))], 2, BoxOptions { max_rows: 1, width: None, height: None });
        assert!(text.contains("│      0 │") && !text.contains("│      1 │") && text.contains("3 rows (1 shown)"), "{text}");
    }

    #[test]
    fn no_rows_are_said() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let mut out = Vec::new();
        Boxed::new(&schema, &Style::new(Format::Box, ALL)).finish(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "┌────────┐\n│   n    │\n│ bigint │\n└────────┘\n  0 rows\n");
    }

    #[test]
    fn a_terminal_is_never_too_narrow() {
        let long: ArrayRef = Arc::new(StringViewArray::from(vec!["a long text ".repeat(20)]));
        let columns: Vec<(String, ArrayRef)> = (0..12).map(|index| (format!("column_{index}"), Arc::clone(&long))).collect();
        for width in [60, 80, 200] {
            let columns = columns.iter().map(|(name, array)| (name.as_str(), Arc::clone(array))).collect();
            let text = draw(columns, 1, BoxOptions { max_rows: 40, width: Some(width), height: None });
            let lines: Vec<usize> = text.lines().map(UnicodeWidthStr::width).collect();
            assert!(lines.iter().all(|line| *line <= width), "{text}");
            assert!(text.contains("column_0") && text.contains("column_11"), "{text}");
            assert!((width == 200) != text.contains("12 columns ("), "{text}");
        }
    }
}
