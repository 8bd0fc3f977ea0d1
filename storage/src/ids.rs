//! Identities: random 128-bit values, or made of one.
//!
//! Nothing hands out ids by counting across writers, so two writers that never meet (copies of a database, devices that synchronize later) never
//! give the same id to two things.

use std::fmt;
use std::str::FromStr;

use crate::env::Random;
use crate::error::Error;

macro_rules! random_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub u128);

        impl $name {
            /// A new one that nobody else has.
            pub fn random(random: &dyn Random) -> Self {
                Self(random.next_u128())
            }

            /// The 16 bytes that stand for it in records, big-endian.
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// From the 16 bytes of a record.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
                let bytes = bytes.try_into()
                    .map_err(|_| Error::corrupt(format!(concat!(stringify!($name), " of {} bytes; it has 16"), bytes.len())))?;
                Ok(Self(u128::from_be_bytes(bytes)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                u128::from_str_radix(text, 16).map(Self)
                    .map_err(|_| Error::invalid(format!(concat!("'{}' is no ", stringify!($name), ": 32 hexadecimal digits"), text)))
            }
        }
    )*};
}

random_id! {
    /// A database, from its creation on, through all copies.
    DatabaseId;
    /// A line of history: a copy that is written to on its own gets another one.
    LineageId;
    /// A schema (a namespace of tables and views).
    SchemaId;
    /// A table.
    TableId;
    /// A view.
    ViewId;
    /// A macro.
    MacroId;
    /// A sequence.
    SequenceId;
}

/// A writer's identity: random, with the slot that the writer saw when it opened its session.
///
/// The slot lets clean-up tell old sessions from new ones without a clock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SessionId {
    /// The newest slot of the log when the session was opened.
    pub opened_at: u64,
    /// 128 random bits.
    pub random: u128,
}

impl SessionId {
    /// Bytes in a record: the slot, then the random part, both big-endian.
    pub const LENGTH: usize = 24;

    /// The bytes that stand for it in records.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..8].copy_from_slice(&self.opened_at.to_be_bytes());
        bytes[8..].copy_from_slice(&self.random.to_be_bytes());
        bytes
    }

    /// From the bytes of a record.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        match (bytes.get(..8).map(<[u8; 8]>::try_from), bytes.get(8..).map(<[u8; 16]>::try_from)) {
            (Some(Ok(slot)), Some(Ok(random))) => Ok(Self { opened_at: u64::from_be_bytes(slot), random: u128::from_be_bytes(random) }),
            _ => Err(Error::corrupt(format!("session id of {} bytes; it has {}", bytes.len(), Self::LENGTH))),
        }
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}-{:032x}", self.opened_at, self.random)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// A transaction: a session, and a number that grows within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionId {
    /// The writer.
    pub session: SessionId,
    /// The transaction's number within the session, from 1.
    pub sequence: u64,
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.session, self.sequence)
    }
}

/// A segment: the session that wrote it, and a number that grows within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentId {
    /// The writer.
    pub session: SessionId,
    /// The segment's number within the session, from 1.
    pub number: u64,
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.session, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::SeededRandom;

    #[test]
    fn ids_survive_bytes_and_text() -> Result<(), Error> {
        let random = SeededRandom::new(7);
        let table = TableId::random(&random);
        assert_eq!(TableId::from_bytes(&table.to_bytes())?, table);
        assert_eq!(table.to_string().parse::<TableId>()?, table);
        let session = SessionId { opened_at: 12, random: random.next_u128() };
        assert_eq!(SessionId::from_bytes(&session.to_bytes())?, session);
        Ok(())
    }

    #[test]
    fn ids_of_a_wrong_length_are_corrupt() {
        for length in [0, 7, 8, 15, 17, 23, 25] {
            assert!(TableId::from_bytes(&vec![0; length]).is_err());
            assert!(SessionId::from_bytes(&vec![0; length]).is_err());
        }
    }
}
