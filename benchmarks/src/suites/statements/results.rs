//! What the suite found: a table of families, and every statement whose answer is not DuckDB's.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::verdict::Verdict;
use super::{Args, Judged};
use crate::error::{Error, Result};
use crate::report;

/// All that was found.
pub(super) struct Results<'a> {
    pub(super) args: &'a Args,
    pub(super) judged: &'a [Judged],
    /// How far away the store is.
    pub(super) kind: &'static str,
}

/// What became of statements, as the table counts it; the last one must not happen.
const KINDS: [&str; 6] = ["same", "listed difference", "error here only", "error in DuckDB only", "error in both", "silent difference"];
const SILENT: usize = KINDS.len() - 1;

fn kind(verdict: &Verdict, listed: bool) -> usize {
    match verdict {
        Verdict::Same => 0,
        Verdict::Differs(_) | Verdict::Fails(_) | Verdict::Answers(_) if listed => 1,
        Verdict::Fails(_) => 2,
        Verdict::Answers(_) => 3,
        Verdict::BothFail(_) => 4,
        Verdict::Differs(_) => SILENT,
    }
}

impl Judged {
    fn here(&self) -> usize {
        kind(&self.clouddb, self.listed.is_some())
    }

    /// The page on differences is CloudDB's.
    fn there(&self) -> usize {
        kind(&self.datafusion, false)
    }
}

impl Results<'_> {
    /// Prints and writes everything.
    ///
    /// # Errors
    /// When the file cannot be written, an answer differs for no listed reason, or a listed difference is none.
    pub(super) fn report(&self) -> Result<()> {
        println!("{} statements; CloudDB beside DuckDB, then plain DataFusion {}", self.judged.len(), datafusion::DATAFUSION_VERSION);
        let header = ["family", "statements"].into_iter().chain(KINDS).collect::<Vec<_>>();
        for (engine, kind) in [("CloudDB", Judged::here as fn(&Judged) -> usize), ("DataFusion", Judged::there)] {
            println!("{engine}\n{}", report::table(&header, &self.lines(kind)));
        }
        for judged in self.judged {
            if let Some(text) = told(judged) {
                println!("{text}");
            }
        }
        let mut results = report::provenance("statements", &json!({"threads": self.args.threads, "store": self.args.store.store}));
        results["statements"] = self.judged.iter().map(entry).collect();
        report::write_json(&self.args.out, &format!("statements-{}", self.kind), &results)?;

        let silent = self.judged.iter().filter(|judged| judged.here() == SILENT).count();
        // A key above a statement with the same answer is one that somebody forgot to take away.
        let needless: Vec<&str> = self
            .judged
            .iter()
            .filter(|judged| judged.listed.is_some() && matches!(judged.clouddb, Verdict::Same | Verdict::BothFail(_)))
            .map(|judged| judged.sql.as_str())
            .collect();
        match (silent, needless.as_slice()) {
            (0, []) => Ok(()),
            (0, needless) => Err(Error::new(format!("listed as different, but the same:\n  {}", needless.join("\n  ")))),
            (silent, _) => Err(Error::new(format!("{silent} answers differ from DuckDB's, and no reason is listed"))),
        }
    }

    fn lines(&self, kind: fn(&Judged) -> usize) -> Vec<Vec<String>> {
        let mut families: BTreeMap<&str, [usize; KINDS.len()]> = BTreeMap::new();
        let mut all = [0; KINDS.len()];
        for judged in self.judged {
            families.entry(&judged.family).or_default()[kind(judged)] += 1;
            all[kind(judged)] += 1;
        }
        let line = |name: &str, counts: &[usize; KINDS.len()]| {
            let total: usize = counts.iter().sum();
            std::iter::once(name.to_owned())
                .chain(std::iter::once(total).chain(counts.iter().copied()).map(|count| count.to_string()))
                .collect()
        };
        families.iter().map(|(name, counts)| line(name, counts)).chain([line("all", &all)]).collect()
    }
}

/// What there is to say of a statement of CloudDB's: nothing, where the answer is the same.
fn told(judged: &Judged) -> Option<String> {
    let what = match (&judged.clouddb, &judged.listed) {
        (Verdict::Same | Verdict::BothFail(_), _) => return None,
        (Verdict::Differs(_) | Verdict::Fails(_) | Verdict::Answers(_), Some(key)) => format!("listed: {key}"),
        (Verdict::Differs(how), None) => format!("DIFFERS: {how}"),
        (Verdict::Fails(message), None) => format!("error here only: {message}"),
        (Verdict::Answers(message), None) => format!("error in DuckDB only: {message}"),
    };
    Some(format!("{}: {}\n    {}", judged.family, judged.sql, what.replace('\n', "\n    ")))
}

fn entry(judged: &Judged) -> Value {
    let (clouddb, datafusion) = (KINDS[judged.here()], KINDS[judged.there()]);
    let say = |verdict: &Verdict| match verdict {
        Verdict::Same => None,
        Verdict::Differs(text) | Verdict::Fails(text) | Verdict::Answers(text) | Verdict::BothFail(text) => Some(text.clone()),
    };
    json!({
        "family": judged.family, "sql": judged.sql, "listed": judged.listed,
        "clouddb": clouddb, "clouddb_says": say(&judged.clouddb), "datafusion": datafusion, "datafusion_says": say(&judged.datafusion),
    })
}
