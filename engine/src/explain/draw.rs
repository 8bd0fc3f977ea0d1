//! A tree of steps as text: what they are on the left, figures on the right.

use std::time::Duration;

use super::Run;
use super::node::Node;

/// Longer titles have their figures on the same line, further right.
const WIDEST: usize = 70;

/// Details are broken at about so many characters.
const LINE: usize = 80;

/// Characters of a bar that stands for the whole time.
const BAR: usize = 20;

/// One line: the tree's part, and its figures.
struct Line {
    text: String,
    figures: Option<[String; 4]>,
}

/// The whole text.
pub(super) fn text(tree: &Node, run: Option<Run>) -> String {
    let total = tree.total_time();
    let mut lines = Vec::new();
    lay_out(tree, "", "", total, &mut lines);
    let width = lines
        .iter()
        .filter(|line| line.figures.is_some())
        .map(|line| line.text.chars().count())
        .filter(|width| *width <= WIDEST)
        .max()
        .unwrap_or(0);
    let mut widths = [0; 4];
    for figures in lines.iter().filter_map(|line| line.figures.as_ref()) {
        for (width, figure) in widths.iter_mut().zip(figures) {
            *width = (*width).max(figure.chars().count());
        }
    }
    let mut out = String::new();
    if let Some(run) = run {
        out.push_str(&format!("{} in {}; {} of work\n\n", rows(run.rows), duration(run.elapsed), duration(total)));
    }
    for line in lines {
        let mut text = line.text;
        if let Some([rows, time, share, bar]) = line.figures {
            text.push_str(&" ".repeat(width.saturating_sub(text.chars().count())));
            for (figure, width) in [rows, time, share].iter().zip(widths) {
                if width > 0 {
                    text.push_str(&format!("  {}{figure}", " ".repeat(width - figure.chars().count())));
                }
            }
            text.push_str(&format!("  {bar}"));
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

/// Adds the lines of a step; `first` stands before its title, `rest` before what is below.
fn lay_out(node: &Node, first: &str, rest: &str, total: Duration, lines: &mut Vec<Line>) {
    lines.push(Line { text: format!("{first}{}", node.title), figures: Some(figures(node, total)) });
    let below = if node.inputs.is_empty() { format!("{rest}   ") } else { format!("{rest}│  ") };
    let width = node.details.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, text) in &node.details {
        for (at, part) in wrapped(text).into_iter().enumerate() {
            let name = if at == 0 { name } else { "" };
            lines.push(Line { text: format!("{below}{name:width$}  {part}"), figures: None });
        }
    }
    if let Some(figures) = node.figures.filter(|figures| figures.spills > 0) {
        let text = format!("{} in {} files", bytes(figures.spilled_bytes), count(figures.spills));
        lines.push(Line { text: format!("{below}{:width$}  {text}", "spilled"), figures: None });
    }
    for (at, input) in node.inputs.iter().enumerate() {
        let is_last = at + 1 == node.inputs.len();
        let (branch, trunk) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        lay_out(input, &format!("{rest}{branch}"), &format!("{rest}{trunk}"), total, lines);
    }
}

/// Rows, time, share of all time, and a bar for it.
fn figures(node: &Node, total: Duration) -> [String; 4] {
    let Some(figures) = node.figures else {
        return [
            node.estimated_rows.map_or_else(String::new, |expected| format!("~ {}", rows(expected as u64))),
            String::new(),
            String::new(),
            String::new(),
        ];
    };
    let share = if total.is_zero() { 0.0 } else { figures.time.as_secs_f64() / total.as_secs_f64() };
    let expected = match node.estimated_rows {
        Some(expected) if expected as u64 != figures.rows => format!(" (~ {})", count(expected as u64)),
        _ => String::new(),
    };
    let bar = "█".repeat((share * BAR as f64).round() as usize);
    [format!("{}{expected}", rows(figures.rows)), duration(figures.time), format!("{:.0}%", share * 100.0), bar]
}

/// A text in lines of about the same length, broken at blanks.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() || line.chars().count() + word.chars().count() < LINE => {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn rows(rows: u64) -> String {
    format!("{} row{}", count(rows), if rows == 1 { "" } else { "s" })
}

/// A count with commas between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the largest unit of which there is at least one.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A duration with three digits or so.
fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        ..0.001 => format!("{:.0} µs", seconds * 1e6),
        ..0.9995 => format!("{:.1} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::Figures;
    use super::*;

    #[test]
    fn a_tree_with_figures() {
        let figures = |milliseconds, rows| Some(Figures { time: Duration::from_millis(milliseconds), rows, ..Figures::default() });
        let scan = |table: &str, milliseconds| Node {
            title: format!("Scan {table}"),
            details: vec![("filter", "a > 1".to_owned())],
            estimated_rows: Some(2000),
            figures: figures(milliseconds, 1000),
            inputs: Vec::new(),
        };
        let tree = Node {
            title: "Inner join".to_owned(),
            details: vec![("on", "a = b".to_owned())],
            estimated_rows: Some(1),
            figures: figures(20, 1),
            inputs: vec![scan("t", 60), scan("u", 20)],
        };
        let run = Some(Run { elapsed: Duration::from_millis(55), rows: 1 });
        let expected = "\
1 row in 55.0 ms; 100.0 ms of work

Inner join                1 row  20.0 ms  20%  ████
│  on  a = b
├─ Scan t    1,000 rows (~ 2,000)  60.0 ms  60%  ████████████
│     filter  a > 1
└─ Scan u    1,000 rows (~ 2,000)  20.0 ms  20%  ████
      filter  a > 1
";
        let squeezed = |text: &str| text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
        assert_eq!(squeezed(&text(&tree, run)), squeezed(expected));
        let ends: Vec<usize> = text(&tree, run).lines().filter(|line| line.contains('%')).filter_map(|line| line.find("ms")).collect();
        assert!(ends.len() == 3, "{}", text(&tree, run));
    }
}
