//! Transactions of given kinds, one after the other, and their form as lines of text: what processes tell each other of them.

use std::fmt;
use std::str::FromStr;

use clouddb_storage::{Database, Error, ErrorKind, Result, Snapshot, TableId, Transaction, TransactionId};

use crate::rows::{self, How};
use crate::workload::{Attempt, Effect, Told};

/// What a transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Creates the tables `a`, `b` and `t`.
    Tables,
    /// Adds a row to `t`.
    Insert,
    /// Moves an amount from `a` to `b`.
    Transfer,
    /// Adds so many rows to `t`, in files, with so many bytes in each row besides its numbers.
    Load(i64, usize),
    /// Creates a table of its own with a row.
    OwnTable,
}

/// Prepares a transaction; its rows have the values from `first` on.
///
/// # Errors
/// Those of preparing it, *not found* when its tables do not exist.
pub async fn prepare(database: &Database, snapshot: &Snapshot, name: &str, kind: Kind, first: i64) -> Result<(Attempt, Transaction)> {
    let mut transaction = database.begin(snapshot)?;
    transaction.describe(name);
    let id = |name: &str| {
        let table = snapshot.table("main", name).ok_or_else(|| Error::not_found(format!("there is no table {name}")))?;
        Ok::<_, Error>(table.meta().id)
    };
    let mut effects = Vec::new();
    match kind {
        Kind::Tables => {
            for name in ["a", "b", "t"] {
                let table = transaction.new_table_id();
                transaction.create_table(rows::table(table, name)?)?;
                effects.push(Effect::Create(table, name.to_owned()));
            }
        }
        Kind::Insert => effects.push(Effect::Insert(id("t")?, (first, 0))),
        Kind::Transfer => {
            let amount = 1 + first % 97;
            effects.push(Effect::Insert(id("a")?, (first, -amount)));
            effects.push(Effect::Insert(id("b")?, (first, amount)));
        }
        Kind::Load(count, _) => effects.push(Effect::Load(id("t")?, first, count)),
        Kind::OwnTable => {
            let (table, own) = (transaction.new_table_id(), format!("own{first}"));
            transaction.create_table(rows::table(table, &own)?)?;
            effects.extend([Effect::Create(table, own), Effect::Insert(table, (first, 0))]);
        }
    }
    for effect in &effects {
        match (effect, kind) {
            (Effect::Insert(table, row), _) => rows::append(&mut transaction, *table, &[*row], How::default()).await?,
            (Effect::Load(table, first, count), Kind::Load(_, filler)) => {
                let loaded: Vec<_> = (*first..first + count).map(|v| (v, 0)).collect();
                rows::append(&mut transaction, *table, &loaded, How { file: true, filler }).await?;
            }
            _ => {}
        }
    }
    Ok((Attempt { name: name.to_owned(), effects, told: Told::Nothing }, transaction))
}

impl Told {
    /// What the result of a commit tells.
    pub fn from_result(result: &Result<Snapshot>) -> Self {
        match result {
            Ok(snapshot) => Self::Committed(snapshot.number()),
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => Self::Unknown(error.transaction()),
            Err(error) => Self::NotCommitted(error.clone()),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(id, name) => write!(f, "create {id} {name}"),
            Self::Drop(id) => write!(f, "drop {id}"),
            Self::Insert(id, (v, amount)) => write!(f, "insert {id} {v} {amount}"),
            Self::Load(id, first, count) => write!(f, "load {id} {first} {count}"),
        }
    }
}

impl FromStr for Effect {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid(format!("'{text}' is no effect"));
        let number = |text: &str| text.parse::<i64>().map_err(|_| wrong());
        let words: Vec<_> = text.split(' ').collect();
        Ok(match words.as_slice() {
            ["create", id, name] => Self::Create(id.parse()?, (*name).to_owned()),
            ["drop", id] => Self::Drop(id.parse::<TableId>()?),
            ["insert", id, v, amount] => Self::Insert(id.parse()?, (number(v)?, number(amount)?)),
            ["load", id, first, count] => Self::Load(id.parse()?, number(first)?, number(count)?),
            _ => return Err(wrong()),
        })
    }
}

/// A line that says that a transaction is about to be committed.
pub fn line_of_try(attempt: &Attempt) -> String {
    let effects: Vec<_> = attempt.effects.iter().map(ToString::to_string).collect();
    format!("try\t{}\t{}\n", attempt.name, effects.join(";"))
}

/// A line that says what a transaction's caller was told.
pub fn line_of_told(name: &str, told: &Told) -> String {
    let told = match told {
        Told::Committed(snapshot) => format!("committed\t{snapshot}"),
        Told::NotCommitted(error) => format!("failed\t{:?}: {}", error.kind(), error.message().replace(['\n', '\t'], " ")),
        Told::Unknown(_) | Told::Nothing => "unknown\t".to_owned(),
    };
    format!("told\t{name}\t{told}\n")
}

/// Reads such lines, in their order. A last line that was cut off is none.
///
/// # Errors
/// *Invalid* for a line that is no such line.
pub fn read_lines(text: &str) -> Result<Vec<Attempt>> {
    let mut attempts: Vec<Attempt> = Vec::new();
    let unknown: Option<TransactionId> = None;
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let wrong = || Error::invalid(format!("'{line}' tells nothing"));
        match line.split('\t').collect::<Vec<_>>().as_slice() {
            ["try", name, effects] => {
                let effects = effects.split(';').map(str::parse).collect::<Result<_>>()?;
                attempts.push(Attempt { name: (*name).to_owned(), effects, told: Told::Nothing });
            }
            ["told", name, told, rest] => {
                let attempt = attempts.iter_mut().rfind(|attempt| attempt.name == *name).ok_or_else(wrong)?;
                attempt.told = match *told {
                    "committed" => Told::Committed(rest.parse().map_err(|_| wrong())?),
                    "failed" => Told::NotCommitted(Error::internal(*rest)),
                    _ => Told::Unknown(unknown),
                };
            }
            _ => return Err(wrong()),
        }
    }
    Ok(attempts)
}
