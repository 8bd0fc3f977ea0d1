//! Whether an answer is right: the same as the reference's, or another choice among rows that LIMIT cannot tell apart.

use std::time::Duration;

use super::contender::Contender;
use crate::answer::{Answer, Cell, compare, compare_choice};
use crate::workload::sql::Shape;

/// The largest answer without LIMIT that is fetched to look rows up in: some hundred megabytes on their way through a pipe.
const MOST_ROWS: i128 = 300_000;

/// What comparing said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is right.
    Same,
    /// The number of rows and the columns sorted by are right. LIMIT cuts through ties of too many rows to look the others up.
    Undecided,
    /// It is wrong, and where.
    Differs(String),
}

/// The answer that others are compared with, and the engine to ask for more of it.
pub(super) struct Reference {
    pub(super) position: usize,
    pub(super) answer: Answer,
    shape: Shape,
    /// The answer without LIMIT; fetched once, when two engines chose differently. `None` inside: it is too large, or could not be had.
    whole: Option<Option<Answer>>,
}

impl Reference {
    pub(super) fn new(position: usize, answer: Answer, shape: Shape) -> Self {
        Self { position, answer, shape, whole: None }
    }

    /// Compares an answer with this one.
    pub(super) fn check(&mut self, answer: &Answer, contenders: &mut [Contender], limit: Duration) -> Verdict {
        let Err(difference) = compare(answer, &self.answer, &self.shape.order_by) else { return Verdict::Same };
        let Some(without_limit) = &self.shape.without_limit else { return Verdict::Differs(difference) };
        let engine = &mut contenders[self.position];
        let whole = self.whole.get_or_insert_with(|| whole(engine, without_limit, limit));
        let order_by = &self.shape.order_by;
        let (compared, right) = match whole {
            Some(whole) => (compare_choice(answer, &self.answer, order_by, whole), Verdict::Same),
            None => (compare(&keys(answer, order_by), &keys(&self.answer, order_by), &[]), Verdict::Undecided),
        };
        compared.map_or_else(Verdict::Differs, |()| right)
    }
}

/// The columns sorted by, in order, numbered: rows may not change places.
fn keys(answer: &Answer, order_by: &[usize]) -> Answer {
    let key = |(number, row): (usize, &Vec<Cell>)| {
        let number = Cell::Exact { unscaled: number as i128, scale: 0 };
        std::iter::once(number).chain(order_by.iter().filter_map(|column| row.get(*column).cloned())).collect()
    };
    Answer { rows: answer.rows.iter().enumerate().map(key).collect() }
}

fn whole(engine: &mut Contender, without_limit: &str, limit: Duration) -> Option<Answer> {
    let count = engine.run(&format!("SELECT count(*) FROM ({without_limit}) AS whole_answer"), limit).ok()?;
    let [Cell::Exact { unscaled, scale: 0 }] = count.answer.rows.first()?.as_slice() else { return None };
    (*unscaled <= MOST_ROWS).then_some(())?;
    Some(engine.run(without_limit, limit).ok()?.answer)
}
