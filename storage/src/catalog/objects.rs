//! Macros and sequences.

use crate::error::{Error, Result};
use crate::ids::{MacroId, SchemaId, SequenceId};

/// A macro: an expression or a query with parameters and a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacroMeta {
    /// Its identity.
    pub id: MacroId,
    /// The schema it is in.
    pub schema: SchemaId,
    /// Its name, unique among the macros of the schema.
    pub name: String,
    /// Parameters and body, as SQL text: `(a, b := 5) AS a + b`.
    pub definition: String,
    /// The schema in which the body's unqualified names are looked up.
    pub search_path: String,
    /// What its owner wrote about it.
    pub comment: Option<String>,
}

/// A sequence: numbers that are handed out once each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceMeta {
    /// Its identity.
    pub id: SequenceId,
    /// The schema it is in.
    pub schema: SchemaId,
    /// Its name, unique among the sequences of the schema.
    pub name: String,
    /// The first number.
    pub start: i64,
    /// From one number to the next; not 0.
    pub increment: i64,
    /// The least number.
    pub min: i64,
    /// The greatest number.
    pub max: i64,
    /// Whether it begins again behind its last number.
    pub cycle: bool,
    /// How many numbers were taken so far, by all writers.
    pub taken: u64,
    /// What its owner wrote about it.
    pub comment: Option<String>,
}

impl SequenceMeta {
    /// The number that is handed out after `index` others; an error behind the last one.
    ///
    /// # Errors
    /// *Limit* when there are no more.
    pub fn number(&self, index: u64) -> Result<i64> {
        let (min, max, step) = (i128::from(self.min), i128::from(self.max), i128::from(self.increment));
        let first = i128::from(self.start);
        // How many numbers there are from the start on, and in a later round, which begins at the other end.
        let count = |from: i128| if step > 0 { (max - from) / step + 1 } else { (from - min) / -step + 1 };
        let index = i128::from(index);
        let of_first_round = count(first);
        let value = match index < of_first_round {
            true => first + index * step,
            false if self.cycle => {
                let begin = if step > 0 { min } else { max };
                begin + ((index - of_first_round) % count(begin)) * step
            }
            false => {
                let end = if step > 0 { self.max } else { self.min };
                return Err(Error::limit(format!("sequence '{}' has reached its last number, {end}", self.name))
                    .with_hint("make it with CYCLE to begin again, or with another MAXVALUE"));
            }
        };
        i64::try_from(value).map_err(|_| Error::internal("a sequence's number is beyond its bounds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(start: i64, increment: i64, min: i64, max: i64, cycle: bool) -> SequenceMeta {
        let (id, schema) = (SequenceId(1), SchemaId(0));
        SequenceMeta { id, schema, name: "s".into(), start, increment, min, max, cycle, taken: 0, comment: None }
    }

    #[test]
    fn numbers_follow_each_other() -> Result<()> {
        let first = |sequence: &SequenceMeta, count| (0..count).map(|index| sequence.number(index)).collect::<Result<Vec<_>>>();
        assert_eq!(first(&sequence(1, 1, 1, i64::MAX, false), 3)?, [1, 2, 3]);
        assert_eq!(first(&sequence(2, 2, 1, 5, true), 6)?, [2, 4, 1, 3, 5, 1]);
        assert_eq!(first(&sequence(-1, -2, -4, -1, true), 4)?, [-1, -3, -1, -3]);
        let short = sequence(1, 1, 1, 2, false);
        assert_eq!(first(&short, 2)?, [1, 2]);
        assert!(short.number(2).is_err());
        let whole = sequence(i64::MIN, i64::MAX, i64::MIN, i64::MAX, false);
        assert_eq!(first(&whole, 3)?, [i64::MIN, -1, i64::MAX - 1]);
        assert!(whole.number(3).is_err());
        Ok(())
    }
}
