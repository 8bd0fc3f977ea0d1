//! Texts counted in what people see as one letter: graphemes, which may be of several characters.

use unicode_segmentation::UnicodeSegmentation;

use super::super::rows::{Function, Kind, count, function};

pub(super) fn functions() -> Vec<Function> {
    use Kind::{Int, Text};
    vec![
        function("length_grapheme", "length_grapheme(text)", "how many graphemes a text has", "length_grapheme('🤦🏼‍♂️')").form(
            &[Text],
            Int,
            |a| Ok(length(a.text(0)?).into()),
        ),
        function(
            "left_grapheme",
            "left_grapheme(text, n)",
            "the first n graphemes; all but the last -n if negative",
            "left_grapheme('abc', 2)",
        )
        .form(&[Text, Int], Text, |a| Ok(left(a.text(0)?, a.int(1)?).into())),
        function(
            "right_grapheme",
            "right_grapheme(text, n)",
            "the last n graphemes; all but the first -n if negative",
            "right_grapheme('abc', 2)",
        )
        .form(&[Text, Int], Text, |a| Ok(right(a.text(0)?, a.int(1)?).into())),
        function(
            "substring_grapheme",
            "substring_grapheme(text, start[, length])",
            "the graphemes from a place on, so many of them",
            "substring_grapheme('hello', 2, 3)",
        )
        .form(&[Text, Int], Text, |a| Ok(substring(a.text(0)?, a.int(1)?, None).into()))
        .form(&[Text, Int, Int], Text, |a| Ok(substring(a.text(0)?, a.int(1)?, Some(a.int(2)?)).into())),
    ]
}

fn length(text: &str) -> i64 {
    count(text.graphemes(true).count())
}

/// Where the nth grapheme begins; behind the last one for all greater numbers.
fn at(text: &str, graphemes: i64) -> usize {
    let nth = usize::try_from(graphemes.max(0)).unwrap_or(usize::MAX);
    text.grapheme_indices(true).nth(nth).map_or(text.len(), |(byte, _)| byte)
}

fn left(text: &str, n: i64) -> &str {
    let n = if n < 0 { length(text).saturating_add(n) } else { n };
    &text[..at(text, n)]
}

fn right(text: &str, n: i64) -> &str {
    let skipped = if n < 0 { n.saturating_neg() } else { length(text).saturating_sub(n) };
    &text[at(text, skipped)..]
}

/// As `substring` counts characters.
fn substring(text: &str, start: i64, part: Option<i64>) -> &str {
    let (from, to) = super::basics::stretch(length(text), start, part);
    let (from, to) = (at(text, from), at(text, to));
    &text[from..to.max(from)]
}
