//! Errors that say what the caller can do about them.
//!
//! There is one error type for the whole crate. Its [`ErrorKind`] is made for programs (retry? give up? report?), its message for people: it names
//! the object and the value at fault, and, where there is one, the way out as a hint.

use std::fmt;
use std::sync::Arc;

use crate::ids::TransactionId;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A database, schema, table, object or snapshot that was asked for does not exist.
    NotFound,
    /// Something of this name exists already.
    AlreadyExists,
    /// Another transaction got in the way; nothing was committed. Running the transaction again on a fresh snapshot can succeed.
    Conflict,
    /// The commit may or may not have happened; [`Error::transaction`] is what to ask for later. Do not run it again blindly.
    OutcomeUnknown,
    /// The store did not answer, or answered that it is overloaded; the same call can succeed later.
    Unavailable,
    /// The store refused the credentials, or they do not allow this.
    PermissionDenied,
    /// The input is wrong: a value, an option, a name, a file.
    Invalid,
    /// The input is understood, but this version does not carry it out.
    Unsupported,
    /// Bytes that were read are not the bytes that were written.
    Corrupt,
    /// A limit was reached: space on disk, memory, size of a record.
    Limit,
    /// The database was opened for reading only.
    ReadOnly,
    /// A defect of this program.
    Internal,
}

impl ErrorKind {
    /// The kind in words, as it stands before messages on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not found",
            Self::AlreadyExists => "already exists",
            Self::Conflict => "conflict",
            Self::OutcomeUnknown => "outcome unknown",
            Self::Unavailable => "unavailable",
            Self::PermissionDenied => "permission denied",
            Self::Invalid => "invalid",
            Self::Unsupported => "not supported",
            Self::Corrupt => "corrupt",
            Self::Limit => "limit reached",
            Self::ReadOnly => "read only",
            Self::Internal => "internal error",
        }
    }
}

/// A place in a text: line and column, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The character in the line.
    pub column: u64,
}

/// An error of this crate. Cloning is cheap: one failed record answers every transaction in it.
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    position: Option<Position>,
    transaction: Option<TransactionId>,
    source: Option<Arc<dyn std::error::Error + Send + Sync + 'static>>,
}

impl Error {
    /// An error of a kind, with a message that names the object and the value at fault.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { inner: Arc::new(Inner { kind, message: message.into(), hint: None, position: None, transaction: None, source: None }) }
    }

    fn change(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        change(&mut inner);
        Self { inner: Arc::new(inner) }
    }

    /// Adds the way out.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        self.change(|inner| inner.hint = Some(hint.into()))
    }

    /// Tells where in the text of the statement the fault is, unless that is known already.
    #[must_use]
    pub fn at(self, position: Position) -> Self {
        self.change(|inner| inner.position = inner.position.or(Some(position)))
    }

    /// Adds the transaction whose outcome this is about.
    #[must_use]
    pub fn with_transaction(self, transaction: TransactionId) -> Self {
        self.change(|inner| inner.transaction = Some(transaction))
    }

    /// Keeps the error that led to this one.
    #[must_use]
    pub fn with_source(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.change(|inner| inner.source = Some(Arc::new(source)))
    }

    /// Puts "while doing what" before the message.
    #[must_use]
    pub fn context(self, doing: impl fmt::Display) -> Self {
        self.change(|inner| inner.message = format!("{doing}: {}", inner.message))
    }

    /// What the caller can do.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The message without kind and hint.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The way out, where there is one to tell.
    pub fn hint(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }

    /// Where in the text of the statement the fault is.
    pub fn position(&self) -> Option<Position> {
        self.inner.position
    }

    /// The transaction that this is about, if it is about one.
    pub fn transaction(&self) -> Option<TransactionId> {
        self.inner.transaction
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)?;
        if let Some(Position { line, column }) = self.inner.position {
            write!(f, " (line {line}, column {column})")?;
        }
        match &self.inner.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.inner.kind.name())?;
        match &self.inner.source {
            Some(source) => write!(f, " (caused by: {source:?})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_ref().map(|source| source.as_ref() as &(dyn std::error::Error + 'static))
    }
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        impl Error {
            $($(#[$doc])* pub fn $name(message: impl Into<String>) -> Self { Self::new(ErrorKind::$kind, message) })*
        }
    };
}

constructors! {
    /// Something that was asked for does not exist.
    not_found => NotFound;
    /// Something of this name exists already.
    already_exists => AlreadyExists;
    /// Another transaction got in the way; nothing was committed.
    conflict => Conflict;
    /// The store did not answer.
    unavailable => Unavailable;
    /// The input is wrong.
    invalid => Invalid;
    /// The input is understood but not carried out.
    unsupported => Unsupported;
    /// Bytes read are not the bytes written.
    corrupt => Corrupt;
    /// A limit was reached.
    limit => Limit;
    /// The database was opened for reading only.
    read_only => ReadOnly;
    /// A defect of this program.
    internal => Internal;
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::invalid(error.to_string()).with_source(error)
    }
}

impl From<prost::DecodeError> for Error {
    fn from(error: prost::DecodeError) -> Self {
        Self::corrupt(format!("a protobuf message does not decode: {error}")).with_source(error)
    }
}
