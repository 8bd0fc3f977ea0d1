//! How alike two texts are, counted in characters.

use std::collections::HashSet;

use super::super::rows::{Args, Function, Kind, count, function};
use crate::error::{Error, Result};

pub(super) fn functions() -> Vec<Function> {
    use Kind::{Float, Int, Text};
    let both = &[Text, Text];
    vec![
        function(
            "levenshtein",
            "levenshtein(a, b)",
            "how many characters to insert, delete or replace to make one text of another",
            "levenshtein('kitten', 'sitting')",
        )
        .also(&["editdist3"])
        .form(both, Int, |a| Ok(count(strsim::levenshtein(a.text(0)?, a.text(1)?)).into())),
        function(
            "damerau_levenshtein",
            "damerau_levenshtein(a, b)",
            "as levenshtein, where two neighbours that change places are one change",
            "damerau_levenshtein('ab', 'ba')",
        )
        .form(both, Int, |a| Ok(count(strsim::damerau_levenshtein(a.text(0)?, a.text(1)?)).into())),
        function("hamming", "hamming(a, b)", "in how many places two texts of the same length differ", "hamming('abc', 'abd')")
            .also(&["mismatches"])
            .form(both, Int, |a| {
                let distance = strsim::hamming(a.text(0)?, a.text(1)?);
                Ok(count(distance.map_err(|_| Error::invalid("hamming compares texts of the same length"))?).into())
            }),
        function("jaro_similarity", "jaro_similarity(a, b)", "Jaro's similarity, from 0 to 1", "jaro_similarity('duck', 'duckdb')").form(
            both,
            Float,
            |a| Ok(strsim::jaro(a.text(0)?, a.text(1)?).into()),
        ),
        function(
            "jaro_winkler_similarity",
            "jaro_winkler_similarity(a, b)",
            "Jaro's and Winkler's similarity, from 0 to 1",
            "jaro_winkler_similarity('duck', 'duckdb')",
        )
        .form(both, Float, |a| Ok(strsim::jaro_winkler(a.text(0)?, a.text(1)?).into())),
        function("jaccard", "jaccard(a, b)", "the share of common ones among the characters of two texts", "jaccard('abc', 'abd')").form(
            both,
            Float,
            |a| jaccard(a).map(Into::into),
        ),
    ]
}

fn jaccard(a: &Args<'_>) -> Result<f64> {
    let left: HashSet<char> = a.text(0)?.chars().collect();
    let right: HashSet<char> = a.text(1)?.chars().collect();
    if left.is_empty() || right.is_empty() {
        return Err(Error::invalid("jaccard compares texts that are not empty"));
    }
    let common = left.intersection(&right).count();
    Ok(common as f64 / (left.len() + right.len() - common) as f64)
}
